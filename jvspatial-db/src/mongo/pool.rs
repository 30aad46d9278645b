//! The connections to each server, as the driver tells of them.

use std::sync::Arc;
use std::time::Duration;

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::ServerAddress;
use parking_lot::Mutex;

/// The connections to one server, at one moment.
///
/// A call that finds all of them in use, and no room for another, waits for one. The connection by which each server is
/// looked at is not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// The server, by host and port.
    pub server: String,
    /// How many connections there are, those in the making included.
    pub size: u32,
    /// How many connections there may be.
    pub max: u32,
    /// How many connections calls have now.
    pub in_use: u32,
    /// How many calls wait for a connection now.
    pub waiting: u32,
    /// How often a call has had a connection.
    pub uses: u64,
    /// How often a call could have none, since no connection could be made.
    pub failures: u64,
    /// How long calls have waited for a connection, all together.
    pub waited: Duration,
    /// How long one call has waited at most.
    pub longest_wait: Duration,
}

/// The pools of all servers.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools(Arc<Mutex<Vec<(ServerAddress, PoolStats)>>>);

impl Pools {
    /// What there is now, in the order in which the servers became known.
    pub(super) fn stats(&self) -> Vec<PoolStats> {
        self.0.lock().iter().map(|(_, stats)| stats.clone()).collect()
    }

    /// What the driver is to tell of its pools, each of which takes `max` connections.
    pub(super) fn handler(&self, max: u32) -> EventHandler<CmapEvent> {
        let pools = self.clone();
        EventHandler::callback(move |event| pools.note(event, max))
    }

    fn note(&self, event: CmapEvent, max: u32) {
        match event {
            CmapEvent::PoolCreated(event) => self.begin(event.address, max),
            CmapEvent::PoolClosed(event) => self.0.lock().retain(|(own, _)| *own != event.address),
            CmapEvent::ConnectionCreated(event) => self.of(&event.address, |pool| pool.size += 1),
            CmapEvent::ConnectionClosed(event) => {
                self.of(&event.address, |pool| pool.size = pool.size.saturating_sub(1));
            }
            CmapEvent::ConnectionCheckoutStarted(event) => {
                self.of(&event.address, |pool| pool.waiting += 1);
            }
            CmapEvent::ConnectionCheckoutFailed(event) => self.of(&event.address, |pool| {
                pool.end_wait(event.duration);
                pool.failures += 1;
            }),
            CmapEvent::ConnectionCheckedOut(event) => self.of(&event.address, |pool| {
                pool.end_wait(event.duration);
                pool.uses += 1;
                pool.in_use += 1;
            }),
            CmapEvent::ConnectionCheckedIn(event) => {
                self.of(&event.address, |pool| pool.in_use = pool.in_use.saturating_sub(1));
            }
            _ => {}
        }
    }

    fn begin(&self, address: ServerAddress, max: u32) {
        let stats = PoolStats {
            server: address.to_string(),
            size: 0,
            max,
            in_use: 0,
            waiting: 0,
            uses: 0,
            failures: 0,
            waited: Duration::ZERO,
            longest_wait: Duration::ZERO,
        };
        let mut pools = self.0.lock();
        pools.retain(|(own, _)| *own != address);
        pools.push((address, stats));
    }

    /// Changes the pool of a server, if it is known: a connection may outlive its pool.
    fn of(&self, address: &ServerAddress, change: impl FnOnce(&mut PoolStats)) {
        if let Some((_, stats)) = self.0.lock().iter_mut().find(|(own, _)| own == address) {
            change(stats);
        }
    }
}

impl PoolStats {
    fn end_wait(&mut self, waited: Duration) {
        self.waiting = self.waiting.saturating_sub(1);
        self.waited = self.waited.saturating_add(waited);
        self.longest_wait = self.longest_wait.max(waited);
    }
}
