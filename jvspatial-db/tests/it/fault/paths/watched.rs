//! A real disk that is looked at after each operation that makes or moves a name.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jvspatial_db::json::disk::{Disk, DiskFile, DiskLock, Entry, LocalDisk, LockError, OpenMode};

use super::everything;
use crate::fault::child::tell;

/// Tells of every name that others than its owner can reach.
#[derive(Debug)]
pub(super) struct Watched {
    disk: LocalDisk,
    home: PathBuf,
    /// Whether new files get the rights that a file gets by default: the control.
    is_careless: bool,
    looked: AtomicU64,
}

impl Watched {
    pub(super) fn open(home: &Path, is_careless: bool) -> Self {
        let disk = LocalDisk::open(home, true).unwrap();
        let looked = AtomicU64::new(0);
        let watched = Self { disk, home: home.to_owned(), is_careless, looked };
        watched.look("");
        watched
    }

    /// How often it was looked at.
    pub(super) fn looked(&self) -> u64 {
        self.looked.load(Ordering::SeqCst)
    }

    fn look(&self, made: &str) {
        self.looked.fetch_add(1, Ordering::SeqCst);
        let path = self.home.join(made);
        if self.is_careless && path.is_file() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        let home = std::fs::metadata(&self.home).unwrap().permissions().mode();
        let inside = everything(&self.home).into_iter().map(|(path, (mode, _))| (path, mode));
        for (path, mode) in inside.chain([(self.home.clone(), home)]) {
            if mode & 0o077 != 0 {
                tell(&format!("wide {mode:o} {}", path.display()));
            }
        }
    }
}

impl Disk for Watched {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        let made = self.disk.create_dir(path);
        self.look(path);
        made
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(path)
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let opened = self.disk.open_append(path, mode);
        self.look(path);
        opened
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        self.disk.entry(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let renamed = self.disk.rename(from, to);
        self.look(to);
        renamed
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        let lock = self.disk.lock();
        self.look("LOCK");
        lock
    }
}
