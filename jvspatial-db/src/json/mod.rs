//! The embedded JSON database: an append-only journal of JSON Lines with everything but the documents
//! in memory. `docs/format.md` describes the files.

mod backup;
mod compaction;
mod copy;
pub mod disk;
mod draft;
mod index;
mod line;
mod lines;
mod listed;
mod loader;
mod manifest;
mod neighbors;
mod options;
mod parallel;
mod queue;
mod reader;
mod recovery;
mod restore;
mod salvage;
mod scan;
mod search;
mod segment;
mod segment_reader;
mod stage;
mod stats;
mod verify;
mod view;
mod writer;

use std::collections::VecDeque;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bson::Bson;
use futures_util::stream;
use tokio::sync::oneshot;

use crate::capabilities::Capabilities;
use crate::codec::Encoding;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::distinct::Distinct;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::ordinal_set::OrdinalSet;
use crate::query::Query;
use crate::write::{WriteBatch, WriteReport};

use compaction::{Compactor, stopped};
use disk::{Disk, LocalDisk, LockError};
use draft::Draft;
use queue::Request;
use reader::{Located, Reading};
use scan::{Bodies, Scan};
use search::Search;
use writer::{Shared, Writer};

pub use backup::BackupReport;
pub use compaction::CompactionReport;
pub use listed::Listed;
#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub use options::Sabotage;
pub use options::{Durability, JsonDbOptions};
pub use recovery::RecoveryReport;
pub use salvage::{SalvageReport, UnvouchedRange};
pub use stats::StoreStats;
pub use verify::VerifyReport;

/// A database in one directory of the local file system.
///
/// Documents are lines of JSON in an append-only journal. Memory holds where each document's line is
/// and which edges touch which node, not the documents. One process at a time may have it open.
///
/// Dropping it without [`close`](Database::close) loses nothing acknowledged: the writer finishes what
/// it was given and closes by itself, a moment later.
pub struct JsonDb {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    capabilities: Capabilities,
    options: JsonDbOptions,
    recovery: RecoveryReport,
}

impl JsonDb {
    /// Opens the database in the directory `path`, by default making it if it is missing.
    ///
    /// # Errors
    /// - `Locked` when somebody has it open, naming the process.
    /// - `Corrupt` when a file is not as it was written, naming file, line and offset; nothing is changed then.
    /// - `Unsupported` when it was written by a newer version of this library.
    /// - `Invalid` when the directory holds something else, or is a file.
    /// - `NotFound`, `Unavailable` when it cannot be reached or made, or belongs to another user.
    ///
    /// # Cancellation
    /// The opening goes on in the background and is undone when it is finished.
    pub async fn open(path: impl AsRef<Path>, options: JsonDbOptions) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let shown = path.display().to_string();
        let opened = blocking(move || {
            let disk = if options.any_owner {
                LocalDisk::open_of_any_owner(&path, options.create)
            } else {
                LocalDisk::open(&path, options.create)
            };
            let disk = disk.map_err(unusable)?;
            if let Some(mode) = disk.exposed_mode() {
                tracing::warn!(
                    path = %path.display(),
                    mode = format_args!("{mode:o}"),
                    "database directory can be read by others than its owner"
                );
            }
            Self::open_on(Arc::new(disk), options)
        });
        opened.await?.map_err(|error| error.with("path", shown))
    }

    /// Opens the database on `disk`; blocks while it reads the journal.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(disk: Arc<dyn Disk>, options: JsonDbOptions) -> Result<Self> {
        let lock = disk.lock().map_err(locked)?;
        let opened = recovery::open(&*disk, &options)?;
        let (shared, files, recovery) = opened.split(options.deadline);
        let shared = Arc::new(shared);
        let store = files.0.store.clone();
        let compactor = Compactor::new(shared.clone(), disk.clone(), options.clone(), store);
        let compactor = start("jvspatial-compactor", move || compactor.run())?;
        let writer =
            Writer::new(shared.clone(), disk.clone(), lock, options.clone(), files, compactor);
        start("jvspatial-writer", move || writer.run())?;
        let mut capabilities = Capabilities::new("json", Encoding::Json);
        capabilities.atomic_batches = true;
        capabilities.persistent = true;
        capabilities.ordinals = true;
        Ok(Self { shared, disk, capabilities, options, recovery })
    }

    /// Takes everything out of the journal that is not needed any more, and waits until that is done.
    ///
    /// Segments of which a third is garbage are compacted in the background without being asked; this takes
    /// the rest, and the garbage of the segment being written. Reads and writes go on meanwhile. It has no
    /// deadline: a large journal is copied once.
    ///
    /// # Errors
    /// `Corrupt` when a line is not what was written, naming file, line and offset; `Unavailable` when there
    /// is no room for a copy; `Poisoned`, `Closed`. The segments stay as they are then.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the compaction.
    pub async fn compact(&self) -> Result<CompactionReport> {
        self.shared.compaction.ask()?.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// What opening found and did.
    pub const fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }
}

