//! Which files reading a journal opens.

use super::super::super::disk::{DiskLock, Entry, LockError};
use super::*;

/// A disk that notes which files are opened.
#[derive(Debug)]
struct Watched {
    disk: SimulatedDisk,
    opened: Mutex<Vec<String>>,
}

impl Watched {
    fn note(&self, path: &str) {
        self.opened.lock().push(path.to_owned());
    }
}

impl Disk for Watched {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.note(path);
        self.disk.open(path)
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.note(path);
        self.disk.open_append(path, mode)
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
        self.disk.sync_dir(dir)
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        self.disk.lock()
    }
}

#[test]
fn each_segment_is_opened_once_however_many_threads_read() {
    for threads in [1, 2, 3] {
        let journal = three_segments();
        let disk = Watched { disk: journal.disk, opened: Mutex::default() };
        let options = JsonDbOptions::new();
        let segments = &journal.planned;
        let plan = Plan {
            disk: &disk,
            store: STORE,
            options: &options,
            segments,
            chunk_lines: 1,
            piece_bytes: 1,
        };
        plan.read(NonZeroUsize::new(threads).unwrap()).unwrap();
        let mut opened = disk.opened.into_inner();
        opened.sort_unstable();
        assert_eq!(opened, [1, 2, 3].map(|number| SegmentName::new(number).path()));
    }
}
