//! File systems of their own for tests that break one: made in memory, and gone when dropped, also
//! after a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;

/// A kind of file system on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    const fn maker(self) -> (&'static str, &'static [&'static str]) {
        match self {
            // Tables that are filled in later leave room on a small medium.
            Self::Ext4 => ("mkfs.ext4", &["-q", "-F", "-E", "lazy_itable_init=1"]),
            Self::Xfs => ("mkfs.xfs", &["-q"]),
        }
    }

    /// The smallest image that its tools agree to make, with room for a test.
    const fn megabytes(self) -> u64 {
        match self {
            Self::Ext4 => 64,
            Self::Xfs => 320,
        }
    }

    /// What keeps a test on this file system from running, if anything does.
    pub(super) fn is_missing(self, tools: &[&str]) -> Option<String> {
        what_is_missing(&[tools, &[self.maker().0]].concat())
    }
}

/// What keeps a test that mounts something from running, if anything does.
pub(super) fn what_is_missing(tools: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root".to_owned());
    }
    let tools = [tools, &["mount", "umount"]].concat();
    if let Some(tool) = tools.into_iter().find(|tool| find(tool).is_none()) {
        return Some(format!("needs {tool}"));
    }
    let home = tempfile::tempdir().unwrap();
    Mount::try_tmpfs(home.path(), "64k").err().map(|why| format!("needs the right to mount: {why}"))
}

/// Where a program is; those of an administrator are not always on the path.
fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join(tool)).find(|path| path.is_file())
}

fn run(tool: &str, arguments: &[&str], path: &[&Path]) -> Result<(), String> {
    let program = find(tool).ok_or_else(|| format!("{tool} is not installed"))?;
    let Output { status, stderr, .. } =
        Command::new(program).args(arguments).args(path).output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&stderr).trim().replace('\n', ", ");
    if status.success() { Ok(()) } else { Err(format!("{tool}: {said} ({status})")) }
}

/// Something that is mounted until this is dropped.
#[derive(Debug)]
pub(super) struct Mount {
    at: PathBuf,
    is_gone: bool,
}

impl Mount {
    /// A file system in memory with room for `size`.
    pub(super) fn tmpfs(at: &Path, size: &str) -> Self {
        Self::try_tmpfs(at, size).unwrap()
    }

    fn try_tmpfs(at: &Path, size: &str) -> Result<Self, String> {
        let options = format!("size={size},mode=0700");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"], &[at])?;
        Ok(Self { at: at.to_owned(), is_gone: false })
    }

    fn image(image: &Path, at: &Path, options: &str) -> Result<Self, String> {
        // Two that look for a free loop device at once may find the same one.
        static MOUNTING: Mutex<()> = Mutex::new(());
        let _guard = MOUNTING.lock();
        run("mount", &["-o", &format!("loop,{options}")], &[image, at])?;
        Ok(Self { at: at.to_owned(), is_gone: false })
    }

    /// Gives a file system in memory another size.
    pub(super) fn resize(&self, size: &str) {
        run("mount", &["-o", &format!("remount,size={size}")], &[&self.at]).unwrap();
    }

    fn unmount(&mut self) -> Result<(), String> {
        let mut outcome = Ok(());
        // A process that was killed a moment ago may still hold on to it.
        for pause in [0, 1, 10, 100, 500, 1_000] {
            std::thread::sleep(Duration::from_millis(pause));
            outcome = run("umount", &[], &[&self.at]);
            if outcome.is_ok() {
                self.is_gone = true;
                break;
            }
        }
        outcome
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if !self.is_gone && self.unmount().is_err() {
            let _ = run("umount", &["--lazy"], &[&self.at]);
        }
    }
}

/// A file system in an image in memory, mounted.
#[derive(Debug)]
pub(super) struct Volume {
    // Dropped in this order.
    mount: Option<Mount>,
    medium: Mount,
    home: TempDir,
    options: &'static str,
}

impl Volume {
    /// One whose medium takes all that it may hold.
    pub(super) fn new(kind: Kind, options: &'static str) -> Self {
        Self::on_medium(kind, &format!("{}m", 2 * kind.megabytes()), options)
    }

    /// One whose medium has room for `size` only, which the file system does not know.
    pub(super) fn on_medium(kind: Kind, size: &str, options: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let [medium, at] = ["medium", "at"].map(|name| home.path().join(name));
        std::fs::create_dir(&medium).unwrap();
        std::fs::create_dir(&at).unwrap();
        let medium = Mount::tmpfs(&medium, size);
        let mut volume = Self { mount: None, medium, home, options };
        let image = std::fs::File::create_new(volume.image()).unwrap();
        image.set_len(kind.megabytes() << 20).unwrap();
        let (maker, arguments) = kind.maker();
        run(maker, arguments, &[&volume.image()]).unwrap();
        volume.mount();
        volume
    }

    fn image(&self) -> PathBuf {
        self.medium.at.join("image")
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> PathBuf {
        self.home.path().join("at")
    }

    /// The medium grows to what the file system takes it for.
    pub(super) fn grow_medium(&self) {
        self.medium.resize("1g");
    }

    /// Cuts the power: nothing that is not on the medium now ever gets there. Whoever writes must be
    /// frozen, since some file systems let a sync succeed that comes a moment later.
    pub(super) fn cut_power(&self) {
        run("xfs_io", &["-x", "-c", "shutdown"], &[&self.path()]).unwrap();
    }

    /// Unmounts and mounts it again, so that it holds what is on the medium.
    pub(super) fn remount(&mut self) {
        self.mount.take().unwrap().unmount().unwrap();
        self.mount();
    }

    fn mount(&mut self) {
        self.mount = Some(Mount::image(&self.image(), &self.path(), self.options).unwrap());
    }

    /// The name of its loop device.
    pub(super) fn device(&self) -> String {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let path = self.path();
        let line = mounts.lines().find(|line| line.split(' ').nth(1) == path.to_str());
        line.unwrap().split(' ').next().unwrap().rsplit('/').next().unwrap().to_owned()
    }
}

#[test]
fn a_file_system_is_gone_after_a_panic() {
    if let Some(why) = Kind::Ext4.is_missing(&[]) {
        return super::figures::skip("mount", &why);
    }
    let volume = Volume::new(Kind::Ext4, "rw");
    let home = volume.home.path().to_owned();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _volume = volume;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(home.to_str().unwrap()) && !home.exists(), "{mounts}");
}
