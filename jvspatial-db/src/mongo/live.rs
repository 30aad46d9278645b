//! A transaction of the server in one session, call after call, until its end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bson::RawDocumentBuf;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use mongodb::ClientSession;
use mongodb::error::{
    Error as DriverError, ErrorKind as DriverErrorKind, Result as DriverResult,
    TRANSIENT_TRANSACTION_ERROR,
};
use mongodb::options::ReadConcern;
use mongodb::raw_batch_cursor::{RawBatch, SessionRawBatchCursor};
use parking_lot::Mutex;
use tokio::time::timeout;

use super::client::{Client, Task};
use super::error::of_read;
use super::write::{Committed, commit};
use crate::error::{Error, ErrorKind, Result};

/// Codes of a transaction that met another one: a write conflict, a snapshot that a change of a collection has
/// overtaken, a lock that somebody holds.
const MET: [i32; 3] = [112, 246, 24];
/// The code of a server that has no room for a transaction, which it would not have the next time either.
const TOO_LARGE_FOR_CACHE: i32 = 388;

/// A transaction of the server.
///
/// A command that fails ends it, since the server then gives it up; so does one whose answer does not come before the
/// deadline, since nobody knows what it has done.
pub(super) struct Live {
    client: Arc<Client>,
    /// Absent after the end.
    open: tokio::sync::Mutex<Option<Open>>,
    is_over: AtomicBool,
    is_outrun: AtomicBool,
    /// Cursors that nobody reads any more.
    left: Mutex<Vec<u64>>,
}

/// What a call works with.
pub(super) struct Open {
    pub(super) session: ClientSession,
    /// How many operations its batches had so far.
    pub(super) operations: usize,
    cursors: BTreeMap<u64, Held>,
    next: u64,
}

/// A search that is not at its end.
struct Held {
    /// Absent when all is fetched.
    cursor: Option<SessionRawBatchCursor>,
    ready: VecDeque<RawBatch>,
}

/// Why a call has failed, and what that means for the transaction.
pub(super) enum Failure {
    /// The server refused a command, or nobody knows what it did with it: the transaction is over.
    Driver(DriverError),
    /// The server refused a statement in words of ours: the transaction is over, and may be begun again if it says so.
    Over { error: Error, is_outrun: bool },
    /// Nothing reached the server.
    Ours(Error),
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Live {
    /// Begins a transaction. The server is told with the first command in it, and shows its data as of then.
    ///
    /// # Errors
    /// Those of `Client::run`.
    pub(super) async fn begin(client: &Arc<Client>) -> Result<Arc<Self>> {
        let longest = client.deadline();
        let begun = client.run(move |task| async move {
            let begun = async {
                let mut session = task.database.client().start_session().await?;
                // What this handle was told before is not missing in the snapshot.
                if let Some(newest) = task.seen.newest() {
                    session.advance_operation_time(newest);
                }
                session
                    .start_transaction()
                    .read_concern(ReadConcern::snapshot())
                    .write_concern(task.concern())
                    .max_commit_time(longest)
                    .await?;
                Ok(session)
            };
            begun.await.map_err(|error| of_read(&error))
        });
        let session = begun.await?;
        let open = Open { session, operations: 0, cursors: BTreeMap::new(), next: 0 };
        let live = Arc::new(Self {
            client: Arc::clone(client),
            open: tokio::sync::Mutex::new(Some(open)),
            is_over: AtomicBool::new(false),
            is_outrun: AtomicBool::new(false),
            left: Mutex::default(),
        });
        client.watch_transaction(&live);
        Ok(live)
    }

    pub(super) fn is_outrun(&self) -> bool {
        self.is_outrun.load(Ordering::Acquire)
    }

    /// Refuses what asks nothing of the server after the end.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.is_over.load(Ordering::Acquire) { Err(ended()) } else { Ok(()) }
    }

