//! Compaction: segments are rewritten one after another without the lines that have been replaced.
//!
//! This file is what the compactor and the rest of the store tell each other.

mod compactor;
mod policy;
mod rewriter;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

pub(super) use compactor::Compactor;

use super::manifest::Sealed;
use super::segment::SegmentName;
use crate::error::{Error, ErrorKind, Result};

/// What compaction has done since the store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactionReport {
    /// How many segments were rewritten or put together.
    pub segments: u64,
    /// How many bytes fewer the journal has for it.
    pub reclaimed_bytes: u64,
}

impl CompactionReport {
    pub(super) fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.reclaimed_bytes += other.reclaimed_bytes;
    }
}

/// The compacted segment that is to take the place of others.
#[derive(Debug)]
pub(super) struct Replacement {
    /// Neighbours in the journal, in order.
    pub replaced: Vec<SegmentName>,
    pub by: Sealed,
}

/// For how long writes are let be before somebody looks at what they left behind: a few lines that take
/// the place of many never fill a segment.
const LULL: Duration = Duration::from_millis(100);
/// As [`LULL`], after an attempt that failed: the next may copy a whole segment in vain as well.
const LULL_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Work for the compactor, and how it gets on.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    /// Whether something was written since somebody looked; outside the state for the writer's sake.
    written: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a segment was sealed that nobody has looked at.
    sealed: bool,
    /// Those who wait for all garbage to go.
    waiting: Vec<oneshot::Sender<Result<CompactionReport>>>,
    stopped: bool,
    total: CompactionReport,
    /// Why the last attempt failed; none after one that did not.
    failure: Option<String>,
    /// Why a segment cannot be compacted at all.
    damage: Option<String>,
    busy: bool,
}

/// What the compactor is to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Look for segments that are worth it.
    Look,
    /// Take all garbage away, and answer.
    All(Vec<oneshot::Sender<Result<CompactionReport>>>),
    Stop,
}

impl Compaction {
    /// Waits for something to do.
    pub(super) fn wait(&self) -> Order {
        let mut state = self.state.lock();
        state.busy = false;
        let mut due = None;
        loop {
            if state.stopped {
                state.waiting.clear();
                return Order::Stop;
            }
            if !state.waiting.is_empty() {
                state.busy = true;
                return Order::All(std::mem::take(&mut state.waiting));
            }
            if due.is_none() && self.written.load(Ordering::Relaxed) {
                let failed = state.failure.is_some();
                due = Some(Instant::now() + if failed { LULL_AFTER_FAILURE } else { LULL });
            }
            if state.sealed || due.is_some_and(|due| due <= Instant::now()) {
                state.sealed = false;
                state.busy = true;
                self.written.store(false, Ordering::Relaxed);
                return Order::Look;
            }
            match due {
                None => self.changed.wait(&mut state),
                Some(due) => drop(self.changed.wait_until(&mut state, due)),
            }
        }
    }

    /// Notes that a segment was sealed.
    pub(super) fn note_sealed(&self) {
        self.state.lock().sealed = true;
        self.changed.notify_all();
    }

    /// Notes that something was written, so that somebody looks in a while.
    pub(super) fn note_written(&self) {
        // The compactor need not be woken up for what it is going to look at anyway.
        if !self.written.swap(true, Ordering::Relaxed) {
            let _state = self.state.lock();
            self.changed.notify_all();
        }
    }

    /// Asks for all garbage to be taken away.
    ///
    /// # Errors
    /// `Closed` when the compactor is gone.
    pub(super) fn ask(&self) -> Result<oneshot::Receiver<Result<CompactionReport>>> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err(stopped());
        }
        let (reply, report) = oneshot::channel();
        state.waiting.push(reply);
        self.changed.notify_all();
        Ok(report)
    }

    /// Ends the compactor at its next look.
    pub(super) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// Whether the compactor has work, and its last attempt succeeded.
    pub(super) fn is_gaining(&self) -> bool {
        let state = self.state.lock();
        !state.stopped && state.failure.is_none() && (state.busy || state.sealed)
    }

    /// Notes what came of one attempt.
    pub(super) fn note(&self, result: &Result<CompactionReport>) {
        let mut state = self.state.lock();
        match result {
            Ok(report) => {
                state.total.add(report);
                state.failure = None;
            }
            // The same again will not help, and others are compacted all the same.
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                state.damage = Some(error.to_string());
            }
            Err(error) => state.failure = Some(error.to_string()),
        }
    }

    /// All that was done, and why the last attempt failed or what cannot be compacted at all.
    pub(super) fn total(&self) -> (CompactionReport, Option<String>) {
        let state = self.state.lock();
        (state.total.clone(), state.failure.clone().or_else(|| state.damage.clone()))
    }
}

/// The error of those who wait for a compactor that ends.
pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Closed, "database was closed before compaction was finished")
}
