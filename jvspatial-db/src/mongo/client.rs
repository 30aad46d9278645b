//! The driver behind a gate: every call in a task of its own, with a deadline, and none after closing.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bson::raw::{RawDocumentBuf, cstr};
use bson::{Document, rawdoc};
use mongodb::ClientSession;
use mongodb::error::Result as DriverResult;
use mongodb::options::WriteConcern;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{RwLock, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::error::{driver_failed, is_worth_another, of_read, too_old};
use super::live::Live;
use super::pool::{PoolStats, Pools};
use super::seen::Seen;
use super::sessions::Sessions;
use super::settings::POOL_MAX;
use super::url::Target;
use crate::error::{Error, ErrorKind, Result};

/// The oldest server that suits, 5.0, as it is called on the wire.
const LEAST_WIRE_VERSION: i32 = 13;

/// A connected driver and the database that it was opened for.
pub(super) struct Client {
    database: mongodb::Database,
    deadline: Duration,
    /// Whether the database was closed. Each call holds it as a reader until its end, so closing waits for them.
    gate: Arc<RwLock<bool>>,
    sessions: Arc<Sessions>,
    seen: Arc<Seen>,
    /// How many changes go on that nobody waits for any more.
    abandoned: Arc<watch::Sender<i64>>,
    /// Those that are not over, and maybe some that are.
    transactions: Mutex<Vec<Weak<Live>>>,
    pools: Pools,
    journal: Option<bool>,
}

/// How much longer than its deadline a change is waited for, so that it can say itself what became of it.
const GRACE: Duration = Duration::from_millis(500);

/// How long closing waits for a transaction to be given up.
const ABORT: Duration = Duration::from_secs(1);

/// How long a server is left alone that cannot answer.
const PAUSE: Duration = Duration::from_millis(20);

/// What a change needs to call the driver.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) database: mongodb::Database,
    pub(super) sessions: Arc<Sessions>,
    pub(super) seen: Arc<Seen>,
    /// When no further attempt is made.
    pub(super) end: Instant,
    max_time: i64,
    journal: Option<bool>,
}

impl Task {
    /// How long the server may work on a command, as commands say it.
    pub(super) const fn max_time(&self) -> i64 {
        self.max_time
    }

    /// The acknowledgement that outlives the loss of a server, of a transaction.
    pub(super) fn concern(&self) -> WriteConcern {
        let mut concern = WriteConcern::majority();
        concern.journal = self.journal;
        concern
    }

    /// The same as commands say it.
    pub(super) fn concern_document(&self) -> RawDocumentBuf {
        let mut concern = rawdoc! { "w": "majority", "wtimeout": self.max_time };
        if let Some(journal) = self.journal {
            concern.append(cstr!("j"), journal);
        }
        concern
    }

    /// Whether there is time for another attempt.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.end
    }

    /// Runs a command that changes nothing, again while no server can answer and there is time.
    ///
    /// # Errors
    /// Those of `of_read`.
    pub(super) async fn ask(&self, command: Document) -> Result<Document> {
        loop {
            match self.database.run_command(command.clone()).await {
                Err(error) if is_worth_another(&error) && self.has_time() => sleep(PAUSE).await,
                answer => return answer.map_err(|error| of_read(&error)),
            }
        }
    }
}

impl Client {
    /// Connects and checks that the server can do what is needed.
    ///
    /// # Errors
    /// `Unavailable` when no server answers before the deadline, `Invalid` when it refuses the user,
    /// `Unsupported` when it is too old or not part of a replica set.
    pub(super) async fn connect(target: Target, deadline: Duration) -> Result<Self> {
        let Target { mut options, database } = target;
        let pools = Pools::default();
        let most = options.max_pool_size.unwrap_or(POOL_MAX);
        options.cmap_event_handler = Some(pools.handler(most));
        let journal = options.write_concern.as_ref().and_then(|concern| concern.journal);
        let client = mongodb::Client::with_options(options).map_err(|error| of_read(&error))?;
        let database = client.database(&database);
        let client = Self {
            database,
            deadline,
            gate: Arc::default(),
            sessions: Arc::default(),
            seen: Arc::default(),
            abandoned: Arc::new(watch::Sender::new(0)),
            transactions: Mutex::default(),
            pools,
            journal,
        };
        let greeting = bson::doc! { "hello": 1, "maxTimeMS": client.max_time() };
        let hello =
            client.call(|database| async move { database.run_command(greeting).await }).await?;
        check_server(&hello)?;
        Ok(client)
    }