    /// Makes a call in the transaction, after those before it. It goes on to its end when the future is dropped.
    ///
    /// # Errors
    /// `Conflict` when others got ahead, `Closed` after the end, and those of `Client::run`. All but a failure of
    /// ours end the transaction.
    pub(super) async fn call<T, F>(self: &Arc<Self>, make: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Open, &'a Task) -> BoxFuture<'a, Result<T, Failure>>
            + Send
            + 'static,
    {
        let is_answered = Arc::new(AtomicBool::new(false));
        let (live, answered) = (Arc::clone(self), Arc::clone(&is_answered));
        let called = self.client.run(|task| async move {
            let answer = live.call_open(make, &task).await;
            answered.store(true, Ordering::Release);
            answer
        });
        let answer = called.await;
        if !is_answered.load(Ordering::Acquire) {
            self.is_over.store(true, Ordering::Release);
        }
        answer
    }

    async fn call_open<T, F>(&self, make: F, task: &Task) -> Result<T>
    where
        F: for<'a> FnOnce(&'a mut Open, &'a Task) -> BoxFuture<'a, Result<T, Failure>>,
    {
        let mut place = self.open.lock().await;
        let answer = match &mut *place {
            Some(open) if self.check_open().is_ok() => {
                self.forget_left(open);
                make(open, task).await
            }
            _ => Err(Failure::Ours(ended())),
        };
        let answer = answer.map_err(|failure| self.judge(failure));
        if self.is_over.load(Ordering::Acquire) {
            self.abort(place.take());
        }
        answer
    }

    /// What a failure means to the caller, and to the transaction.
    fn judge(&self, failure: Failure) -> Error {
        let (error, is_outrun) = match failure {
            Failure::Ours(error) => return error,
            Failure::Over { error, is_outrun } => (error, is_outrun),
            Failure::Driver(error) => told(&error),
        };
        self.is_outrun.store(is_outrun, Ordering::Release);
        self.is_over.store(true, Ordering::Release);
        error
    }

    /// Commits, and asks again what became of it as long as nobody knows and there is time.
    ///
    /// # Errors
    /// `Conflict` and `Unavailable` when nothing happened, `Unknown`, `Closed` after the end.
    pub(super) async fn commit(self: &Arc<Self>) -> Result<()> {
        let live = Arc::clone(self);
        let committed = self.client.change(|task| async move {
            let open = live.open.lock().await.take();
            if live.is_over.swap(true, Ordering::AcqRel) {
                live.abort(open);
                return Err(ended());
            }
            let Some(mut open) = open else { return Err(ended()) };
            match commit(&task, &mut open.session).await {
                Committed::Done => Ok(()),
                Committed::Not(error) => {
                    let (error, is_outrun) = told(&error);
                    live.is_outrun.store(is_outrun, Ordering::Release);
                    Err(error)
                }
                Committed::Unknown(error) => Err(Error::new(
                    ErrorKind::Unknown,
                    "no server told whether the transaction was committed",
                )
                .with_source(of_read(&error))),
            }
        });
        committed.await
    }

    /// Gives the transaction up, if it is not over, after the calls that are under way.
    pub(super) async fn give_up(self: &Arc<Self>) {
        self.is_over.store(true, Ordering::Release);
        let live = Arc::clone(self);
        let task = tokio::spawn(async move {
            let open = live.open.lock().await.take();
            if let Some(mut open) = open {
                // One that cannot be told is given up by the server in time.
                let _ = open.session.abort_transaction().await;
            }
        });
        let _ = timeout(self.client.deadline(), task).await;
    }

    /// Ends the transaction for all calls to come. What holds the session lets go of it then.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Ok(mut place) = self.open.try_lock() {
            self.abort(place.take());
        }
    }

    fn abort(&self, open: Option<Open>) {
        if let Some(open) = open {
            self.client.abort(open.session);
        }
    }

    /// Notes that nobody reads a cursor any more.
    pub(super) fn leave(&self, cursor: u64) {
        self.left.lock().push(cursor);
    }

    fn forget_left(&self, open: &mut Open) {
        for cursor in std::mem::take(&mut *self.left.lock()) {
            open.cursors.remove(&cursor);
        }
    }
}

