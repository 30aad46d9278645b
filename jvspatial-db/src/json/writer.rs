//! The one thread that writes: it gathers what waits into one commit, makes it durable, then visible.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::oneshot;

use super::compaction::{Compaction, Replacement};
use super::disk::{Disk, DiskFile, DiskLock, os_error};
use super::index::{self, Change, Index, Usage};
use super::line;
use super::manifest::{End, Manifest, Sealed, Undone, unavailable};
use super::options::{Durability, JsonDbOptions};
use super::queue::{Job, Queue, Request, Wake};
use super::recovery::{self, Opened};
use super::segment::{JOURNAL, SegmentName};
use super::stage::Stage;
use super::view::{Purpose, View};
use crate::error::{Error, ErrorKind, Result};
use crate::write::WriteReport;

/// The bytes after which a commit takes in no further batch.
const FULL_COMMIT: usize = 64 * 1024 * 1024;

/// What the writer shares with readers and callers.
#[derive(Debug)]
pub(super) struct Shared {
    pub index: RwLock<Index>,
    pub queue: Queue,
    pub compaction: Compaction,
    /// How many times the writer has synced the journal since the store was opened.
    pub syncs: AtomicU64,
    /// How long a call may wait for the writer or for a file.
    pub deadline: Duration,
}

/// The writer: the only one to change a file or the index.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: JsonDbOptions,
    manifest: Manifest,
    active: Arc<dyn DiskFile>,
    /// The slot of the active segment.
    slot: u32,
    /// The end of the active segment after the last commit.
    end: End,
    /// The last commit known to be on disk.
    synced: u64,
    /// When the oldest commit that is not must be.
    due: Option<Instant>,
    /// Why nothing may be written any more.
    poison: Option<String>,
    compactor: Option<JoinHandle<()>>,
    _lock: DiskLock,
}

/// From how many documents on a batch is applied while it is being synced.
const BESIDE: usize = 1024;

/// For how long a writer that has nothing to sync looks for the next batch before it goes to sleep.
const WATCH: Duration = Duration::from_micros(30);