    /// How long the server may work on a command, as commands say it.
    pub(super) fn max_time(&self) -> i64 {
        i64::from(i32::try_from(self.deadline.as_millis()).unwrap_or(i32::MAX))
    }

    /// The newest time of which something was told.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// How long a call may take.
    pub(super) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// What a call that begins now needs.
    fn task(&self, end: Instant) -> Task {
        Task {
            database: self.database.clone(),
            sessions: Arc::clone(&self.sessions),
            seen: Arc::clone(&self.seen),
            end,
            max_time: self.max_time(),
            journal: self.journal,
        }
    }

    /// The connections as they are now.
    pub(super) fn pools(&self) -> Vec<PoolStats> {
        self.pools.stats()
    }

    /// Runs a call of the driver that changes nothing. It goes on to its end in a task of its own when the
    /// future is dropped or the deadline passes, since a future of the driver must not be dropped before.
    ///
    /// # Errors
    /// Those of `of_read`, `Unavailable` when the deadline passes, `Closed` after closing.
    pub(super) async fn call<T, F>(&self, make: impl FnOnce(mongodb::Database) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = DriverResult<T>> + Send + 'static,
    {
        self.run(|task| {
            let call = make(task.database);
            async move { call.await.map_err(|error| of_read(&error)) }
        })
        .await
    }

    /// As [`call`](Self::call), for several calls of the driver, or one whose errors mean something else.
    ///
    /// # Errors
    /// Those of the calls, `Unavailable` when the deadline passes, `Closed` after closing.
    pub(super) async fn run<T, F>(&self, make: impl FnOnce(Task) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let end = Instant::now() + self.deadline;
        let answer = async {
            let open = Arc::clone(&self.gate).read_owned().await;
            if *open {
                return Err(closed());
            }
            let call = make(self.task(end));
            let task = tokio::spawn(async move {
                let answer = call.await;
                drop(open);
                answer
            });
            task.await.map_err(driver_failed)?
        };
        timeout_at(end, answer).await.map_err(|_| {
            Error::new(ErrorKind::Unavailable, "server did not answer in time")
                .with("deadline", format_args!("{:?}", self.deadline))
        })?
    }

    /// Gives up the transaction of a session without being waited for, but by closing.
    pub(super) fn abort(&self, mut session: ClientSession) {
        let open = Arc::clone(&self.gate).try_read_owned();
        // Otherwise the driver does it, when it is not shutting down.
        let (Ok(runtime), Ok(open)) = (Handle::try_current(), open) else { return };
        runtime.spawn(async move {
            let task = tokio::spawn(async move { session.abort_transaction().await });
            // A server that does not answer gives it up by itself in time.
            let _ = timeout(ABORT, task).await;
            drop(open);
        });
    }

    /// Has closing give up a transaction.
    pub(super) fn watch_transaction(&self, live: &Arc<Live>) {
        let mut transactions = self.transactions.lock();
        transactions.retain(|live| live.strong_count() > 0);
        transactions.push(Arc::downgrade(live));
    }

    /// Refuses what asks nothing of the server after closing.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) async fn check_open(&self) -> Result<()> {
        if *self.gate.read().await { Err(closed()) } else { Ok(()) }
    }

    /// Runs a change, which makes its calls of the driver itself. It begins with the first look at the future and
    /// goes on to its end in a task of its own, whatever becomes of the future, and is to end by itself before the
    /// deadline unless a server stops answering. Changes that begin after a future was dropped wait for the end
    /// of its change, so that its fate is settled by then.
    ///
    /// # Errors
    /// Those of the change, `Unknown` when the deadline passes, `Closed` after closing.
    pub(super) async fn change<T, F>(&self, make: impl FnOnce(Task) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let end = Instant::now() + self.deadline;
        let waiting = async {
            let open = Arc::clone(&self.gate).read_owned().await;
            if *open {
                return Err(closed());
            }
            // The sender is ours, so this ends by the count alone.
            let _ = self.abandoned.subscribe().wait_for(|count| *count == 0).await;
            Ok(open)
        };
        let open = timeout_at(end, waiting).await.map_err(|_| {
            Error::new(ErrorKind::Unavailable, "writes before this one did not end in time")
                .with("deadline", format_args!("{:?}", self.deadline))
        })??;
        let change = make(self.task(end));
        let (_asker, asked) = watched(&self.abandoned);
        let task = tokio::spawn(async move {
            let answer = change.await;
            drop((open, asked));
            answer
        });
        let answer = timeout_at(end + GRACE, task).await.map_err(|_| {
            Error::new(ErrorKind::Unknown, "server did not answer in time")
                .with("deadline", format_args!("{:?}", self.deadline))
        })?;
        answer
            .map_err(|error| Error::new(ErrorKind::Unknown, "driver failed").with_source(error))?
    }

