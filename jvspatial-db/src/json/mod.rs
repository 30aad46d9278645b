//! The embedded JSON database: an append-only journal of JSON Lines with everything but the documents
//! in memory. `docs/format.md` describes the files.

mod access;
mod backup;
mod bulk;
mod compaction;
mod copy;
pub mod disk;
mod draft;
mod index;
mod index_scan;
mod indexing;
mod keys;
mod line;
mod lines;
mod listed;
mod loader;
mod manifest;
mod neighbors;
mod options;
mod parallel;
mod processors;
mod queue;
mod reader;
mod recent;
mod recovery;
mod restore;
mod room;
mod salvage;
mod scan;
mod search;
mod seek;
mod segment;
mod segment_reader;
mod sieve;
mod stage;
mod stats;
mod transaction;
mod verify;
mod view;
mod watch;
mod writer;

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bson::Bson;
use tokio::sync::oneshot;

use crate::capabilities::{Capabilities, Isolation};
use crate::codec::Encoding;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::distinct::Distinct;
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle, Id};
use crate::indexes::{Definition, Explanation, IndexInfo, IndexSpec};
use crate::ordinal_set::OrdinalSet;
use crate::projection::PathTree;
use crate::query::Query;
use crate::transaction::Transaction;
use crate::watch::{ChangeStream, WatchOptions};
use crate::write::{WriteBatch, WriteReport};

use access::Access;
use compaction::{Compactor, stopped};
use disk::{Disk, LocalDisk, LockError};
use draft::Draft;
use index::Snapshot;
use queue::Request;
use reader::{Located, Reading};
use scan::{Bodies, Match};
use search::Search;
use transaction::JsonTransaction;
use writer::{Shared, Writer};

pub use crate::durability::Durability;
pub use backup::BackupReport;
pub use compaction::CompactionReport;
pub use listed::Listed;
pub use options::JsonDbOptions;
#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub use options::Sabotage;
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
        let declared = opened.manifest.indexes.iter().map(manifest::Declared::to_definition);
        let declared = declared.collect::<Result<Vec<_>>>()?;
        let (shared, files, recovery) = opened.split(options.deadline);
        indexing::fill(&shared.index, declared)?;
        let shared = Arc::new(shared);
        let store = files.0.store.clone();
        let compactor = Compactor::new(shared.clone(), disk.clone(), options.clone(), store);
        let compactor = start("jvspatial-compactor", move || compactor.run())?;
        let writer =
            Writer::new(shared.clone(), disk.clone(), lock, options.clone(), files, compactor);
        start("jvspatial-writer", move || writer.run())?;
        let mut capabilities = Capabilities::new("json", Encoding::Json);
        capabilities.atomic_batches = true;
        capabilities.transactions = Some(Isolation::Serializable);
        capabilities.persistent = true;
        capabilities.ordinals = true;
        capabilities.change_feed = true;
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

/// The documents of `handles` as they are, or as they were at a commit that a snapshot keeps.
async fn get(
    shared: &Shared,
    handles: &[Handle],
    at: Option<&Snapshot>,
) -> Result<Vec<Option<Document>>> {
    let (segments, places) = {
        let index = shared.index.read();
        let sequence = at.map_or(index.sequence, Snapshot::sequence);
        let locate = |handle: &Handle| {
            let collection = handle.id().collection();
            let table = index.table(collection);
            let ordinal = table.resolve(handle)?;
            let state = table.state_at(ordinal, sequence, &index.history)?;
            Some(Located::new(&index, collection, ordinal, handle.id(), state))
        };
        (Arc::clone(&index.segments), handles.iter().map(locate).collect())
    };
    read(segments, places, shared.deadline).await
}

/// Waits for what became of a batch that was handed over.
async fn answered(
    mut report: oneshot::Receiver<Result<WriteReport>>,
    durability: Durability,
    deadline: Duration,
) -> Result<WriteReport> {
    // Without a sync the answer comes sooner than a task goes to sleep and wakes up.
    if durability != Durability::Sync
        && let Some(report) = look_for(&mut report)
    {
        return report;
    }
    let unknown = |message: &'static str| Error::new(ErrorKind::Unknown, message);
    match tokio::time::timeout(deadline, report).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) => Err(unknown("the writer stopped before it answered")),
        Err(_) => Err(unknown("write took longer than its deadline; it may still happen")
            .with("deadline", format_args!("{deadline:?}"))),
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
fn look_for<T>(answer: &mut oneshot::Receiver<T>) -> Option<T> {
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
        get(&self.shared, handles, None).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        batch.check_encoding(self.capabilities.encoding)?;
        let mut draft = Draft::new(batch)?;
        let definitions = Arc::clone(&self.shared.index.read().definitions);
        // What depends on a stored edge is left to the writer.
        draft.find_keys(&definitions, |_| None)?;
        let (reply, report) = oneshot::channel();
        self.shared.queue.submit(Request { draft, after: None, reply })?;
        answered(report, self.options.durability, self.shared.deadline).await
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.shared.queue.check_readable()?;
        let search = Search::new(&self.shared, query, self.options.max_sort_bytes, None)?;
        Ok(Cursor::new(search.into_stream()))
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.shared.queue.check_readable()?;
        let query = Query::new(collection, filter.clone());
        let access = Access::new(&self.shared, &query, PathTree::default(), None)?;
        access.count(self.shared.deadline).await
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        self.make_index(Definition::new(collection, entity, spec)).await
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        self.shared.queue.check_readable()?;
        self.forget_index(collection, entity, name).await
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.shared.queue.check_readable()?;
        Ok(self.shared.list_indexes(collection))
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        self.shared.queue.check_readable()?;
        Search::explain(&self.shared, query, self.options.max_sort_bytes).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.shared.queue.check_readable()?;
        let mut distinct = Distinct::new(field.clone());
        let mut shown = PathTree::default();
        distinct.add_paths(&mut shown);
        let query = Query::new(collection, filter.clone());
        let mut access = Access::new(&self.shared, &query, shown, None)?;
        let deadline = self.shared.deadline;
        while !access.is_finished() {
            let see = |distinct: &mut Distinct, found: Match| distinct.add(found.fields());
            (access, distinct) =
                access.next_slice(Bodies::Ignored, deadline, distinct, see).await?;
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

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.shared.queue.check_readable()?;
        let shared = Arc::clone(&self.shared);
        in_time(self.shared.deadline, move || watch::watch(&shared, options)).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        self.shared.queue.check_readable()?;
        Ok(Arc::new(JsonTransaction::begin(&self.shared, &self.options, &self.capabilities)))
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::new(Arc::clone(&self.shared.index.read().pins))
    }

    fn handle(&self, id: &Id) -> Handle {
        match self.shared.index.read().table(id.collection()).ordinal(id) {
            Some(ordinal) => Handle::with_ordinal(id.clone(), ordinal),
            None => Handle::new(id.clone()),
        }
    }

    async fn close(&self) -> Result<()> {
        self.shared.feed.close();
        match self.shared.queue.close() {
            None => Ok(()),
            Some(closed) => closed.await.unwrap_or(Ok(())),
        }
    }
}

impl Drop for JsonDb {
    fn drop(&mut self) {
        self.shared.feed.close();
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
