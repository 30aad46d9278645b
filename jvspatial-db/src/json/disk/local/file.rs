//! One open file of the local disk.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::error::named;
use super::super::{AppendError, DiskFile};

/// Written by [`LocalFile::reserve`], again and again.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A regular file; appends go behind one another, reads name their offset.
#[derive(Debug)]
pub(super) struct LocalFile {
    file: File,
    path: Box<str>,
    /// Where the next append goes.
    end: AtomicU64,
    /// Cleared by the first answer that this file system cannot tell cached from not.
    tells_cached: AtomicBool,
}

impl LocalFile {
    /// An open file of `len` bytes.
    pub(super) fn new(file: File, path: &str, len: u64) -> Self {
        let tells_cached = AtomicBool::new(cfg!(target_os = "linux"));
        Self { file, path: path.into(), end: AtomicU64::new(len), tells_cached }
    }

    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    /// How many bytes went before, and why the next one did not.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.file.write_at(rest, offset + written as u64) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }
}

impl DiskFile for LocalFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let offset = self.end.load(Ordering::Relaxed);
        let result = self.write_all_at(bytes, offset);
        let written = result.as_ref().map_or_else(|(written, _)| *written, |()| bytes.len());
        self.end.store(offset + written as u64, Ordering::Relaxed);
        result.map_err(|(written, error)| {
            AppendError::new(written, named("append to", &self.path, error))
        })
    }

    fn reserve(&self, room: Range<u64>) -> io::Result<()> {
        let mut offset = room.start;
        while offset < room.end {
            let left = usize::try_from(room.end - offset).unwrap_or(usize::MAX);
            let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
            self.write_all_at(zeros, offset)
                .map_err(|(_, error)| named("make room in", &self.path, error))?;
            offset += zeros.len() as u64;
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
        self.file.set_len(len).map_err(|error| named("truncate", &self.path, error))?;
        self.end.store(len, Ordering::Relaxed);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().map_err(|error| named("sync", &self.path, error))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all().map_err(|error| named("sync", &self.path, error))
    }
}
