//! The one thread that writes: it gathers what waits into one commit, makes it durable, then visible.

mod hold;
mod segments;
mod syncer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::oneshot;

use self::hold::got_ahead;
use self::syncer::Syncer;
use super::compaction::Compaction;
use super::disk::{Disk, DiskFile, DiskLock, os_error};
use super::draft::Draft;
use super::index::{self, Change, Index, KeyChanges, Usage};
use super::keys::OldDocuments;
use super::line;
use super::manifest::{End, Manifest};
use super::options::JsonDbOptions;
use super::processors::processors;
use super::queue::{Queue, Request, Wake, Work};
use super::recent::Recent;
use super::recovery::{Begun, Opened, RecoveryReport};
use super::room;
use super::stage::Stage;
use super::watch::Feed;
use crate::durability::Durability;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::write::WriteReport;
use crate::write::spare::SPARE;

/// The bytes after which a commit takes in no further batch.
const FULL_COMMIT: usize = 64 * 1024 * 1024;

/// What the writer shares with readers and callers.
#[derive(Debug)]
pub(super) struct Shared {
    pub index: RwLock<Index>,
    pub queue: Queue,
    pub compaction: Compaction,
    pub recent: Recent,
    pub feed: Feed,
    /// How many times the writer has synced the journal since the store was opened.
    pub syncs: AtomicU64,
    /// How long a call may wait for the writer or for a file.
    pub deadline: Duration,
}

/// The writer: the only one to change a file or the index.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: JsonDbOptions,
    pub(super) manifest: Manifest,
    active: Arc<dyn DiskFile>,
    /// The slot of the active segment.
    slot: u32,
    /// The end of the active segment after the last commit.
    end: End,
    /// The length of the active segment with the room behind that.
    len: u64,
    /// Whether room is made; not after that has failed in this segment.
    makes_room: bool,
    /// The last commit known to be on disk.
    synced: u64,
    /// When the oldest commit that is not must be.
    due: Option<Instant>,
    /// Why nothing may be written any more.
    poison: Option<String>,
    compactor: Option<JoinHandle<()>>,
    /// Whether the writer may look for batches while callers make them, on another processor.
    watches: bool,
    /// Started for the first large batch.
    syncer: Option<Syncer>,
    _lock: DiskLock,
}

/// From how many documents on a batch is applied while it is being synced.
const BESIDE: usize = 1024;

/// For how long a writer looks for the next batch before it goes to sleep. Durable creates one after another take
/// about a third less time than with a writer that has to be woken for each.
const WATCH: Duration = Duration::from_micros(100);

