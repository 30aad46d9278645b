//! The lock on a local directory.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::super::error::named;
use super::super::{LockError, ROOT};
use super::beneath::{Beneath, DIRECTORY};
use super::{FILE_MODE, check_writable, explain_entry};

/// Where the holder writes its process id, for people and messages.
const NAME: &str = "LOCK";
const ACTION: &str = "lock";

/// How often, and how long apart, a loser looks for the holder's id: 20 ms together.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(2);

/// The lock, held on a description of the directory that nothing else shares.
#[derive(Debug)]
pub(super) struct LocalLock {
    pub(super) dir: File,
    note: File,
}

/// Locks the directory and notes this process's id in it.
pub(super) fn acquire(root: &Beneath) -> Result<LocalLock, LockError> {
    let dir = take(root, FlockOperation::NonBlockingLockExclusive)?;
    write_note(root, dir).map_err(LockError::Io)
}

/// Locks the directory among others who only read; no note, so that nothing in it changes.
pub(super) fn acquire_shared(root: &Beneath) -> Result<SharedLock, LockError> {
    take(root, FlockOperation::NonBlockingLockShared).map(SharedLock)
}

fn take(root: &Beneath, operation: FlockOperation) -> Result<File, LockError> {
    // Descriptions, not processes, own such a lock: a fresh one keeps out this process too.
    let dir = root.open(ROOT, DIRECTORY, Mode::empty());
    let dir = dir.map_err(|error| LockError::Io(explain_entry(ACTION, ROOT, error)))?;
    let mut last_seen = None;
    for look in 0..LOOKS {
        match flock(&dir, operation) {
            Ok(()) => return Ok(dir.into()),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(LockError::Io(explain_entry(ACTION, ROOT, error))),
        }
        let pid = read_note(root);
        // The note of a holder that was killed stays until the next one has written its own.
        if pid.is_some_and(is_alive) {
            return Err(LockError::Held { pid });
        }
        last_seen = pid.or(last_seen);
        if look + 1 < LOOKS {
            std::thread::sleep(PAUSE);
        }
    }
    // Alive or not cannot be told across containers, so the id is passed on as found.
    Err(LockError::Held { pid: last_seen })
}

impl Drop for LocalLock {
    fn drop(&mut self) {
        // The note goes first, so that nobody reads it after the lock is free. Unlocking by name
        // frees it even if a child process being started still shares the descriptor. Should either
        // fail, nothing is lost: the note only informs, and closing the descriptor unlocks too.
        let _ = self.note.set_len(0);
        let _ = flock(&self.dir, FlockOperation::Unlock);
    }
}

/// The lock of one who only reads.
#[derive(Debug)]
pub(super) struct SharedLock(File);

impl Drop for SharedLock {
    fn drop(&mut self) {
        // As above; closing the descriptor unlocks too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

fn open_note(root: &Beneath, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
    let note = root.open(NAME, flags, FILE_MODE);
    let note = File::from(note.map_err(|error| explain_entry(ACTION, NAME, error))?);
    check_writable(ACTION, NAME, &note)?;
    Ok(note)
}

fn write_note(root: &Beneath, dir: File) -> io::Result<LocalLock> {
    let note = make_note(root)?;
    let write = |mut note: &File| {
        note.set_len(0)?;
        writeln!(note, "{}", std::process::id())
    };
    // A full disk must not keep anyone from opening: without the note only a message is poorer.
    let _: io::Result<()> = write(&note);
    Ok(LocalLock { dir, note })
}

/// Opens the note, made anew if it is missing.
fn make_note(root: &Beneath) -> io::Result<File> {
    let create = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    let mut looks = 0;
    loop {
        match open_note(root, create) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => {
                let note = result?;
                rustix::fs::fchmod(&note, FILE_MODE).map_err(|error| named(ACTION, NAME, error))?;
                return Ok(note);
            }
        }
        looks += 1;
        match open_note(root, OFlags::RDWR) {
            // Somebody deletes it at this very moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound && looks < LOOKS => {}
            result => return result,
        }
    }
}

/// The process id in the note; anything else that stands there counts as none.
fn read_note(root: &Beneath) -> Option<u32> {
    let mut text = [0; 16];
    let len = open_note(root, OFlags::RDONLY).ok()?.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..len)?).ok()?;
    // Without its end of line the number may be half written.
    text.strip_suffix('\n')?.parse().ok()
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
