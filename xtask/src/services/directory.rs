//! The temporary directory of one service.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io};

/// What our directories are called, so that nothing else is ever removed.
const PREFIX: &str = "jvspatial-services-";

/// A directory that only this user can look into; it stays until it is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn make() -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            let path = env::temp_dir().join(name);
            match make_private(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left by an earlier process with our pid.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The directory that a state names; `None` unless it is one that [`make`](Self::make) could have made.
    pub(super) fn named(path: &str) -> Option<Self> {
        let path = Path::new(path);
        let name = path.file_name()?.to_str()?;
        let is_ours = path.is_absolute()
            && name.strip_prefix(PREFIX)?.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        is_ours.then(|| Self(path.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it with all it holds; one that is gone is removed already.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_made_anew_and_removed() {
        let (one, other) = (Directory::make().unwrap(), Directory::make().unwrap());
        assert_ne!(one, other);
        fs::write(one.path().join("file"), "content").unwrap();
        assert_eq!(Directory::named(one.path().to_str().unwrap()), Some(one.clone()));
        for directory in [one, other] {
            directory.remove().unwrap();
            assert!(!directory.path().exists());
            directory.remove().unwrap();
        }
    }

    #[test]
    fn a_directory_that_is_not_ours_is_never_taken_for_ours() {
        for path in [
            "/",
            "",
            "/home",
            "jvspatial-services-1-1",
            "/tmp/jvspatial-services-1/..",
            "/tmp/jvspatial-services-x",
        ] {
            assert_eq!(Directory::named(path), None, "{path}");
        }
    }
}