impl Open {
    /// Begins a search, and returns its first batch and how to ask for more, if there is more.
    pub(super) async fn search(
        &mut self,
        task: &Task,
        command: RawDocumentBuf,
    ) -> DriverResult<(Option<RawBatch>, Option<u64>)> {
        let command = task.database.run_raw_cursor_command(command).session(&mut self.session);
        let mut cursor = command.batch().await?;
        let first = cursor.stream(&mut self.session).next().await.transpose()?;
        if first.as_ref().is_none_or(is_last) {
            return Ok((first, None));
        }
        let key = self.next;
        self.next += 1;
        self.cursors.insert(key, Held { cursor: Some(cursor), ready: VecDeque::new() });
        Ok((first, Some(key)))
    }

    /// The next batch of a search, and whether it is the last.
    pub(super) async fn more(&mut self, key: u64) -> DriverResult<(Option<RawBatch>, bool)> {
        let Some(held) = self.cursors.get_mut(&key) else { return Ok((None, true)) };
        if held.ready.is_empty() {
            held.fetch(&mut self.session).await?;
        }
        let batch = held.ready.pop_front();
        let is_over = held.cursor.is_none() && held.ready.is_empty();
        if is_over {
            self.cursors.remove(&key);
        }
        Ok((batch, is_over))
    }

    /// Fetches what searches under way have not yet shown, since they would show what is written from now on.
    pub(super) async fn finish_searches(&mut self) -> DriverResult<()> {
        for held in self.cursors.values_mut() {
            while held.cursor.is_some() {
                held.fetch(&mut self.session).await?;
            }
        }
        Ok(())
    }
}

impl Held {
    async fn fetch(&mut self, session: &mut ClientSession) -> DriverResult<()> {
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        let batch = cursor.stream(session).next().await.transpose()?;
        if batch.as_ref().is_none_or(is_last) {
            self.cursor = None;
        }
        self.ready.extend(batch);
        Ok(())
    }
}

/// Whether no batch comes after this one.
fn is_last(batch: &RawBatch) -> bool {
    let cursor = batch.as_raw_document().get_document("cursor");
    cursor.and_then(|cursor| cursor.get_i64("id")).is_ok_and(|id| id == 0)
}

/// The error of a command in a transaction, and whether the same may succeed in another one.
fn told(error: &DriverError) -> (Error, bool) {
    let code = match &*error.kind {
        DriverErrorKind::Command(refusal) => Some(refusal.code),
        _ => None,
    };
    let source = of_read(error);
    if !error.contains_label(TRANSIENT_TRANSACTION_ERROR) || code == Some(TOO_LARGE_FOR_CACHE) {
        return (source, false);
    }
    if code.is_some_and(|code| MET.contains(&code)) {
        return (met(source), true);
    }
    let given_up = Error::new(ErrorKind::Unavailable, "server gave the transaction up");
    (given_up.with_source(source), true)
}

/// The error of a transaction that others got ahead of.
pub(super) fn met(source: Error) -> Error {
    Error::new(ErrorKind::Conflict, "others changed what the transaction has seen")
        .with_source(source)
}

/// Whether a server with this code has met another transaction.
pub(super) fn is_met(code: i32) -> bool {
    MET.contains(&code)
}

pub(super) fn ended() -> Error {
    Error::new(ErrorKind::Closed, "transaction has ended")
}

/// A search in a transaction that has more to show; the transaction does not live for it.
pub(super) struct More {
    pub(super) live: Weak<Live>,
    pub(super) key: u64,
}

impl Drop for More {
    fn drop(&mut self) {
        if let Some(live) = self.live.upgrade() {
            live.leave(self.key);
        }
    }
}