/// A batch that waits for the commit it is part of.
type Waiting = (oneshot::Sender<Result<WriteReport>>, WriteReport);

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        lock: DiskLock,
        options: JsonDbOptions,
        opened: (Manifest, Arc<dyn DiskFile>, End),
        compactor: JoinHandle<()>,
    ) -> Self {
        let (manifest, active, end) = opened;
        let slot = shared.index.read().segments.last();
        Self {
            shared,
            disk,
            options,
            manifest,
            active,
            slot,
            end,
            synced: end.sequence,
            due: None,
            poison: None,
            compactor: Some(compactor),
            _lock: lock,
        }
    }

    /// Serves until the store is closed.
    pub(super) fn run(mut self) {
        loop {
            match self.shared.queue.wait(self.due) {
                Wake::Requests(requests) => {
                    self.serve(requests);
                    // Batches that change nothing must not keep an earlier one from its sync.
                    if self.due.is_some_and(|due| due <= Instant::now()) {
                        let _ = self.sync();
                    }
                    if self.options.durability != Durability::Sync {
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

    fn serve(&mut self, requests: Vec<Request>) {
        let shared = requests.len() > 1;
        let mut stage = Stage::default();
        let mut waiting: Vec<Waiting> = Vec::with_capacity(requests.len());
        for Request { mut draft, reply } in requests {
            if stage.bytes.len() + draft.lines.len() > FULL_COMMIT {
                self.commit(&mut stage, &mut waiting);
            }
            let mut added = stage.add(&self.shared.index.read(), &mut draft, shared);
            if added.is_none() {
                self.commit(&mut stage, &mut waiting);
                added = stage.add(&self.shared.index.read(), &mut draft, shared);
            }
            // Nothing meets an empty stage, so there always is a report by now.
            waiting.push((reply, added.unwrap_or_default()));
        }
        self.commit(&mut stage, &mut waiting);
    }

    /// Writes what is staged as one commit, makes it durable and visible, and answers.
    fn commit(&mut self, stage: &mut Stage, waiting: &mut Vec<Waiting>) {
        let stage = std::mem::take(stage);
        let waiting = std::mem::take(waiting);
        if self.options.acknowledges_early() {
            acknowledge(waiting);
            std::thread::sleep(Duration::from_millis(2));
            let _ = self.write(stage);
            return;
        }
        match self.write(stage) {
            Ok(()) => {
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
    }

    fn write(&mut self, mut stage: Stage) -> Result<()> {
        if stage.changes.is_empty() {
            return Ok(());
        }
        self.check_poison()?;
        self.make_room(stage.bytes.len())?;
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
        for change in &mut stage.changes {
            if change.state.exists() {
                let place = &mut change.state.place;
                place.slot = self.slot;
                // `make_room` keeps segments below 4 GiB.
                place.offset += start as u32;
            }
        }
        let growth = Usage {
            bytes: stage.bytes.len() as u64,
            documents: stage.changes.iter().filter(|change| change.state.exists()).count() as u64,
            tombstone_bytes: stage.tombstone_bytes,
            ..Usage::default()
        };
        match self.options.durability {
            Durability::Sync
                if stage.changes.len() >= BESIDE && index::can_be_prepared(&stage.changes) =>
            {
                return self.sync_beside(sequence, growth, stage.changes);
            }
            Durability::Sync => self.sync()?,
            Durability::Interval(interval) => {
                self.due.get_or_insert_with(|| Instant::now() + interval);
            }
            Durability::Os => {}
        }
        self.shared.index.write().usages.grow(self.slot, growth);
        let applied = index::apply(&self.shared.index, sequence, stage.changes);
        applied.map_err(|error| self.poisoned(ErrorKind::Unknown, &error))
    }

    /// Syncs and applies at the same time: a large batch keeps both the disk and the processor busy.
    fn sync_beside(&mut self, sequence: u64, growth: Usage, changes: Vec<Change>) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.index.write().usages.grow(self.slot, growth);
        let (prepared, synced) = std::thread::scope(|scope| {
            let syncing = std::thread::Builder::new().spawn_scoped(scope, || self.sync());
            let prepared = index::prepare(&shared.index, sequence, changes);
            (prepared, syncing.map(|syncing| syncing.join()))
        });
        // Without its sync the batch stays invisible.
        match synced {
            Ok(Ok(synced)) => synced?,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // There was no thread to be had.
            Err(_) => self.sync()?,
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
        if let Err(cut) = self.active.truncate(self.end.bytes) {
            return Err(self.poisoned(ErrorKind::Unknown, &cut));
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "database has no room for the write; nothing was written",
        )
        .with("cause", error))
    }

    /// Makes all commits so far durable. A sync that failed is never repeated: the system may have
    /// thrown the bytes away and would report success.
    fn sync(&mut self) -> Result<()> {
        self.due = None;
        if self.synced == self.end.sequence {
            return Ok(());
        }
        if let Err(error) = self.active.sync_data() {
            return Err(self.poisoned(ErrorKind::Unknown, &error));
        }
        self.synced = self.end.sequence;
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn poisoned(&mut self, kind: ErrorKind, cause: &dyn std::fmt::Display) -> Error {
        let why = cause.to_string();
        tracing::error!(cause = why, "database is poisoned: a write could not be made durable");
        self.shared.queue.poison(&why);
        let error = Error::new(kind, "write could not be made durable; it may or may not be there")
            .with("cause", &why);
        self.poison = Some(why);
        error
    }

    /// Begins the next segment when this one is full, or would outgrow its offsets.
    fn make_room(&mut self, bytes: usize) -> Result<()> {
        let after = self.end.bytes + bytes as u64 + 4096;
        if self.end.bytes < self.options.segment_bytes && after <= u64::from(u32::MAX) {
            return Ok(());
        }
        self.wait_for_compactor();
        self.sync()?;
        match self.begin_next() {
            // Without room for another segment this one goes on, as long as offsets can name its lines.
            Err(Undone::Failed(error)) if after <= u64::from(u32::MAX) && self.is_active()? => {
                tracing::warn!(%error, "cannot begin the next segment of the journal yet");
                Ok(())
            }
            Err(Undone::Unsynced(error)) => Err(self.poisoned(ErrorKind::Unknown, &error)),
            result => Ok(result?),
        }
    }

    /// Lets a compactor catch up that has fallen so far behind that the disk would hold far more than the
    /// documents need.
    fn wait_for_compactor(&mut self) {
        let start = Instant::now();
        // What the next segment and the compactor's copy will add is not there yet.
        let is_behind = |index: &Index| {
            let total = index.usages.total();
            total.bytes * 10 > total.live_bytes * 22
        };
        while self.options.compaction
            && self.shared.compaction.is_gaining()
            && start.elapsed() < self.shared.deadline / 2
            && is_behind(&self.shared.index.read())
        {
            for job in self.shared.queue.wait_for_jobs(Duration::from_millis(2)) {
                self.job(job);
            }
        }
    }

    fn job(&mut self, job: Job) {
        match job {
            Job::Seal(reply) => {
                let _ = reply.send(self.seal());
            }
            Job::View(purpose, reply) => {
                let _ = reply.send(self.view(purpose));
            }
            Job::Replace(replacement, reply) => {
                let _ = reply.send(self.replace(replacement));
            }
        }
    }

    /// Holds the journal open as it is after the last commit.
    fn view(&mut self, purpose: Purpose) -> Result<View> {
        self.check_poison()?;
        let manifest_fault = match purpose {
            Purpose::Copy => self.sync().map(|()| None)?,
            Purpose::Verify => self.manifest.differs_from(&*self.disk),
        };
        let active = (self.slot, Arc::clone(&self.active), self.end);
        let mut view = View::open(&self.shared.index.read(), self.manifest.clone(), active)?;
        view.manifest_fault = manifest_fault;
        Ok(view)
    }

    /// Begins the next segment, unless this one holds no commit.
    fn seal(&mut self) -> Result<()> {
        self.check_poison()?;
        let sealed = self.manifest.sealed.last().map_or(0, |sealed| sealed.end.sequence);
        if self.end.sequence == sealed {
            return Ok(());
        }
        self.sync()?;
        let begun = self.begin_next();
        self.done_or_undone(begun)
    }

    /// Puts a compacted segment into the manifest; returns its slot.
    fn replace(&mut self, Replacement { replaced, by }: Replacement) -> Result<u32> {
        self.check_poison()?;
        let file = self.disk.open(&by.name().path()).map_err(unavailable)?;
        // Lines are left out because of later ones: these must not be lost with the power.
        self.sync()?;
        // Here and not where the segment is made: should this fail, the name of a segment that is begun at
        // the same time would be lost as well.
        if let Err(error) = self.disk.sync_dir(JOURNAL) {
            return Err(self.poisoned(ErrorKind::Unknown, &error));
        }
        let mut manifest = self.manifest.clone();
        let is_replaced = |sealed: &Sealed| replaced.contains(&sealed.name());
        let at = manifest.sealed.iter().position(is_replaced);
        manifest.sealed.retain(|sealed| !is_replaced(sealed));
        match at {
            Some(at) if manifest.sealed.len() + replaced.len() == self.manifest.sealed.len() => {
                manifest.sealed.insert(at, by.clone());
            }
            _ => return Err(Error::corrupt("compacted segments are not those of the manifest")),
        }
        let written = manifest.write(&*self.disk);
        self.done_or_undone(written)?;
        self.manifest = manifest;
        let mut index = self.shared.index.write();
        let segments = Arc::make_mut(&mut index.segments);
        replaced.into_iter().for_each(|name| segments.replace(name));
        let slot = segments.add(by.name(), file);
        segments.seal(slot, by);
        Ok(slot)
    }

    /// What is to be said of a change to the manifest.
    fn done_or_undone(&mut self, result: Result<(), Undone>) -> Result<()> {
        match result {
            Err(Undone::Unsynced(error)) => Err(self.poisoned(ErrorKind::Unknown, &error)),
            // Unless it failed halfway nothing has changed.
            Err(Undone::Failed(error)) if self.is_active()? => Err(unavailable(error)),
            result => Ok(result?),
        }
    }

    fn check_poison(&self) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(why) => {
                Err(Error::new(ErrorKind::Poisoned, "database takes no more writes; open it again")
                    .with("cause", why))
            }
        }
    }

    /// Seals the segment, all of which is on disk, and begins the next.
    fn begin_next(&mut self) -> Result<(), Undone> {
        let number = self.manifest.active + 1;
        let (active, end) =
            recovery::begin_segment(&*self.disk, &self.manifest.store, number, self.end.sequence)?;
        let mut manifest = self.manifest.clone();
        let sealed = Sealed::new(manifest.active, self.end);
        manifest.sealed.push(sealed.clone());
        manifest.active = number;
        manifest.write(&*self.disk)?;
        let mut index = self.shared.index.write();
        let segments = Arc::make_mut(&mut index.segments);
        segments.seal(self.slot, sealed);
        self.slot = segments.add(SegmentName::new(number), Arc::clone(&active));
        index.usages.grow(self.slot, Usage { bytes: end.bytes, ..Usage::default() });
        drop(index);
        self.manifest = manifest;
        self.active = active;
        self.end = end;
        if self.options.compaction {
            self.shared.compaction.note_sealed();
        }
        Ok(())
    }

    /// Whether the manifest on disk still names this segment as the active one; a manifest whose
    /// replacement failed halfway may be the old or the new.
    fn is_active(&mut self) -> Result<bool> {
        match Manifest::read(&*self.disk) {
            Ok(Some(manifest)) if manifest == self.manifest => Ok(true),
            Ok(_) => {
                Err(self.poisoned(ErrorKind::Unavailable, &"manifest was replaced but not durably"))
            }
            Err(error) => Err(self.poisoned(ErrorKind::Unavailable, &error)),
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
        self.sync()?;
        self.manifest.closed = Some(self.end);
        Ok(self.manifest.write(&*self.disk)?)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // First, so that the compactor leaves alone what the manifest may name by now.
            self.shared.queue.poison("the writer panicked");
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
    pub(super) fn split(
        self,
        deadline: Duration,
    ) -> (Shared, (Manifest, Arc<dyn DiskFile>, End), recovery::RecoveryReport) {
        let shared = Shared {
            index: RwLock::new(self.index),
            queue: Queue::default(),
            compaction: Compaction::default(),
            syncs: AtomicU64::new(0),
            deadline,
        };
        (shared, (self.manifest, self.active, self.end), self.report)
    }
}
