//! What was acknowledged and is not written yet.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::time::Duration;

use foldhash::fast::RandomState;
use jvspatial_db::{Document, Error, ErrorKind, Handle, Id, Result, Version, WriteBatch};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::judge::Known;

/// A batch that was acknowledged.
#[derive(Debug)]
pub(super) struct Accepted {
    /// Its operations, of which none was refused when it was accepted.
    pub(super) batch: WriteBatch,
    /// The version of each document then.
    pub(super) versions: Vec<Option<Version>>,
    /// Its number; those of later ones are larger.
    pub(super) number: u64,
}

/// The batches in their order, and what they leave.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something was accepted, or is to end.
    pub(super) more: Notify,
    /// Something was written or refused, or cannot be.
    less: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Accepted>,
    pending: HashMap<Id, Pending, RandomState>,
    operations: usize,
    bytes: usize,
    /// The number of the last that was accepted.
    accepted: u64,
    /// The number of the last that was written or refused.
    settled: u64,
    /// Why nothing can be written now.
    trouble: Option<(ErrorKind, String)>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// Nothing more is accepted.
    Closing,
    /// Nobody is left to write for; what was accepted is given a last try.
    Abandoned,
    /// What was not written is lost.
    Over,
}

/// What a document will be.
#[derive(Debug)]
struct Pending {
    document: Option<Document>,
    /// The number of the last batch that writes it.
    number: u64,
}

impl Queue {
    /// What is pending of `handles`, one place for each.
    pub(super) fn pending(&self, handles: &[Handle]) -> Vec<Option<Option<Document>>> {
        let state = self.state.lock();
        if state.pending.is_empty() {
            return vec![None; handles.len()];
        }
        let of = |handle: &Handle| state.pending.get(handle.id()).map(|one| one.document.clone());
        handles.iter().map(of).collect()
    }

    /// Accepts what `decide` makes of what is pending of `ids`: a batch, the versions that it leaves, and the documents. What it
    /// answers besides comes back.
    pub(super) fn accept<'a, T>(
        &self,
        ids: impl Iterator<Item = &'a Id>,
        decide: impl FnOnce(Known) -> (T, Option<(WriteBatch, Vec<Option<Version>>, Known)>),
    ) -> T {
        let mut state = self.state.lock();
        let known = ids.filter_map(|id| {
            let pending = state.pending.get(id)?;
            Some((id.clone(), pending.document.clone()))
        });
        let (answer, accepted) = decide(known.collect());
        if let Some((batch, versions, left)) = accepted {
            state.accepted += 1;
            let number = state.accepted;
            for (id, document) in left {
                state.pending.insert(id, Pending { document, number });
            }
            state.operations += batch.len();
            state.bytes += batch.bytes();
            state.waiting.push_back(Accepted { batch, versions, number });
            drop(state);
            self.more.notify_one();
        }
        answer
    }

    /// Shows the batches that wait, oldest first.
    pub(super) fn look<T>(&self, look: impl FnOnce(&VecDeque<Accepted>) -> T) -> T {
        look(&self.state.lock().waiting)
    }

    /// The first `count` batches were written or refused.
    pub(super) fn settle(&self, count: usize) {
        let mut state = self.state.lock();
        let state = &mut *state;
        for one in state.waiting.drain(..count.min(state.waiting.len())) {
            state.operations -= one.batch.len();
            state.bytes -= one.batch.bytes();
            state.settled = one.number;
            for operation in one.batch.operations() {
                if state.pending.get(&operation.id).is_some_and(|last| last.number == one.number) {
                    state.pending.remove(&operation.id);
                }
            }
        }
        state.trouble = None;
        self.less.notify_waiters();
    }

    /// Nothing can be written now.
    pub(super) fn is_in_trouble(&self, error: &Error) {
        self.state.lock().trouble = Some((error.kind(), error.to_string()));
    }

    /// Waits until `count` operations with so many bytes may wait as well, or everything else is written.
    pub(super) async fn room(
        &self,
        (count, bytes): (usize, usize),
        (operations, most): (usize, usize),
        patience: Duration,
    ) -> Result<()> {
        let has_room = |state: &State| {
            let is_within = state.operations + count <= operations && state.bytes + bytes <= most;
            is_within || state.waiting.is_empty()
        };
        self.wait(patience, "queue of writes is full", has_room).await
    }

    /// Waits until what was accepted by now is written or refused.
    pub(super) async fn flushed(&self, patience: Duration) -> Result<()> {
        let target = self.state.lock().accepted;
        let is_flushed = |state: &State| state.settled >= target;
        self.wait(patience, "what was acknowledged is not written yet", is_flushed).await
    }

    async fn wait(
        &self,
        patience: Duration,
        what: &'static str,
        is_over: impl Fn(&State) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let mut less = pin!(self.less.notified());
            // Before the look, so that nothing is missed between it and the waiting.
            less.as_mut().enable();
            if is_over(&self.state.lock()) {
                return Ok(());
            }
            if timeout_at(deadline, less).await.is_err() {
                let state = self.state.lock();
                let error = Error::new(ErrorKind::Unavailable, what)
                    .with("operations", state.operations)
                    .with("waited", format_args!("{patience:?}"));
                return Err(match &state.trouble {
                    Some((_, cause)) => error.with("cause", cause),
                    None => error,
                });
            }
        }
    }

    /// Whether nothing more is accepted.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().phase != Phase::Open
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.state.lock().phase == Phase::Abandoned
    }

    /// Accepts nothing more.
    pub(super) fn close(&self) {
        self.change(|state| {
            if state.phase == Phase::Open {
                state.phase = Phase::Closing;
            }
        });
    }

    /// Nobody is left who could write or wait.
    pub(super) fn abandon(&self) {
        self.change(|state| {
            if state.phase == Phase::Open {
                state.phase = Phase::Abandoned;
            }
        });
    }

    /// Gives up what is not written, and says how many operations that is.
    pub(super) fn give_up(&self) -> usize {
        let lost = self.change(|state| {
            state.phase = Phase::Over;
            state.settled = state.accepted;
            state.waiting.clear();
            state.pending.clear();
            state.bytes = 0;
            std::mem::take(&mut state.operations)
        });
        self.less.notify_waiters();
        lost
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let answer = change(&mut self.state.lock());
        self.more.notify_one();
        answer
    }

    /// Whether the task that writes has nothing to do any more.
    pub(super) fn is_at_its_end(&self) -> bool {
        let state = self.state.lock();
        state.phase == Phase::Over || (state.phase != Phase::Open && state.waiting.is_empty())
    }

    /// How many operations and bytes wait.
    pub(super) fn size(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.operations, state.bytes)
    }
}
