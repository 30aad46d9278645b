//! Which threads read which segments.

use std::thread::{self, ThreadId};

use super::super::super::disk::{DiskLock, Entry, LockError};
use super::*;

/// A disk that notes who opens files.
#[derive(Debug)]
struct Watched {
    disk: SimulatedDisk,
    opened: Mutex<Vec<(String, ThreadId)>>,
}

impl Watched {
    fn note(&self, path: &str) {
        self.opened.lock().push((path.to_owned(), thread::current().id()));
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

/// The files that were opened, in order of their names, and by whom, for a reading with `threads`.
fn opened(threads: usize) -> Vec<(String, ThreadId)> {
    let journal = three_segments();
    let disk = Watched { disk: journal.disk, opened: Mutex::default() };
    let options = JsonDbOptions::new();
    let segments = &journal.planned;
    let plan = Plan { disk: &disk, store: STORE, options: &options, segments, chunk_lines: 1 };
    plan.read(NonZeroUsize::new(threads).unwrap()).unwrap();
    let mut opened = disk.opened.into_inner();
    opened.sort_by(|(a, _), (b, _)| a.cmp(b));
    let names: Vec<_> = opened.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, [1, 2, 3].map(|number| SegmentName::new(number).path()), "each file once");
    opened
}

#[test]
fn one_thread_is_the_callers_own() {
    let own = thread::current().id();
    assert!(opened(1).iter().all(|(_, reader)| *reader == own));
}

#[test]
fn several_threads_are_others_than_the_callers_and_read_each_segment_once() {
    let own = thread::current().id();
    assert!(opened(2).iter().all(|(_, reader)| *reader != own));
}
