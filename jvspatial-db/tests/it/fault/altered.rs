//! A disk with one habit that a store must not have: the controls' way to break a promise.

use std::fs::{File, TryLockError};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jvspatial_db::json::disk::{
    AppendError, Disk, DiskFile, DiskLock, Entry, LocalDisk, LockError, OpenMode, SimulatedDisk,
};

use super::child::tell;
use super::ledger::micros;

/// A disk that does all but one thing as the one beneath.
#[derive(Debug)]
pub(super) struct Altered {
    disk: Arc<dyn Disk>,
    habit: Habit,
}

#[derive(Clone, Debug)]
enum Habit {
    LocksNote(PathBuf),
    NeverCuts,
    RepeatsSyncs,
    NeverSyncs,
    NeverSyncsData,
    SwallowsFaults,
    TellsSyncs,
    /// While it is set, reads and syncs take their time.
    Dawdles(Arc<AtomicBool>),
}

impl Altered {
    /// Locks the file `LOCK` instead of the directory.
    pub(super) fn locks_note(home: &Path) -> Self {
        let disk = Arc::new(LocalDisk::open(home, true).unwrap());
        Self { disk, habit: Habit::LocksNote(home.join("LOCK")) }
    }

    /// Leaves the beginning of a failed append where it is.
    pub(super) fn never_cuts(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), habit: Habit::NeverCuts }
    }

    /// Syncs once more when a sync has failed.
    pub(super) fn repeats_syncs(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), habit: Habit::RepeatsSyncs }
    }

    /// Says that everything is durable and makes nothing so.
    pub(super) fn never_syncs(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), habit: Habit::NeverSyncs }
    }

    /// Says so of the batches alone.
    pub(super) fn never_syncs_data(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), habit: Habit::NeverSyncsData }
    }

    /// Says that an append or a sync that failed went well.
    pub(super) fn swallows_faults(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), habit: Habit::SwallowsFaults }
    }

    /// Tells the parent when it begins to make batches durable, and when it has.
    pub(super) fn tells_syncs(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), habit: Habit::TellsSyncs }
    }

    /// Takes its time for reads and syncs while `slow` is set, and never has anything in memory.
    pub(super) fn dawdles(disk: &SimulatedDisk, slow: &Arc<AtomicBool>) -> Self {
        Self { disk: Arc::new(disk.clone()), habit: Habit::Dawdles(Arc::clone(slow)) }
    }

    fn alter(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(AlteredFile { file, habit: self.habit.clone() })
    }
}

/// Longer than any deadline of a test, short enough to wait for.
pub(super) const DAWDLE: Duration = Duration::from_secs(3);

impl Habit {
    fn dawdle(&self) {
        if let Self::Dawdles(slow) = self
            && slow.load(Ordering::SeqCst)
        {
            std::thread::sleep(DAWDLE);
        }
    }

    fn sync(&self, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        self.dawdle();
        match self {
            Self::RepeatsSyncs => sync().or_else(|_| sync()),
            Self::NeverSyncs => Ok(()),
            Self::SwallowsFaults => sync().or(Ok(())),
            _ => sync(),
        }
    }
}

impl Disk for Altered {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.alter(self.disk.open(path)?))
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.alter(self.disk.open_append(path, mode)?))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        self.disk.entry(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.habit.sync(|| self.disk.sync_dir(dir))
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        let Habit::LocksNote(path) = &self.habit else { return self.disk.lock() };
        let note = File::options().create(true).append(true).open(path).map_err(LockError::Io)?;
        match note.try_lock() {
            Ok(()) => Ok(DiskLock::new(note)),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { pid: None }),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}

#[derive(Debug)]
struct AlteredFile {
    file: Arc<dyn DiskFile>,
    habit: Habit,
}

impl DiskFile for AlteredFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        match self.habit {
            Habit::SwallowsFaults => self.file.append(bytes).or(Ok(())),
            _ => self.file.append(bytes),
        }
    }

    fn reserve(&self, room: Range<u64>) -> io::Result<()> {
        self.file.reserve(room)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.habit.dawdle();
        self.file.read_at(buf, offset)
    }

    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        if matches!(self.habit, Habit::Dawdles(_)) {
            return Ok(false);
        }
        self.file.read_at_cached(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        if matches!(self.habit, Habit::NeverCuts) { Ok(()) } else { self.file.truncate(len) }
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.habit {
            Habit::NeverSyncsData => Ok(()),
            Habit::TellsSyncs => {
                tell(&format!("syncing {}", micros()));
                self.file.sync_data()?;
                tell("synced");
                Ok(())
            }
            _ => self.habit.sync(|| self.file.sync_data()),
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.habit.sync(|| self.file.sync_all())
    }
}
