//! A disk that kills its own process at one call of the seam, counted over all threads.

use std::fmt;
use std::io;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jvspatial_db::json::disk::{AppendError, Disk, DiskFile, DiskLock, Entry, LockError, OpenMode};
use rustix::process::{Signal, getpid, kill_process};

/// Where in a call the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before anything of the call is done.
    Before,
    /// When all of it is done and its caller does not know yet.
    After,
    /// When half of the bytes of an append are in the file; other calls do not count.
    Within,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Within => "within",
        })
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moments = [Self::Before, Self::After, Self::Within];
        let named = moments.into_iter().find(|moment| moment.to_string() == text);
        named.ok_or_else(|| format!("no moment is called {text:?}"))
    }
}

/// The calls made so far, and the one that is the last.
#[derive(Debug)]
pub(super) struct Fate {
    moment: Moment,
    last: u64,
    made: AtomicU64,
}

impl Fate {
    /// Death at the call numbered `last`, from 1 on.
    pub(super) fn new(moment: Moment, last: u64) -> Arc<Self> {
        Arc::new(Self { moment, last, made: AtomicU64::new(0) })
    }

    /// How many calls were made that count.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// Whether the call that begins now is the last.
    fn is_last(&self) -> bool {
        self.made.fetch_add(1, Ordering::SeqCst) + 1 == self.last
    }

    fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        let is_last = self.moment != Moment::Within && self.is_last();
        if is_last && self.moment == Moment::Before {
            die();
        }
        let done = call();
        if is_last {
            die();
        }
        done
    }
}

fn die() -> ! {
    kill_process(getpid(), Signal::KILL).unwrap();
    loop {
        // The signal has been sent, but this thread may still see a moment before it acts.
        std::thread::park();
    }
}

/// The disk beneath, until the fate of the process is met.
#[derive(Debug)]
pub(super) struct Deadly {
    disk: Arc<dyn Disk>,
    fate: Arc<Fate>,
}

impl Deadly {
    pub(super) fn new(disk: impl Disk, fate: &Arc<Fate>) -> Self {
        Self { disk: Arc::new(disk), fate: Arc::clone(fate) }
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(DeadlyFile { file, fate: Arc::clone(&self.fate) })
    }
}

impl Disk for Deadly {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.fate.call(|| self.disk.create_dir(path))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.fate.call(|| self.disk.open(path)).map(|file| self.file(file))
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.fate.call(|| self.disk.open_append(path, mode)).map(|file| self.file(file))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        self.fate.call(|| self.disk.list(dir))
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        self.fate.call(|| self.disk.entry(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.fate.call(|| self.disk.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.fate.call(|| self.disk.remove(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.fate.call(|| self.disk.sync_dir(dir))
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        let lock = self.fate.call(|| self.disk.lock())?;
        let fate = Arc::clone(&self.fate);
        Ok(DiskLock::new(DeadlyLock { lock: Some(lock), fate }))
    }
}

/// The lock, whose return is a call like any other.
struct DeadlyLock {
    lock: Option<DiskLock>,
    fate: Arc<Fate>,
}

impl Drop for DeadlyLock {
    fn drop(&mut self) {
        let lock = self.lock.take();
        self.fate.call(|| drop(lock));
    }
}

#[derive(Debug)]
struct DeadlyFile {
    file: Arc<dyn DiskFile>,
    fate: Arc<Fate>,
}

impl DiskFile for DeadlyFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        if self.fate.moment == Moment::Within && self.fate.is_last() {
            self.file.append(&bytes[..bytes.len() / 2]).unwrap();
            die();
        }
        self.fate.call(|| self.file.append(bytes))
    }

    fn reserve(&self, room: Range<u64>) -> io::Result<()> {
        self.fate.call(|| self.file.reserve(room))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.fate.call(|| self.file.read_at(buf, offset))
    }

    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        self.fate.call(|| self.file.read_at_cached(buf, offset))
    }

    fn size(&self) -> io::Result<u64> {
        self.fate.call(|| self.file.size())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.fate.call(|| self.file.truncate(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fate.call(|| self.file.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.fate.call(|| self.file.sync_all())
    }
}