/// Reads documents: at once what the system has in memory, the rest where waiting is allowed.
async fn read(
    segments: Arc<segment::Segments>,
    places: Vec<Option<Located>>,
    deadline: Duration,
) -> Result<Vec<Option<Document>>> {
    let mut reading = Reading::new(segments, places);
    if !reading.read_cached()? {
        reading = in_time(deadline, move || reading.read_blocking().map(|()| reading)).await?;
    }
    reading.finish()
}

/// Runs `work`, which only reads, where it may block, and waits for it no longer than `deadline`.
async fn in_time<T: Send + 'static>(
    deadline: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::time::timeout(deadline, blocking(work)).await {
        Ok(done) => done?,
        Err(_) => Err(Error::new(
            ErrorKind::Unavailable,
            "the database's files did not answer within the deadline",
        )
        .with("deadline", format_args!("{deadline:?}"))),
    }
}

/// Looks for an answer for so long as a write to the system's memory takes, and no longer.
fn watch<T>(answer: &mut oneshot::Receiver<T>) -> Option<T> {
    const WATCH: Duration = Duration::from_micros(10);
    let start = Instant::now();
    loop {
        if let Ok(answer) = answer.try_recv() {
            return Some(answer);
        }
        if start.elapsed() > WATCH {
            return None;
        }
        for _ in 0..16 {
            std::hint::spin_loop();
        }
    }
}

/// Starts a thread of the store's own.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "a thread of the database cannot be started")
            .with("thread", name)
            .with_source(error)
    })
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Unavailable, "work on the database's files was stopped")
            .with_source(error)
    })
}

fn locked(error: LockError) -> Error {
    match error {
        LockError::Held { pid } => {
            let error = Error::new(ErrorKind::Locked, "database is open elsewhere");
            match pid {
                Some(pid) => error.with("process", pid),
                None => error,
            }
        }
        LockError::Io(error) => unusable(error),
    }
}

fn unusable(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::NotADirectory => ErrorKind::Invalid,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            return Error::new(ErrorKind::Unavailable, "database directory cannot be written")
                .with_source(error);
        }
        _ => {
            return Error::new(ErrorKind::Unavailable, "database directory cannot be used")
                .with_source(error);
        }
    };
    // What was tried on which path is said already, so only the reason is left.
    let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Error::new(kind, "database directory cannot be opened").with_source(reason)
}