    /// Waits for the calls under way and lets go of the connections.
    ///
    /// # Errors
    /// `Unavailable` when the calls do not end before the deadline; new ones are then still taken.
    pub(super) async fn close(&self) -> Result<()> {
        let Ok(mut is_closed) = timeout(self.deadline, self.gate.write()).await else {
            return Err(Error::new(ErrorKind::Unavailable, "calls did not end in time")
                .with("deadline", format_args!("{:?}", self.deadline)));
        };
        if !std::mem::replace(&mut *is_closed, true) {
            let transactions = std::mem::take(&mut *self.transactions.lock());
            for live in transactions.iter().filter_map(Weak::upgrade) {
                live.give_up().await;
            }
            self.sessions.clear();
            // Whoever still holds a cursor would be waited for without a bound.
            let shutdown = self.database.client().clone().shutdown().immediate(true);
            let task = tokio::spawn(async move { shutdown.await });
            // Nothing is left to be lost when the connections take their time.
            let _ = timeout(self.deadline, task).await;
        }
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The driver's own form shows more of its options than anybody should see.
        let name = self.database.name();
        f.debug_struct("Client").field("database", &name).finish_non_exhaustive()
    }
}

/// The two sides of a change, whichever is dropped first. One that goes on without being waited for is counted.
struct Side {
    is_first: Arc<AtomicBool>,
    abandoned: Arc<watch::Sender<i64>>,
    /// Whether this is the side of the asker, which counts a change that it leaves behind; the other side takes it
    /// from the count at its end.
    is_asker: bool,
}

fn watched(abandoned: &Arc<watch::Sender<i64>>) -> (Side, Side) {
    let is_first = Arc::new(AtomicBool::new(true));
    let side = |is_asker| Side {
        is_first: Arc::clone(&is_first),
        abandoned: Arc::clone(abandoned),
        is_asker,
    };
    (side(true), side(false))
}

impl Drop for Side {
    fn drop(&mut self) {
        let is_first = self.is_first.swap(false, Ordering::AcqRel);
        // A change that ends before its asker goes away was waited for.
        match (self.is_asker, is_first) {
            (true, true) => self.abandoned.send_modify(|count| *count += 1),
            (false, false) => self.abandoned.send_modify(|count| *count -= 1),
            _ => {}
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "database was closed")
}

/// Refuses a server that lacks what the promises of this backend rest on.
fn check_server(hello: &Document) -> Result<()> {
    let version = hello.get_i32("maxWireVersion").unwrap_or_default();
    if version < LEAST_WIRE_VERSION {
        return Err(too_old().with("found wire version", version));
    }
    let is_sharded = hello.get_str("msg").is_ok_and(|word| word == "isdbgrid");
    if !is_sharded && !hello.contains_key("setName") {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a server that stands alone has neither transactions nor reads at one point in time",
        )
        .with("expected", "a replica set, also of one member"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bson::doc;

    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_told_which_version_is_needed() {
        let error = check_server(&doc! { "maxWireVersion": 9, "setName": "rs" }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("expected"), Some("5.0 or later"));
    }

    #[test]
    fn a_server_must_be_part_of_a_replica_set_or_of_shards() {
        let error = check_server(&doc! { "maxWireVersion": 17 }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("expected"), Some("a replica set, also of one member"));
        check_server(&doc! { "maxWireVersion": 17, "setName": "rs" }).unwrap();
        check_server(&doc! { "maxWireVersion": 17, "msg": "isdbgrid" }).unwrap();
    }
}
