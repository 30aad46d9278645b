//! One open file of the local disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::error::named;
use super::super::{AppendError, DiskFile};

/// A regular file; appends go to its end, reads name their offset.
#[derive(Debug)]
pub(super) struct LocalFile {
    file: File,
    path: Box<str>,
    /// Cleared by the first answer that this file system cannot tell cached from not.
    tells_cached: AtomicBool,
}

impl LocalFile {
    pub(super) fn new(file: File, path: &str) -> Self {
        let tells_cached = AtomicBool::new(cfg!(target_os = "linux"));
        Self { file, path: path.into(), tells_cached }
    }
}

impl DiskFile for LocalFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let error = match (&self.file).write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    written += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(AppendError::new(written, named("append to", &self.path, error)));
        }
        Ok(())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset).map_err(|error| named("read", &self.path, error))
    }

    #[cfg(target_os = "linux")]
    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        use rustix::io::{Errno, IoSliceMut, ReadWriteFlags, preadv2};

        if !self.tells_cached.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let wanted = buf.len();
        let slices = &mut [IoSliceMut::new(buf)];
        match preadv2(&self.file, slices, offset, ReadWriteFlags::NOWAIT) {
            // A short count is the border of what is cached, or of the file.
            Ok(count) => Ok(count == wanted),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                self.tells_cached.store(false, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => Err(named("read", &self.path, error)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn read_at_cached(&self, _: &mut [u8], _: u64) -> io::Result<bool> {
        Ok(self.tells_cached.load(Ordering::Relaxed))
    }

    fn size(&self) -> io::Result<u64> {
        let metadata = self.file.metadata().map_err(|error| named("look at", &self.path, error))?;
        Ok(metadata.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len).map_err(|error| named("truncate", &self.path, error))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().map_err(|error| named("sync", &self.path, error))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all().map_err(|error| named("sync", &self.path, error))
    }
}
