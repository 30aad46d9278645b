//! What this process knows of the namespace in Redis, and how long ago it was told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{FromRedisValue, ParsingError, Value};
use tokio::sync::watch;

use crate::mark::Point;

/// The state of a namespace, as every script tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The number that is part of every key: with a new one all that was kept is out of reach.
    pub(super) era: u64,
    /// How often something was removed.
    pub(super) seq: u64,
    /// The number of the newest message.
    pub(super) msg: u64,
}

impl FromRedisValue for State {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (era, seq, msg) = <(u64, u64, u64)>::from_redis_value(value)?;
        Ok(Self { era, seq, msg })
    }
}

/// What the bus follows: told at every beat, and when an era begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tick {
    pub(super) state: State,
}

/// What is known of the namespace.
///
/// A *gap* is a change that this process made and could not tell. From then on it trusts nothing in Redis
/// until a beat that knows of the gap has begun a new era.
#[derive(Debug)]
pub(super) struct Pulse {
    known: Mutex<Known>,
    gaps: AtomicU64,
    trust: Duration,
    ticks: watch::Sender<Tick>,
}

#[derive(Debug, Default)]
struct Known {
    state: State,
    /// When the last answered beat was sent.
    sent: Option<Instant>,
    /// The gaps that an era made good.
    healed: u64,
}

impl Pulse {
    pub(super) fn new(trust: Duration) -> Self {
        Self {
            known: Mutex::default(),
            gaps: AtomicU64::new(0),
            trust,
            ticks: watch::Sender::new(Tick::default()),
        }
    }

    pub(super) fn ticks(&self) -> watch::Receiver<Tick> {
        self.ticks.subscribe()
    }

    pub(super) fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::SeqCst);
    }

    /// How often this process could not tell what it changed.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::SeqCst)
    }

    pub(super) fn era(&self) -> u64 {
        self.known.lock().state.era
    }

    /// Whether a beat has to begin a new era because of the first `gaps` gaps.
    pub(super) fn has_open(&self, gaps: u64) -> bool {
        self.known.lock().healed < gaps
    }

    /// The era and place to read and keep values at, if what is known can be believed.
    pub(super) fn trusted(&self) -> Option<Point> {
        let known = self.known.lock();
        let fresh = known.sent.is_some_and(|sent| sent.elapsed() < self.trust);
        // Asked under the lock, so that a gap and its healing are seen in order.
        let whole = known.healed >= self.gaps.load(Ordering::SeqCst);
        (fresh && whole).then_some(Point { era: known.state.era, seq: known.state.seq })
    }

    /// How long ago the last beat was sent that was answered.
    pub(super) fn age(&self) -> Option<Duration> {
        self.known.lock().sent.map(|sent| sent.elapsed())
    }

    /// Whether a beat was answered lately.
    pub(super) fn is_fresh(&self) -> bool {
        self.age().is_some_and(|age| age < self.trust)
    }

    /// A beat sent at `sent` was answered, which knew of the first `gaps` gaps.
    pub(super) fn beaten(&self, state: State, sent: Instant, gaps: u64) {
        let mut known = self.known.lock();
        known.sent = Some(known.sent.map_or(sent, |before| before.max(sent)));
        known.healed = known.healed.max(gaps);
        known.learn(state);
        let tick = Tick { state: known.state };
        self.ticks.send_replace(tick);
    }

    /// A script told the state beside its answer.
    pub(super) fn told(&self, state: State) {
        let mut known = self.known.lock();
        let era = known.state.era;
        known.learn(state);
        if known.state.era != era {
            let tick = Tick { state: known.state };
            self.ticks.send_replace(tick);
        }
    }
}

impl Known {
    /// Answers may come in another order than they were given.
    fn learn(&mut self, state: State) {
        if state.era > self.state.era {
            // The counts may have begun anew with the era.
            self.state = state;
        } else if state.era == self.state.era {
            self.state.seq = self.state.seq.max(state.seq);
            self.state.msg = self.state.msg.max(state.msg);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: State = State { era: 5, seq: 1, msg: 1 };

    #[test]
    fn nothing_is_trusted_before_the_first_beat_nor_long_after_the_last() {
        let pulse = Pulse::new(Duration::from_secs(1));
        assert_eq!(pulse.trusted(), None);
        pulse.beaten(STATE, Instant::now(), 0);
        assert_eq!(pulse.trusted(), Some(Point { era: 5, seq: 1 }));
        let pulse = Pulse::new(Duration::ZERO);
        pulse.beaten(STATE, Instant::now(), 0);
        assert_eq!(pulse.trusted(), None);
    }

    #[test]
    fn a_gap_is_healed_only_by_a_beat_that_knows_of_it() {
        let pulse = Pulse::new(Duration::from_secs(1));
        pulse.beaten(STATE, Instant::now(), 0);
        pulse.gap();
        assert_eq!(pulse.trusted(), None);
        pulse.beaten(STATE, Instant::now(), 0);
        assert_eq!(pulse.trusted(), None);
        assert!(pulse.has_open(1));
        pulse.beaten(State { era: 6, ..STATE }, Instant::now(), 1);
        assert_eq!(pulse.trusted(), Some(Point { era: 6, seq: 1 }));
    }

    #[test]
    fn an_answer_that_comes_late_takes_nothing_back() {
        let pulse = Pulse::new(Duration::from_secs(1));
        pulse.beaten(State { era: 6, seq: 0, msg: 0 }, Instant::now(), 0);
        pulse.told(State { era: 5, seq: 9, msg: 9 });
        pulse.told(State { era: 6, seq: 2, msg: 0 });
        pulse.told(State { era: 6, seq: 1, msg: 0 });
        assert_eq!(pulse.trusted(), Some(Point { era: 6, seq: 2 }));
    }
}
