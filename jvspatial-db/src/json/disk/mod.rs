//! The seam through which the JSON database reaches its files, and nothing else does.
//!
//! A [`Disk`] is one directory. [`LocalDisk`] is a real one; the simulated one, for tests, loses,
//! tears and fails on command and knows every state that a power cut may leave behind.
//!
//! What is durable follows the strict reading of POSIX: bytes and length of a file after
//! [`DiskFile::sync_data`], a name (created, renamed, removed) after [`Disk::sync_dir`] on the
//! directory that holds it. A file system may do more; nothing here counts on it.

mod error;
mod local;
mod path;
#[cfg(any(test, feature = "conformance"))]
mod simulated;

use std::any::Any;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

pub use error::{AppendError, LockError, os_error};
pub use local::LocalDisk;
#[cfg(any(test, feature = "conformance"))]
pub use simulated::{CrashStates, Fault, Op, OpKind, SimulatedDisk};

/// The database's own directory, where a method takes a directory.
pub const ROOT: &str = ".";

/// One directory with files and directories beneath it.
///
/// A path is relative to the directory, made of `[A-Za-z0-9._-]` and `/`, and no part of it is `.`
/// or `..`; only a directory argument may be [`ROOT`]. Any other path is refused with
/// [`io::ErrorKind::InvalidInput`] before a file is touched. Symbolic links are never followed.
/// Every error names the path that it is about; [`os_error`] gives the number underneath.
///
/// All methods block.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Makes a directory that only its owner can enter; an existing directory is fine.
    ///
    /// Nothing is durable until the parent is synced with [`sync_dir`](Self::sync_dir).
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Opens an existing regular file for reading.
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a regular file for reading and appending.
    ///
    /// A new file can be read and written by its owner alone, whatever the umask.
    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// What stands in a directory, sorted by name.
    fn list(&self, dir: &str) -> io::Result<Vec<Entry>>;

    /// What stands at `path`, or `None` when nothing does.
    fn entry(&self, path: &str) -> io::Result<Option<Entry>>;

    /// Gives a file another name, replacing a file that has it, in one step.
    ///
    /// Between two directories the new name is durable once either of them is synced, the end of
    /// the old one only when its own directory is.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory durable. Never repeat a sync that failed.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Takes the directory for one owner, until the returned lock is dropped or the process ends.
    ///
    /// The directory itself is locked, so deleting a file inside lets nobody in. Fails within
    /// 100 ms when somebody else holds it, be it this very `Disk` or process.
    fn lock(&self) -> Result<DiskLock, LockError>;

    /// Keeps owners out while the directory is read, without changing a byte in it.
    ///
    /// Several readers may hold it at a time where the system can tell them from an owner.
    fn lock_shared(&self) -> Result<DiskLock, LockError> {
        self.lock()
    }
}

/// One open regular file.
///
/// Reads may come from any number of threads; appending, truncating and syncing from one.
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// Writes all of `bytes` behind what was appended before: at the end of the file as it was opened or
    /// last truncated, and of what was appended since.
    ///
    /// On an error the first [`AppendError::written`] bytes may be in the file; the caller
    /// truncates before it appends again.
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError>;

    /// Fills `room`, which begins at the end of the file, with zeros that later appends overwrite.
    ///
    /// The sync of such an append takes about half as long, because neither the length of the file nor
    /// where it lies has changed. On an error some of the zeros may be there.
    fn reserve(&self, room: Range<u64>) -> io::Result<()>;

    /// Fills `buf` from `offset` on, or fails with [`io::ErrorKind::UnexpectedEof`].
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Fills `buf` if that takes no waiting for the medium; `Ok(false)` when it would, when the
    /// file ends before, or when the system cannot tell.
    ///
    /// After `Ok(false)` the contents of `buf` mean nothing.
    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool>;

    /// The length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Cuts the file, or extends it with zeros, to `len` bytes. Durable after a sync.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes bytes and length durable. Never repeat a sync that failed: the system may have
    /// thrown the bytes away and report success the next time.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`sync_data`](Self::sync_data), with times and rights.
    fn sync_all(&self) -> io::Result<()>;
}

/// Whether [`Disk::open_append`] makes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenMode {
    /// Make the file; fail with [`io::ErrorKind::AlreadyExists`] if anything has that name.
    CreateNew,
    /// Fail with [`io::ErrorKind::NotFound`] if it is not there.
    Existing,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last part of the path. Bytes that are not UTF-8 are replaced, so a name that no path
    /// can spell still shows up.
    pub name: String,
    /// What has the name.
    pub kind: EntryKind,
    /// The length in bytes of a file, 0 for anything else.
    pub len: u64,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, a pipe, a device: nothing that this seam opens.
    Other,
}

/// The exclusive ownership of a [`Disk`], given back when dropped.
#[must_use = "dropping the lock gives it back"]
pub struct DiskLock(#[allow(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl DiskLock {
    /// A lock that lasts as long as `guard`, whose `Drop` gives it back.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for DiskLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiskLock")
    }
}