/// A batch that waits for the commit it is part of.
type Waiting = (oneshot::Sender<Result<WriteReport>>, WriteReport);

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        lock: DiskLock,
        options: JsonDbOptions,
        opened: (Manifest, Begun),
        compactor: JoinHandle<()>,
    ) -> Self {
        let (manifest, Begun { file: active, end, len }) = opened;
        let slot = shared.index.read().segments.last();
        Self {
            shared,
            disk,
            options,
            manifest,
            active,
            slot,
            end,
            len,
            makes_room: true,
            synced: end.sequence,
            due: None,
            poison: None,
            compactor: Some(compactor),
            watches: processors().get() > 1,
            syncer: None,
            _lock: lock,
        }
    }

    /// Serves until the store is closed.
    pub(super) fn run(mut self) {
        loop {
            match self.shared.queue.wait(self.due) {
                Wake::Works(works) => {
                    self.serve(works);
                    // Batches that change nothing must not keep an earlier one from its sync.
                    if self.due.is_some_and(|due| due <= Instant::now()) {
                        let _ = self.sync();
                    }
                    if self.watches {
                        self.shared.queue.watch(WATCH);
                    }
                }
                Wake::Jobs(jobs) => jobs.into_iter().for_each(|job| self.job(job)),
                Wake::Due => {
                    let _ = self.sync();
                }
                Wake::Close => break,
            }
        }
        self.stop_compactor();
        let closed = self.close();
        let shared = Arc::clone(&self.shared);
        // The lock goes first: who is told that the store is closed may open it again at once.
        drop(self);
        shared.queue.finish(|| match &closed {
            Ok(()) => Ok(()),
            Err(error) => Err(Error::new(error.kind(), "database could not be closed cleanly")
                .with("cause", error)),
        });
    }

    fn serve(&mut self, works: Vec<Work>) {
        let shared = works.len() > 1;
        let mut stage = Stage::default();
        let mut waiting: Vec<Waiting> = Vec::with_capacity(works.len());
        for work in works {
            let request = match work {
                Work::Write(request) => request,
                Work::Hold(reply) => {
                    self.commit(&mut stage, &mut waiting);
                    let Some(request) = self.stand_still(reply) else { continue };
                    request
                }
            };
            let Request { mut draft, after, reply } = request;
            if let Some(after) = after {
                self.commit(&mut stage, &mut waiting);
                if self.end.sequence != after {
                    let _ = reply.send(Err(got_ahead(after, self.end.sequence)));
                    continue;
                }
            }
            if stage.bytes.len() + draft.lines.len() > FULL_COMMIT {
                self.commit(&mut stage, &mut waiting);
            }
            match self.add(&mut stage, &mut waiting, &mut draft, shared) {
                Ok(report) => waiting.push((reply, report)),
                Err(error) => drop(reply.send(Err(error))),
            }
        }
        self.commit(&mut stage, &mut waiting);
    }

    /// Adds a batch to the stage, which is committed first when they meet.
    fn add(
        &mut self,
        stage: &mut Stage,
        waiting: &mut Vec<Waiting>,
        draft: &mut Draft,
        shared: bool,
    ) -> Result<WriteReport> {
        loop {
            let index = self.shared.index.read();
            if !draft.keys.are_of(&index.definitions) {
                // An index was made or dropped since the batch was handed over.
                let edges = index.table(Collection::Edge);
                let stored = |id: &Id| index.ends(edges.ordinal(id)?);
                draft.find_keys(&index.definitions, stored)?;
            }
            let old = OldDocuments::find(&index, draft);
            drop(index);
            // Without the index, so that readers do not wait for the disk; only this thread changes it.
            let old = old.map(|old| old.read(&self.shared.index)).unwrap_or_default();
            if let Some(report) = stage.add(&self.shared.index.read(), draft, &old, shared) {
                return Ok(report);
            }
            // Nothing meets an empty stage.
            self.commit(stage, waiting);
        }
    }

    /// Writes what is staged as one commit, makes it durable and visible, and answers.
    fn commit(&mut self, stage: &mut Stage, waiting: &mut Vec<Waiting>) {
        let mut stage = std::mem::take(stage);
        let waiting = std::mem::take(waiting);
        if self.options.acknowledges_early() {
            acknowledge(waiting);
            std::thread::sleep(Duration::from_millis(2));
            let _ = self.write(&mut stage);
            return;
        }
        match self.write(&mut stage) {
            Ok(()) => {
                self.shared.feed.publish(self.manifest.active, self.end);
                acknowledge(waiting);
                if self.options.compaction {
                    self.shared.compaction.note_written();
                }
            }
            Err(error) => {
                for (reply, _) in waiting {
                    let _ = reply.send(Err(error.again()));
                }
            }
        }
        SPARE.keep(stage.bytes);
    }

    fn write(&mut self, stage: &mut Stage) -> Result<()> {
        if stage.changes.is_empty() {
            return Ok(());
        }
        self.check_poison()?;
        self.begin_next_if_full(stage.bytes.len())?;
        let sequence = self.end.sequence + 1;
        let checksum = line::push_commit(
            &mut stage.bytes,
            sequence,
            self.synced,
            self.end.checksum,
            &stage.checksums,
        );
        self.append(&stage.bytes)?;
        let start = self.end.bytes;
        self.end = End { bytes: start + stage.bytes.len() as u64, sequence, checksum };
        self.len = self.len.max(self.end.bytes);
        if self.options.durability == Durability::Sync {
            self.make_room(stage.bytes.len() as u64)?;
        }
        for change in &mut stage.changes {
            if change.state.exists() {
                let place = &mut change.state.place;
                place.slot = self.slot;
                // `begin_next_if_full` keeps segments below 4 GiB.
                place.offset += start as u32;
            }
        }
        let growth = Usage {
            bytes: stage.bytes.len() as u64,
            documents: stage.changes.iter().filter(|change| change.state.exists()).count() as u64,
            tombstone_bytes: stage.tombstone_bytes,
            ..Usage::default()
        };
        self.shared.index.write().usages.grow(self.slot, growth);
        match self.options.durability {
            Durability::Sync
                if stage.changes.len() >= BESIDE && index::can_be_prepared(&stage.changes) =>
            {
                let changes = std::mem::take(&mut stage.changes);
                return self.sync_beside(sequence, changes, &stage.keys);
            }
            Durability::Sync => self.sync()?,
            Durability::Interval(interval) => {
                self.due.get_or_insert_with(|| Instant::now() + interval);
            }
            Durability::Os => {}
        }
        let applied = index::apply(
            &self.shared.index,
            sequence,
            std::mem::take(&mut stage.changes),
            &stage.keys,
        );
        applied.map_err(|error| self.poisoned(ErrorKind::Unknown, &error))
    }

    /// Syncs and applies at the same time: a large batch keeps both the disk and the processor busy.
    fn sync_beside(
        &mut self,
        sequence: u64,
        changes: Vec<Change>,
        keys: &KeyChanges,
    ) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        self.syncer = self.syncer.take().or_else(Syncer::start);
        let syncing = self.syncer.as_ref().filter(|syncer| syncer.begin(&self.active));
        let prepared = index::prepare(&shared.index, sequence, changes, keys);
        // Without its sync the batch stays invisible.
        match syncing.map(Syncer::finish) {
            Some(Ok(())) => self.note_synced(),
            Some(Err(error)) => return Err(self.poisoned(ErrorKind::Unknown, &error)),
            // There was no thread to be had.
            None => self.sync()?,
        }
        prepared.map_err(|error| self.poisoned(ErrorKind::Unknown, &error))?;
        index::publish(&shared.index, sequence);
        Ok(())
    }

    /// Appends, or leaves the segment as it was.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let Err(error) = self.active.append(bytes) else { return Ok(()) };
        let error = error.into_source();
        if is_fatal(&error) {
            return Err(self.poisoned(ErrorKind::Unknown, &error));
        }
        // Whatever did arrive has no commit line, but the next batch must not follow it.
        self.cut_off()?;
        Err(Error::new(
            ErrorKind::Unavailable,
            "database has no room for the write; nothing was written",
        )
        .with("cause", error))
    }

    /// Makes room for the next commits, if there is some to be had.
    fn make_room(&mut self, bytes: u64) -> Result<()> {
        let room = room::to_make(self.len, self.end.bytes, bytes, self.options.segment_bytes);
        let Some(room) = room.filter(|_| self.makes_room) else { return Ok(()) };
        self.len = room.end;
        let Err(error) = self.active.reserve(room) else { return Ok(()) };
        tracing::debug!(%error, "no room in advance for the commits of this segment");
        self.makes_room = false;
        // On a disk that is nearly full the zeros would take what the next commits need.
        self.cut_off()
    }

    /// Cuts off the active segment whatever stands behind its last commit.
    fn cut_off(&mut self) -> Result<()> {
        self.len = self.end.bytes;
        let cut = self.active.truncate(self.len);
        cut.map_err(|error| self.poisoned(ErrorKind::Unknown, &error))
    }

    /// Makes all commits so far durable, in a segment that ends with them.
    fn finish(&mut self) -> Result<()> {
        if self.len == self.end.bytes {
            return self.sync();
        }
        self.cut_off()?;
        self.sync_active()
    }

    /// Makes all commits so far durable. A sync that failed is never repeated: the system may have
    /// thrown the bytes away and would report success.
    fn sync(&mut self) -> Result<()> {
        if self.synced == self.end.sequence {
            self.due = None;
            return Ok(());
        }
        self.sync_active()
    }

    fn sync_active(&mut self) -> Result<()> {
        self.due = None;
        if let Err(error) = self.active.sync_data() {
            return Err(self.poisoned(ErrorKind::Unknown, &error));
        }
        self.note_synced();
        Ok(())
    }

    fn note_synced(&mut self) {
        self.synced = self.end.sequence;
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
    }

    fn poisoned(&mut self, kind: ErrorKind, cause: &dyn std::fmt::Display) -> Error {
        let why = cause.to_string();
        tracing::error!(cause = why, "database is poisoned: a write could not be made durable");
        self.shared.queue.poison(&why);
        self.shared.feed.poison();
        let error = Error::new(kind, "write could not be made durable; it may or may not be there")
            .with("cause", &why);
        self.poison = Some(why);
        error
    }

    pub(super) fn check_poison(&self) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(why) => {
                Err(Error::new(ErrorKind::Poisoned, "database takes no more writes; open it again")
                    .with("cause", why))
            }
        }
    }

    /// Ends the compactor, which must not touch a file once the lock is gone.
    fn stop_compactor(&mut self) {
        self.shared.compaction.stop();
        // It may be waiting for a job that nobody does any more.
        drop(self.shared.queue.wait_for_jobs(Duration::ZERO));
        if let Some(compactor) = self.compactor.take() {
            let _ = compactor.join();
        }
    }

    fn close(&mut self) -> Result<()> {
        if let Some(why) = &self.poison {
            return Err(Error::new(ErrorKind::Poisoned, "database is poisoned").with("cause", why));
        }
        self.finish()?;
        self.manifest.closed = Some(self.end);
        Ok(self.manifest.write(&*self.disk)?)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // First, so that the compactor leaves alone what the manifest may name by now.
            self.shared.queue.poison("the writer panicked");
            self.shared.feed.poison();
        }
        self.stop_compactor();
        if std::thread::panicking() {
            self.shared.queue.finish(|| {
                Err(Error::new(ErrorKind::Poisoned, "the writer panicked; open the database again"))
            });
        }
    }
}

fn acknowledge(waiting: Vec<Waiting>) {
    for (reply, report) in waiting {
        // Whoever dropped the future does not want to know.
        let _ = reply.send(Ok(report));
    }
}

/// Whether an append that failed like this leaves the disk in doubt, rather than only full.
fn is_fatal(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    error.kind() == io::ErrorKind::ReadOnlyFilesystem || os_error(error) == Some(EIO)
}

impl Opened {
    /// Splits off what readers share.
    pub(super) fn split(self, deadline: Duration) -> (Shared, (Manifest, Begun), RecoveryReport) {
        let feed = Feed::new(self.manifest.store.clone(), self.manifest.active, self.end);
        let shared = Shared {
            feed,
            index: RwLock::new(self.index),
            queue: Queue::default(),
            compaction: Compaction::default(),
            recent: Recent::default(),
            syncs: AtomicU64::new(0),
            deadline,
        };
        let begun = Begun { file: self.active, end: self.end, len: self.len };
        (shared, (self.manifest, begun), self.report)
    }
}

#[cfg(test)]
mod tests;
