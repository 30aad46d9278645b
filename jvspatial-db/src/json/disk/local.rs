//! The disk of this machine.

mod beneath;
mod file;
mod lock;
#[cfg(test)]
mod tests;

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use self::beneath::{Beneath, DIRECTORY};
use self::file::LocalFile;
use super::error::{named, refused};
use super::path::{check, check_dir, split};
use super::{Disk, DiskFile, DiskLock, Entry, EntryKind, LockError, OpenMode};

/// Only the owner may look inside.
const DIR_MODE: Mode = Mode::RWXU;
/// Only the owner may read and write.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A directory of the local file system.
///
/// The directory is opened once and everything else is found relative to it, so renaming it or
/// putting another in its place does not lead this disk astray.
#[derive(Debug)]
pub struct LocalDisk {
    root: Beneath,
    exposed: Option<u32>,
}

impl LocalDisk {
    /// Opens the directory at `path`, which may itself be reached through symbolic links.
    ///
    /// With `create` a missing directory is made, its last part only, for its owner alone whatever
    /// the umask, and its name is durable when this returns.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it or, with `create`, its parent is missing,
    /// [`io::ErrorKind::NotADirectory`] if something else stands there,
    /// [`io::ErrorKind::PermissionDenied`] if it belongs to another user, whoever asks, or may not
    /// be entered, [`io::ErrorKind::ReadOnlyFilesystem`] if it cannot be made there.
    pub fn open(path: &Path, create: bool) -> io::Result<Self> {
        Self::open_if(path, create, |owner, user| owner == user)
    }

    /// As [`open`](Self::open), also when the directory belongs to another user.
    ///
    /// That user can change every file in it, and cannot read those that this process makes.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the owner.
    pub fn open_of_any_owner(path: &Path, create: bool) -> io::Result<Self> {
        Self::open_if(path, create, |_, _| true)
    }

    fn open_if(
        path: &Path,
        create: bool,
        may_own: impl FnOnce(u32, u32) -> bool,
    ) -> io::Result<Self> {
        let shown = path.to_string_lossy();
        let (dir, created) = match open_root(path) {
            Err(Errno::NOENT) if create => make_root(path, &shown)?,
            result => (result.map_err(|error| explain("open", path, &shown, error))?, false),
        };
        let dir = File::from(dir);
        let metadata = dir.metadata().map_err(|error| named("look at", &shown, error))?;
        if !may_own(metadata.uid(), rustix::process::geteuid().as_raw()) {
            let why = "the directory belongs to another user, and `any_owner` is not set";
            return Err(refused("open", &shown, io::ErrorKind::PermissionDenied, why));
        }
        let shared = dir.try_clone().map_err(|error| named("open", &shown, error))?;
        let disk = Self { root: Beneath::new(shared.into()), exposed: exposed(&metadata) };
        // An empty directory may be one whose maker was killed before it was durable.
        if created || disk.list(super::ROOT)?.is_empty() {
            sync_parent(&dir, &shown, created)?;
        }
        Ok(disk)
    }

    /// The rights of the directory if others than its owner have any, such as `0o755`.
    ///
    /// They are left as found; a store warns about them.
    pub fn exposed_mode(&self) -> Option<u32> {
        self.exposed
    }

    fn open_file(
        &self,
        action: &'static str,
        path: &str,
        flags: OFlags,
    ) -> io::Result<Arc<dyn DiskFile>> {
        check(action, path)?;
        // Without NONBLOCK opening a pipe would wait for its other end.
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file =
            self.root.open(path, flags, FILE_MODE).map_err(|e| explain_entry(action, path, e))?;
        let file = File::from(file);
        let metadata = if flags.contains(OFlags::RDWR) {
            check_writable(action, path, &file)?
        } else {
            check_file(action, path, &file)?
        };
        if flags.contains(OFlags::CREATE) {
            rustix::fs::fchmod(&file, FILE_MODE).map_err(|error| named(action, path, error))?;
        }
        Ok(Arc::new(LocalFile::new(file, path, metadata.len())))
    }

    fn entry_at(dir: &OwnedFd, name: &std::ffi::CStr) -> Result<Option<Entry>, Errno> {
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            result => result?,
        };
        let (kind, len) = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => (EntryKind::File, u64::try_from(stat.st_size).unwrap_or(0)),
            FileType::Directory => (EntryKind::Directory, 0),
            _ => (EntryKind::Other, 0),
        };
        Ok(Some(Entry { name: name.to_string_lossy().into_owned(), kind, len }))
    }

    fn list_fd(&self, dir: &str) -> Result<Vec<Entry>, Errno> {
        let dir = self.root.open(dir, DIRECTORY, Mode::empty())?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                // What was removed since the directory was read is left out.
                entries.extend(Self::entry_at(&dir, name)?);
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn rename_fd(&self, from: &str, to: &str) -> Result<(), Errno> {
        let (from_dir, from) = split(from);
        let (to_dir, to) = split(to);
        let source = self.root.open(from_dir, DIRECTORY, Mode::empty())?;
        let target = self.root.open(to_dir, DIRECTORY, Mode::empty())?;
        rustix::fs::renameat(&source, from, &target, to)
    }

    fn create_dir_fd(&self, path: &str) -> Result<(), Errno> {
        let (parent, name) = split(path);
        let parent = self.root.open(parent, DIRECTORY, Mode::empty())?;
        match rustix::fs::mkdirat(&parent, name, DIR_MODE) {
            Ok(()) => rustix::fs::fchmod(self.root.open(path, DIRECTORY, Mode::empty())?, DIR_MODE),
            Err(Errno::EXIST) => self.root.open(path, DIRECTORY, Mode::empty()).map(drop),
            Err(error) => Err(error),
        }
    }
}

