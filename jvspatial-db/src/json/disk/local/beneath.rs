//! Opening what lies beneath one directory, without ever leaving it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// How a directory is opened, to be read, synced or searched.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// No link is followed, and no child process inherits the descriptor.
const ALWAYS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

/// A directory descriptor and the safe ways down from it.
#[derive(Debug)]
pub(super) struct Beneath {
    dir: OwnedFd,
}

impl Beneath {
    pub(super) fn new(dir: OwnedFd) -> Self {
        Self { dir }
    }

    /// Opens `path`, refusing symbolic links and every way out, also against a racing rename.
    ///
    /// The descriptor is not inherited by child processes.
    pub(super) fn open(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        // A mode without a file to create is refused by the newer call.
        let mode = if flags.contains(OFlags::CREATE) { mode } else { Mode::empty() };
        #[cfg(target_os = "linux")]
        match self.open_resolved(path, flags, mode) {
            // An older kernel does not know the call, an older sandbox forbids it.
            Err(Errno::NOSYS | Errno::PERM) => {}
            result => return result,
        }
        self.open_by_parts(path, flags, mode)
    }

    #[cfg(target_os = "linux")]
    fn open_resolved(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        use rustix::fs::ResolveFlags;

        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        loop {
            match rustix::fs::openat2(&self.dir, path, flags | ALWAYS, mode, resolve) {
                Err(Errno::INTR) => {}
                result => return result,
            }
        }
    }

    /// The same with calls that every system has: one part after the other, none a link.
    pub(super) fn open_by_parts(
        &self,
        path: &str,
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd, Errno> {
        let mut held: Option<OwnedFd> = None;
        let mut rest = path;
        loop {
            let dir = held.as_ref().map_or(self.dir.as_fd(), |dir| dir.as_fd());
            let (part, step_flags, step_mode, more) = match rest.split_once('/') {
                Some((part, more)) => (part, DIRECTORY, Mode::empty(), more),
                None => (rest, flags, mode, ""),
            };
            let next = match rustix::fs::openat(dir, part, step_flags | ALWAYS, step_mode) {
                Err(Errno::INTR) => continue,
                // With O_DIRECTORY a link is reported as "not a directory".
                Err(Errno::NOTDIR) if is_link(dir, part) => return Err(Errno::LOOP),
                result => result?,
            };
            if more.is_empty() {
                return Ok(next);
            }
            held = Some(next);
            rest = more;
        }
    }
}

fn is_link(dir: impl AsFd, name: &str) -> bool {
    rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_symlink())
}