#[async_trait]
impl Database for JsonDb {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.shared.queue.check_readable()?;
        let (segments, places) = {
            let index = self.shared.index.read();
            let locate = |handle: &Handle| {
                let collection = handle.id().collection();
                let ordinal = index.table(collection).resolve(handle)?;
                let state = index.state(collection, ordinal)?;
                Some(Located::new(&index, collection, ordinal, handle.id(), state))
            };
            (Arc::clone(&index.segments), handles.iter().map(locate).collect())
        };
        read(segments, places, self.shared.deadline).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        batch.check_encoding(self.capabilities.encoding)?;
        let draft = Draft::new(batch)?;
        let (reply, mut report) = oneshot::channel();
        self.shared.queue.submit(Request { draft, reply })?;
        // Without a sync the answer comes sooner than a task goes to sleep and wakes up.
        if self.options.durability != Durability::Sync
            && let Some(report) = watch(&mut report)
        {
            return report;
        }
        let unknown = |message: &'static str| Error::new(ErrorKind::Unknown, message);
        match tokio::time::timeout(self.shared.deadline, report).await {
            Ok(Ok(report)) => report,
            Ok(Err(_)) => Err(unknown("the writer stopped before it answered")),
            Err(_) => Err(unknown("write took longer than its deadline; it may still happen")
                .with("deadline", format_args!("{:?}", self.shared.deadline))),
        }
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.shared.queue.check_readable()?;
        let search = Search::new(&self.shared, query, self.options.max_sort_bytes);
        let pass =
            Pass { search: Some(search), ready: VecDeque::new(), deadline: self.shared.deadline };
        Ok(Cursor::new(stream::try_unfold(pass, Pass::next)))
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.shared.queue.check_readable()?;
        let shared = Arc::clone(&self.shared);
        let mut scan = Scan::new(shared, collection, filter.clone(), |_| {});
        let mut count = 0;
        if scan.is_covered() {
            while !scan.is_finished() {
                count += scan.count_covered();
                tokio::task::yield_now().await;
            }
            return Ok(count);
        }
        while !scan.is_finished() {
            (scan, count) = in_time(self.shared.deadline, move || {
                scan.next_slice(Bodies::Ignored, |_| {
                    count += 1;
                    Ok(())
                })?;
                Ok((scan, count))
            })
            .await?;
        }
        Ok(count)
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.shared.queue.check_readable()?;
        let mut distinct = Distinct::new(field.clone());
        let shared = Arc::clone(&self.shared);
        let mut scan = Scan::new(shared, collection, filter.clone(), |paths| {
            distinct.add_paths(paths);
        });
        while !scan.is_finished() {
            (scan, distinct) = in_time(self.shared.deadline, move || {
                scan.next_slice(Bodies::Ignored, |found| distinct.add(&found.fields))?;
                Ok((scan, distinct))
            })
            .await?;
        }
        Ok(distinct.into_values())
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.shared.queue.check_readable()?;
        neighbors::neighbors(&self.shared, from, expansion, None).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        self.shared.queue.check_readable()?;
        neighbors::neighbors(&self.shared, from, expansion, Some(known)).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::new(Arc::clone(&self.shared.index.read().pins))
    }

    async fn close(&self) -> Result<()> {
        match self.shared.queue.close() {
            None => Ok(()),
            Some(closed) => closed.await.unwrap_or(Ok(())),
        }
    }
}

/// The state of a cursor.
struct Pass {
    /// `None` only while a slice is being read: a cursor whose read was cut off is at its end.
    search: Option<Search>,
    ready: VecDeque<Document>,
    deadline: Duration,
}

impl Pass {
    async fn next(mut self) -> Result<Option<(Document, Self)>> {
        loop {
            if let Some(document) = self.ready.pop_front() {
                return Ok(Some((document, self)));
            }
            let Some(mut search) = self.search.take().filter(|search| !search.is_finished()) else {
                return Ok(None);
            };
            let mut found = std::mem::take(&mut self.ready);
            (search, found) = in_time(self.deadline, move || {
                search.next_slice(&mut found).map(|()| (search, found))
            })
            .await?;
            self.ready = found;
            self.search = Some(search);
        }
    }
}

impl Drop for JsonDb {
    fn drop(&mut self) {
        // Nobody waits for the answer; the writer closes when it has done what it was given.
        let _ = self.shared.queue.close();
    }
}

impl fmt::Debug for JsonDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.shared.index.read();
        f.debug_struct("JsonDb")
            .field("durability", &self.options.durability)
            .field("commits", &index.sequence)
            .field("nodes", &index.nodes().live())
            .field("edges", &index.table(Collection::Edge).live())
            .field("objects", &index.table(Collection::Object).live())
            .finish()
    }
}