impl Disk for LocalDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        const ACTION: &str = "create directory";
        check(ACTION, path)?;
        self.create_dir_fd(path).map_err(|error| explain_entry(ACTION, path, error))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.open_file("open", path, OFlags::RDONLY)
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let flags = OFlags::RDWR;
        match mode {
            OpenMode::CreateNew => {
                self.open_file("create", path, flags | OFlags::CREATE | OFlags::EXCL)
            }
            OpenMode::Existing => self.open_file("open", path, flags),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        check_dir("list", dir)?;
        self.list_fd(dir).map_err(|error| explain_entry("list", dir, error))
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        const ACTION: &str = "look at";
        check(ACTION, path)?;
        let (parent, name) = split(path);
        let found = match self.root.open(parent, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            result => result.and_then(|parent| {
                let name = std::ffi::CString::new(name).map_err(|_| Errno::INVAL)?;
                Self::entry_at(&parent, &name)
            }),
        };
        found.map_err(|error| explain_entry(ACTION, path, error))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check("rename", from)?;
        check("rename to", to)?;
        self.rename_fd(from, to).map_err(|error| explain_entry("rename", from, error))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check("remove", path)?;
        let (parent, name) = split(path);
        self.root
            .open(parent, DIRECTORY, Mode::empty())
            .and_then(|parent| rustix::fs::unlinkat(&parent, name, AtFlags::empty()))
            .map_err(|error| explain_entry("remove", path, error))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        const ACTION: &str = "sync directory";
        check_dir(ACTION, dir)?;
        let open = self.root.open(dir, DIRECTORY, Mode::empty());
        let file = File::from(open.map_err(|error| explain_entry(ACTION, dir, error))?);
        file.sync_all().map_err(|error| named(ACTION, dir, error))
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        lock::acquire(&self.root).map(DiskLock::new)
    }

    fn lock_shared(&self) -> Result<DiskLock, LockError> {
        lock::acquire_shared(&self.root).map(DiskLock::new)
    }
}

fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

/// Makes the directory; the flag says whether it was this call that made it.
fn make_root(path: &Path, shown: &str) -> io::Result<(OwnedFd, bool)> {
    let created = match rustix::fs::mkdirat(CWD, path, DIR_MODE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(explain("create directory", path, shown, error)),
    };
    let dir = open_root(path).map_err(|error| explain("open", path, shown, error))?;
    if created {
        rustix::fs::fchmod(&dir, DIR_MODE).map_err(|e| named("restrict", shown, e))?;
    }
    Ok((dir, created))
}

/// Makes the directory's own name durable.
fn sync_parent(dir: &File, shown: &str, created: bool) -> io::Result<()> {
    // Asked of the directory itself, so that links in the path do not matter.
    let parent = rustix::fs::openat(dir, "..", DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let synced = parent.map_err(io::Error::from).and_then(|parent| {
        let parent = File::from(parent);
        // The name of a mount point is not stored in its parent.
        if parent.metadata()?.dev() == dir.metadata()?.dev() { parent.sync_all() } else { Ok(()) }
    });
    match synced {
        // Somebody else made the directory in a place that is not ours to sync.
        Err(error)
            if !created
                && matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
        {
            Ok(())
        }
        result => result.map_err(|error| named("sync the parent of", shown, error)),
    }
}

/// Refuses what is no regular file.
fn check_file(action: &'static str, path: &str, file: &File) -> io::Result<Metadata> {
    let metadata = file.metadata().map_err(|error| named(action, path, error))?;
    if metadata.is_file() {
        Ok(metadata)
    } else {
        Err(refused(action, path, io::ErrorKind::InvalidData, "not a regular file"))
    }
}

/// Refuses also what another name leads to: what is written to it would change a file elsewhere. A file
/// that is only read may have other names, such as that of a copy made by hard links.
fn check_writable(action: &'static str, path: &str, file: &File) -> io::Result<Metadata> {
    let metadata = check_file(action, path, file)?;
    if metadata.nlink() > 1 {
        let why = "the file has a second name (a hard link)";
        return Err(refused(action, path, io::ErrorKind::InvalidData, why));
    }
    Ok(metadata)
}

fn exposed(metadata: &Metadata) -> Option<u32> {
    let mode = metadata.mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// An error about the database directory, in words where the system's own would mislead.
fn explain(action: &'static str, path: &Path, shown: &str, error: Errno) -> io::Error {
    let missing_parent = || {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.is_some_and(|parent| !parent.exists())
    };
    match error {
        Errno::NOENT if missing_parent() => {
            refused(action, shown, io::ErrorKind::NotFound, "its parent directory does not exist")
        }
        Errno::NOTDIR if path.exists() => {
            refused(action, shown, io::ErrorKind::NotADirectory, "it is not a directory")
        }
        Errno::NOTDIR => {
            let why = "a part of the path is not a directory";
            refused(action, shown, io::ErrorKind::NotADirectory, why)
        }
        error => named(action, shown, error),
    }
}

/// An error about something inside the directory.
fn explain_entry(action: &'static str, path: &str, error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::XDEV => {
            let why = "a symbolic link stands where none may";
            refused(action, path, io::ErrorKind::InvalidData, why)
        }
        Errno::NXIO => refused(action, path, io::ErrorKind::InvalidData, "not a regular file"),
        error => named(action, path, error),
    }
}
