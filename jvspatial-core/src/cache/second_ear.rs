//! Changes that the database tells of and no process did.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jvspatial_cache::{Answers, Cache as _, RedisCache};
use jvspatial_db::{ChangeKind, Database, DocumentChange};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::change_feed::{ChangeFeed, Listener, Pulse};
use super::coherence::{Coherence, Peers};
use super::redis::RedisPeers;
use super::slot::Slot;
use super::told::Told;
use super::touched::Touched;
use super::written::Written;

/// The key under which it is kept that somebody follows the database.
const FOLLOWED: &[u8] = b"followed";
/// For how long that counts.
const SIGN: Duration = Duration::from_secs(3);
/// The time between two such signs.
const BETWEEN_SIGNS: Duration = Duration::from_secs(1);

/// The processes that share a namespace in Redis, and whoever writes to the database without telling them: other programs,
/// and processes that ended between a write and its message.
#[derive(Debug)]
pub(super) struct SecondEar {
    bus: RedisPeers,
    feed: ChangeFeed,
    tasks: Option<[AbortHandle; 2]>,
}

impl SecondEar {
    /// Follows the database until this is dropped. What processes tell of by `bus` has to be told to `told` as well.
    pub(super) fn new(
        bus: RedisPeers,
        told: &Arc<Told>,
        database: Arc<dyn Database>,
        coherence: &Arc<Coherence>,
        max_stale: Duration,
    ) -> Self {
        let grace = grace(max_stale);
        let redis = bus.redis().clone();
        let listener = Ear { told: Arc::clone(told), redis: redis.clone(), grace, max_stale };
        // What was heard waits for as long as a grace twice.
        let bound = max_stale.saturating_sub(grace * 2);
        let feed = ChangeFeed::follow(database, coherence, bound, listener);
        let telling = tell(Arc::clone(told), Arc::downgrade(coherence), grace);
        let signing = sign(redis, feed.pulse(), bound);
        let tasks = Handle::try_current().ok().map(|runtime| {
            [runtime.spawn(telling).abort_handle(), runtime.spawn(signing).abort_handle()]
        });
        Self { bus, feed, tasks }
    }
}

/// For how long what the database tells of may be told by a process.
fn grace(max_stale: Duration) -> Duration {
    (max_stale / 10).min(Duration::from_millis(200))
}

#[async_trait]
impl Peers for SecondEar {
    async fn tell(&self, touched: &Touched, written: &[Written]) {
        self.bus.tell(touched, written).await;
    }

    async fn tell_of_all(&self) {
        self.bus.tell_of_all().await;
    }

    async fn confirm(&self, slots: &[Slot]) -> Vec<bool> {
        self.bus.confirm(slots).await
    }

    fn answers(&self) -> Option<&Answers> {
        self.bus.answers()
    }

    fn is_heard(&self) -> bool {
        self.bus.is_heard() && self.feed.is_heard()
    }

    async fn leave(&self) {
        self.tasks.iter().flatten().for_each(AbortHandle::abort);
        // Who comes next cannot know whether others follow, and begins anew unless they say so.
        let _ = self.bus.redis().remove(FOLLOWED).await;
        self.bus.leave().await;
    }
}

impl Drop for SecondEar {
    fn drop(&mut self) {
        self.tasks.iter().flatten().for_each(AbortHandle::abort);
    }
}

/// Tells apart what is told by the database alone.
#[derive(Debug)]
struct Ear {
    told: Arc<Told>,
    redis: RedisCache,
    grace: Duration,
    max_stale: Duration,
}

#[async_trait]
impl Listener for Ear {
    async fn begins(&self, is_first: bool) {
        self.told.clear();
        // What was written while nobody listened is not known, and is still kept as it was.
        if !is_first || !matches!(self.redis.get(FOLLOWED).await, Ok(Some(_))) {
            self.forget_all().await;
        }
    }

    fn changed(&self, _coherence: &Coherence, change: &DocumentChange) {
        let written = Written::by(&change.id, change.kind, change.version);
        let is_new_or_gone = change.kind != ChangeKind::Updated;
        let touched = || Touched::by_change(&change.id, is_new_or_gone);
        self.told.by_database(written, touched, self.grace, self.max_stale);
    }

    async fn lost(&self) {
        self.told.clear();
        self.forget_all().await;
    }
}

impl Ear {
    async fn forget_all(&self) {
        // A failure is a gap, after which nothing is read that was kept before.
        let _ = self.redis.clear().await;
    }
}

/// Makes untrue, here and everywhere, what the database told of and no process did in time.
async fn tell(told: Arc<Told>, coherence: Weak<Coherence>, grace: Duration) {
    loop {
        told.waits().await;
        let Some(coherence) = coherence.upgrade() else { return };
        let untold = told.untold();
        if !untold.is_empty() {
            let mut all = Touched::default();
            untold.into_iter().for_each(|touched| all.merge(touched));
            coherence.changed(&all).await;
        }
        drop(coherence);
        tokio::time::sleep(grace).await;
    }
}

/// Keeps it known that the database is followed, as long as it is.
async fn sign(redis: RedisCache, pulse: Arc<Pulse>, bound: Duration) {
    loop {
        if pulse.is_within(bound) {
            // Without a sign the next process begins anew.
            let (mark, sign) = (redis.mark(), Bytes::from_static(b"1"));
            let _ = redis.set_newer(&mark, FOLLOWED, 1, sign, Some(SIGN)).await;
        }
        tokio::time::sleep(BETWEEN_SIGNS).await;
    }
}
