//! A disk that leaves out one of the syncs that compaction asks for, and gives others time while a segment
//! is copied.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jvspatial_db::json::disk::{
    AppendError, Disk, DiskFile, DiskLock, Entry, LockError, OpenMode, ROOT, SimulatedDisk,
};

/// A sync that the replacement of segments needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omitted {
    Nothing,
    /// That of the bytes of the copy.
    Copy,
    /// That of the name of the copy.
    CopyName,
    /// That of the lines because of which others were left out.
    Replacing,
    /// That of the bytes of the manifest.
    Manifest,
    /// That of the name of the manifest.
    ManifestName,
}

/// A disk that omits a sync.
#[derive(Clone, Debug)]
pub(super) struct Careless {
    disk: SimulatedDisk,
    omitted: Omitted,
    /// How long the sync of a copy takes.
    pause: Duration,
    stage: Arc<Stage>,
}

/// How far a compaction has come.
#[derive(Debug, Default)]
struct Stage {
    copied: AtomicBool,
    replacing: AtomicBool,
}

impl Careless {
    pub(super) fn new(disk: &SimulatedDisk, omitted: Omitted, pause: Duration) -> Self {
        Self { disk: disk.clone(), omitted, pause, stage: Arc::default() }
    }

    fn omits(&self, sync: Omitted) -> bool {
        self.omitted == sync && self.stage.replacing.load(Ordering::SeqCst)
    }

    fn wrap(&self, path: &str, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(CarelessFile { file, path: path.to_owned(), disk: self.clone() })
    }
}

/// Whether a file is a compacted segment.
fn is_copy(path: &str) -> bool {
    path.starts_with("journal/") && path.contains('-')
}

impl Disk for Careless {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        if is_copy(path) && self.stage.copied.load(Ordering::SeqCst) {
            self.stage.replacing.store(true, Ordering::SeqCst);
        }
        Ok(self.wrap(path, self.disk.open(path)?))
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(path, self.disk.open_append(path, mode)?))
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
        if dir != ROOT {
            return if self.omits(Omitted::CopyName) { Ok(()) } else { self.disk.sync_dir(dir) };
        }
        let omits = self.omits(Omitted::ManifestName);
        if self.stage.replacing.swap(false, Ordering::SeqCst) {
            self.stage.copied.store(false, Ordering::SeqCst);
        }
        if omits { Ok(()) } else { self.disk.sync_dir(dir) }
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        self.disk.lock()
    }
}

#[derive(Debug)]
struct CarelessFile {
    file: Arc<dyn DiskFile>,
    path: String,
    disk: Careless,
}

impl DiskFile for CarelessFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        self.file.append(bytes)
    }

    fn reserve(&self, room: Range<u64>) -> io::Result<()> {
        self.file.reserve(room)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buf, offset)
    }

    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        self.file.read_at_cached(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.disk.omits(Omitted::Replacing) { Ok(()) } else { self.file.sync_data() }
    }

    fn sync_all(&self) -> io::Result<()> {
        if !is_copy(&self.path) {
            return if self.disk.omits(Omitted::Manifest) { Ok(()) } else { self.file.sync_all() };
        }
        std::thread::sleep(self.disk.pause);
        self.disk.stage.copied.store(true, Ordering::SeqCst);
        if self.disk.omitted == Omitted::Copy { Ok(()) } else { self.file.sync_all() }
    }
}
