//! What waits for the writer.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::draft::Draft;
use crate::error::{Error, ErrorKind, Result};
use crate::write::WriteReport;

/// A batch and where its report goes.
#[derive(Debug)]
pub(super) struct Request {
    pub draft: Draft,
    pub reply: oneshot::Sender<Result<WriteReport>>,
}

/// Batches on their way to the one writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<Request>,
    closers: Vec<oneshot::Sender<Result<()>>>,
    mode: Mode,
}

/// Whether the store takes writes.
#[derive(Clone, Debug, Default)]
enum Mode {
    #[default]
    Open,
    /// A sync failed; the text says which.
    Poisoned(String),
    Closing,
    Closed,
}

/// Why the writer woke up.
#[derive(Debug)]
pub(super) enum Wake {
    Requests(Vec<Request>),
    /// The time given is up.
    Due,
    /// The store is to be closed, and nothing waits any more.
    Close,
}

impl Queue {
    /// Hands a batch over.
    ///
    /// # Errors
    /// `Closed` or `Poisoned` when the store takes no more.
    pub(super) fn submit(&self, request: Request) -> Result<()> {
        let mut state = self.state.lock();
        match &state.mode {
            Mode::Open => state.requests.push(request),
            Mode::Poisoned(why) => return Err(poisoned(why)),
            Mode::Closing | Mode::Closed => return Err(closed()),
        }
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Fails as a call made now would.
    pub(super) fn check_readable(&self) -> Result<()> {
        match self.state.lock().mode {
            Mode::Open | Mode::Poisoned(_) => Ok(()),
            Mode::Closing | Mode::Closed => Err(closed()),
        }
    }

    /// Asks the writer to finish; `None` when it already has.
    pub(super) fn close(&self) -> Option<oneshot::Receiver<Result<()>>> {
        let mut state = self.state.lock();
        if matches!(state.mode, Mode::Closed) {
            return None;
        }
        if !matches!(state.mode, Mode::Poisoned(_)) {
            state.mode = Mode::Closing;
        }
        let (reply, receiver) = oneshot::channel();
        state.closers.push(reply);
        drop(state);
        self.filled.notify_one();
        Some(receiver)
    }

    /// Waits for something to do, until `due` at the longest.
    pub(super) fn wait(&self, due: Option<Instant>) -> Wake {
        let mut state = self.state.lock();
        loop {
            if !state.requests.is_empty() {
                return Wake::Requests(std::mem::take(&mut state.requests));
            }
            if !state.closers.is_empty() || matches!(state.mode, Mode::Closing) {
                return Wake::Close;
            }
            match due {
                None => self.filled.wait(&mut state),
                Some(due) => {
                    if self.filled.wait_until(&mut state, due).timed_out() {
                        return Wake::Due;
                    }
                }
            }
        }
    }

    /// Refuses writes from now on, those that wait included.
    pub(super) fn poison(&self, why: &str) {
        let mut state = self.state.lock();
        if matches!(state.mode, Mode::Open | Mode::Closing) {
            state.mode = Mode::Poisoned(why.to_owned());
        }
        for request in std::mem::take(&mut state.requests) {
            let _ = request.reply.send(Err(poisoned(why)));
        }
    }

    /// Notes that the writer is gone and answers who waits for that.
    pub(super) fn finish(&self, result: impl Fn() -> Result<()>) {
        let mut state = self.state.lock();
        state.mode = Mode::Closed;
        for request in std::mem::take(&mut state.requests) {
            let _ = request.reply.send(Err(closed()));
        }
        for reply in std::mem::take(&mut state.closers) {
            let _ = reply.send(result());
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "database was closed")
}

fn poisoned(why: &str) -> Error {
    Error::new(
        ErrorKind::Poisoned,
        "database takes no more writes, because an earlier one could not be made durable; open it again",
    )
    .with("cause", why)
}
