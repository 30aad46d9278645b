//! Errors of the file seam: every one names the path that it is about.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why [`Disk::lock`](super::Disk::lock) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else holds the lock.
    Held {
        /// The process that said so in the file `LOCK`; for the message only.
        pid: Option<u32>,
    },
    /// The lock could not be asked for.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { pid: Some(pid) } if *pid == std::process::id() => {
                write!(f, "the directory is already open in this process, {pid}")
            }
            Self::Held { pid: Some(pid) } => {
                write!(f, "the directory is already open in process {pid}")
            }
            Self::Held { pid: None } => f.write_str("the directory is already open elsewhere"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl StdError for LockError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Held { .. } => None,
            Self::Io(error) => error.source(),
        }
    }
}

/// An append that did not reach its end.
#[derive(Debug)]
pub struct AppendError {
    written: usize,
    source: io::Error,
}

impl AppendError {
    /// An append that stopped after `written` bytes.
    pub fn new(written: usize, source: io::Error) -> Self {
        Self { written, source }
    }

    /// How many bytes the system took before it failed.
    pub fn written(&self) -> usize {
        self.written
    }

    /// The kind of the error underneath.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// The error underneath, which names the file.
    pub fn into_source(self) -> io::Error {
        self.source
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (after {} bytes)", self.source, self.written)
    }
}

impl StdError for AppendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

impl From<AppendError> for io::Error {
    fn from(error: AppendError) -> Self {
        error.source
    }
}

/// The operating system's number for an error of this seam, where it has one.
///
/// [`io::Error::raw_os_error`] does not see it, because the error also holds the path.
pub fn os_error(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| {
        let named = error.get_ref()?.downcast_ref::<Named>()?;
        named.source.raw_os_error()
    })
}

/// The same error with what was tried on which path in its message.
#[cold]
pub(super) fn named(action: &'static str, path: &str, source: impl Into<io::Error>) -> io::Error {
    let source = source.into();
    io::Error::new(source.kind(), Named { action, path: path.to_owned(), source })
}

/// An error that this seam itself found, not the system.
#[cold]
pub(super) fn refused(
    action: &'static str,
    path: &str,
    kind: io::ErrorKind,
    why: &'static str,
) -> io::Error {
    named(action, path, io::Error::new(kind, why))
}

#[derive(Debug)]
struct Named {
    action: &'static str,
    path: String,
    source: io::Error,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {:?}: {}", self.action, self.path, self.source)
    }
}

impl StdError for Named {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
