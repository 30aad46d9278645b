//! One open file of the simulated disk.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;

use super::super::error::named;
use super::super::{AppendError, DiskFile};
use super::fault::{Fault, Op, OpKind, SyncEffect};
use super::model::Inode;
use super::{SimulatedDisk, State, op};

/// A handle; it outlives the removal of the file's name, as on a real system.
#[derive(Debug)]
pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    inode: Inode,
    path: Box<str>,
    writable: bool,
    /// Where the next append goes.
    end: AtomicUsize,
}

impl SimulatedFile {
    pub(super) fn new(disk: SimulatedDisk, inode: Inode, path: &str, writable: bool) -> Self {
        let len = disk.state.lock().model.file(inode).map_or(0, |file| file.live.len());
        Self { disk, inode, path: path.into(), writable, end: AtomicUsize::new(len) }
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::BADF.into()) }
    }

    /// How many of `len` bytes that end at `end` a write brings to the medium, and what it says then.
    fn fitting(
        &self,
        state: &State,
        fault: Option<&Fault>,
        end: usize,
        len: usize,
    ) -> io::Result<(usize, io::Result<()>)> {
        let room = state
            .capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(state.model.used_space()));
        // Only what makes the file longer takes space.
        let growth = end.saturating_sub(state.model.file(self.inode)?.live.len());
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Ok(match fault {
            Some(fault) => (fault.short_bytes(len), Err(fault.error())),
            None if growth > room => (len - (growth - room), Err(Errno::NOSPC.into())),
            None => (len, Ok(())),
        })
    }

    fn sync(&self, kind: OpKind) -> io::Result<()> {
        let result = self.disk.run(op(kind, &self.path), |state, fault| {
            let file = state.model.file_mut(self.inode)?;
            let (effect, result) = Fault::sync(fault);
            match effect {
                SyncEffect::MakesDurable => file.sync(),
                SyncEffect::LosesTrack => file.fail_sync(),
                SyncEffect::Nothing => {}
            }
            result
        });
        result.map_err(|error| named("sync", &self.path, error))
    }

    fn read(&self, kind: OpKind, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        self.disk.run(op(kind, &self.path), |state, fault| {
            if let Some(fault) = fault {
                return Err(fault.error());
            }
            if kind == OpKind::ReadAtCached && state.cold {
                return Ok(false);
            }
            if buf.is_empty() {
                return Ok(true);
            }
            let bytes = state.model.file(self.inode)?.live.as_slice();
            let start = usize::try_from(offset).ok();
            let wanted = start.and_then(|start| bytes.get(start..start.checked_add(buf.len())?));
            if let Some(wanted) = wanted {
                buf.copy_from_slice(wanted);
            }
            Ok(wanted.is_some())
        })
    }
}

impl DiskFile for SimulatedFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let mut written = 0;
        let op = Op { len: bytes.len() as u64, ..op(OpKind::Append, &self.path) };
        let result = self.disk.run(op, |state, fault| {
            self.check_writable()?;
            let offset = self.end.load(Ordering::Relaxed);
            let (fits, result) = self.fitting(state, fault, offset + bytes.len(), bytes.len())?;
            written = fits;
            let file = state.model.file_mut(self.inode)?;
            file.write(offset, bytes.get(..fits).unwrap_or(bytes));
            self.end.store(offset + fits, Ordering::Relaxed);
            result
        });
        result.map_err(|error| AppendError::new(written, named("append to", &self.path, error)))
    }

    fn reserve(&self, room: Range<u64>) -> io::Result<()> {
        let op = Op { len: room.end - room.start, ..op(OpKind::Reserve, &self.path) };
        let result = self.disk.run(op, |state, fault| {
            self.check_writable()?;
            let end = usize::try_from(room.end).map_err(|_| Errno::FBIG)?;
            let len = usize::try_from(room.end - room.start).map_err(|_| Errno::FBIG)?;
            let (fits, result) = self.fitting(state, fault, end, len)?;
            // Zeros behind the end are the same as a longer file, to a process and to a power cut.
            state.model.file_mut(self.inode)?.truncate(end - len + fits);
            result
        });
        result.map_err(|error| named("make room in", &self.path, error))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let result = self
            .read(OpKind::ReadAt, buf, offset)
            .and_then(|all| if all { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) });
        result.map_err(|error| named("read", &self.path, error))
    }

    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        let result = self.read(OpKind::ReadAtCached, buf, offset);
        result.map_err(|error| named("read", &self.path, error))
    }

    fn size(&self) -> io::Result<u64> {
        self.disk.run_plain(op(OpKind::Size, &self.path), "look at", |model| {
            Ok(model.file(self.inode)?.live.len() as u64)
        })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let writable = self.writable;
        let op = Op { len, ..op(OpKind::Truncate, &self.path) };
        self.disk.run_plain(op, "truncate", |model| {
            let len = usize::try_from(len).map_err(|_| Errno::FBIG)?;
            if !writable {
                return Err(Errno::INVAL);
            }
            model.file_mut(self.inode)?.truncate(len);
            self.end.store(len, Ordering::Relaxed);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(OpKind::SyncData)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(OpKind::SyncAll)
    }
}
