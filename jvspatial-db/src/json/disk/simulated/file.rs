//! One open file of the simulated disk.

use std::io;

use rustix::io::Errno;

use super::super::error::named;
use super::super::{AppendError, DiskFile};
use super::fault::{Fault, Op, OpKind, SyncEffect};
use super::model::Inode;
use super::{SimulatedDisk, op};

/// A handle; it outlives the removal of the file's name, as on a real system.
#[derive(Debug)]
pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    inode: Inode,
    path: Box<str>,
    writable: bool,
}

impl SimulatedFile {
    pub(super) fn new(disk: SimulatedDisk, inode: Inode, path: &str, writable: bool) -> Self {
        Self { disk, inode, path: path.into(), writable }
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::BADF.into()) }
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
            let room = state
                .capacity
                .map_or(u64::MAX, |capacity| capacity.saturating_sub(state.model.used_space()));
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let (fits, error) = match fault {
                Some(fault) => (fault.short_bytes(bytes.len()), Some(fault.error())),
                None if bytes.len() > room => (room, Some(Errno::NOSPC.into())),
                None => (bytes.len(), None),
            };
            written = fits;
            state.model.file_mut(self.inode)?.append(bytes.get(..fits).unwrap_or(bytes));
            error.map_or(Ok(()), Err)
        });
        result.map_err(|error| AppendError::new(written, named("append to", &self.path, error)))
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
