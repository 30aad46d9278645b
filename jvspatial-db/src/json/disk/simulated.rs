//! A disk in memory that loses, tears and fails on command.

mod crash;
mod fault;
mod file;
mod model;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustix::io::Errno;

use self::fault::SyncEffect;
use self::file::SimulatedFile;
use self::model::{Dir, FileNode, Model, Node};
use super::error::{named, refused};
use super::path::{check, check_dir};
use super::{Disk, DiskFile, DiskLock, Entry, LockError, OpenMode};

pub use crash::CrashStates;
pub use fault::{Fault, Op, OpKind};

/// A [`Disk`] in memory that knows what of it is durable. For tests.
///
/// Clones are handles on the same disk. Every operation is counted, every change recorded; errors
/// come as told by [`fail`](Self::fail), and [`crash_states`](Self::crash_states) gives each state
/// that a power cut at this moment may leave behind. Unlike a [`LocalDisk`](super::LocalDisk) it
/// writes no `LOCK` file.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

type Observer = Arc<dyn Fn(&SimulatedDisk, &Op) + Send + Sync>;

struct State {
    model: Model,
    holder: Weak<()>,
    counts: BTreeMap<OpKind, u64>,
    ops: Vec<Op>,
    faults: Vec<Fault>,
    capacity: Option<u64>,
    cold: bool,
    observer: Option<Observer>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            model: Model::new(),
            holder: Weak::new(),
            counts: BTreeMap::new(),
            ops: Vec::new(),
            faults: Vec::new(),
            capacity: None,
            cold: false,
            observer: None,
        }
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn with_model(model: Model) -> Self {
        Self { state: Arc::new(Mutex::new(State { model, ..State::default() })) }
    }

    /// What a killed process leaves: every write, synced or not, and no lock.
    ///
    /// A disk of its own; what was not durable here is not durable there either. Faults, records
    /// and the observer stay behind.
    pub fn kill_state(&self) -> Self {
        Self::with_model(self.state.lock().model.clone())
    }

    /// The states in which a power cut at this moment may leave the disk: all of them if they are
    /// no more than `limit`, otherwise `limit` samples drawn by `seed`.
    pub fn crash_states(&self, seed: u64, limit: u64) -> CrashStates {
        CrashStates::new(self.state.lock().model.clone(), seed, limit)
    }

    /// Arms a fault. Several may be armed; each counts for itself.
    pub fn fail(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Disarms all faults. What they did stays done.
    pub fn heal(&self) {
        self.state.lock().faults.clear();
    }

    /// Bounds the bytes of all files together; an append beyond writes what fits, then fails as on
    /// a full disk. Removed files do not count.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// With `true`, [`DiskFile::read_at_cached`] always answers that it would have to wait.
    pub fn set_cold(&self, cold: bool) {
        self.state.lock().cold = cold;
    }

    /// Makes reads show what the medium holds instead of what a failed sync has lost.
    pub fn drop_caches(&self) {
        self.state.lock().model.drop_caches();
    }

    /// Calls `observer` after every change, failed ones included; it may look at the disk, take
    /// crash states and arm faults, but changes of its own would call it again.
    pub fn observe(&self, observer: impl Fn(&Self, &Op) + Send + Sync + 'static) {
        self.state.lock().observer = Some(Arc::new(observer));
    }

    /// The changes so far, in order.
    pub fn ops(&self) -> Vec<Op> {
        self.state.lock().ops.clone()
    }

    /// How many operations of `kind` were asked for so far.
    pub fn count(&self, kind: OpKind) -> u64 {
        self.state.lock().counts.get(&kind).copied().unwrap_or(0)
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> Vec<String> {
        self.state.lock().model.paths()
    }

    /// The bytes of a file as a process would read them, or `None` when there is no such file.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let inode = state.model.find(path).ok()?;
        state.model.file(inode).ok().map(|file| Vec::clone(&file.live))
    }

    /// Puts a file on the medium behind everybody's back, durable, with the directories above it.
    ///
    /// # Errors
    /// If the path is not allowed or is that of a directory.
    pub fn set_bytes(&self, path: &str, bytes: impl Into<Vec<u8>>) -> io::Result<()> {
        check("plant", path)?;
        self.state.lock().model.plant(path, bytes.into())
    }

    /// Turns one bit of a file behind everybody's back, on the medium and in its cache.
    ///
    /// # Errors
    /// If the file is not there or ends before `offset`.
    pub fn flip(&self, path: &str, offset: usize, bit: u8) -> io::Result<()> {
        let mut state = self.state.lock();
        let inode = state.model.find(path)?;
        let file = state.model.file_mut(inode)?;
        let mut bytes = Vec::clone(&file.live);
        let byte = bytes.get_mut(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        *byte ^= 1 << (bit % 8);
        *file = FileNode::with_bytes(bytes);
        Ok(())
    }

    /// Takes a file off the medium behind everybody's back, for good.
    ///
    /// # Errors
    /// If the file is not there.
    pub fn erase(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.model.remove(path)?;
        Ok(state.model.settle(path)?)
    }

    /// Counts, fails, performs, records and reports one operation, in this order.
    fn run<T>(
        &self,
        mut op: Op,
        work: impl FnOnce(&mut State, Option<&Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state.lock();
        *state.counts.entry(op.kind).or_default() += 1;
        let mut struck = None;
        for fault in &mut state.faults {
            // Each counts, also when another one strikes first.
            if fault.strikes(op.kind, &op.path) {
                struck.get_or_insert_with(|| fault.clone());
            }
        }
        let result = work(&mut state, struck.as_ref());
        if op.kind.is_change() {
            op.ok = result.is_ok();
            state.ops.push(op.clone());
            let observer = state.observer.clone();
            drop(state);
            if let Some(observer) = observer {
                observer(self, &op);
            }
        }
        result
    }

    /// [`run`](Self::run) for what a fault simply prevents, or belies after the fact.
    fn run_plain<T>(
        &self,
        op: Op,
        action: &'static str,
        work: impl FnOnce(&mut Model) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let path = op.path.clone();
        let result = self.run(op, |state, fault| match fault {
            None => Ok(work(&mut state.model)?),
            Some(fault) => {
                if fault.is_after_the_fact() {
                    work(&mut state.model)?;
                }
                Err(fault.error())
            }
        });
        result.map_err(|error| named(action, &path, error))
    }

    fn open_existing(&self, path: &str, writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        check("open", path)?;
        let inode = self.run_plain(op(OpKind::Open, path), "open", |model| model.find(path))?;
        if self.state.lock().model.file(inode).is_err() {
            return Err(refused("open", path, io::ErrorKind::InvalidData, "not a regular file"));
        }
        Ok(Arc::new(SimulatedFile::new(self.clone(), inode, path, writable)))
    }
}

fn op(kind: OpKind, path: &str) -> Op {
    Op { kind, path: path.to_owned(), to: None, len: 0, ok: false }
}

impl Disk for SimulatedDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        const ACTION: &str = "create directory";
        check(ACTION, path)?;
        self.run_plain(op(OpKind::CreateDir, path), ACTION, |model| match model.find(path) {
            Ok(inode) => model.dir(inode).map(drop),
            Err(_) => model.create(path, Node::Dir(Dir::default())).map(drop),
        })
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.open_existing(path, false)
    }

    fn open_append(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        if mode == OpenMode::Existing {
            return self.open_existing(path, true);
        }
        const ACTION: &str = "create";
        check(ACTION, path)?;
        let inode = self.run_plain(op(OpKind::CreateFile, path), ACTION, |model| {
            model.create(path, Node::File(FileNode::default()))
        })?;
        Ok(Arc::new(SimulatedFile::new(self.clone(), inode, path, true)))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        check_dir("list", dir)?;
        self.run_plain(op(OpKind::List, dir), "list", |model| {
            let names = &model.dir(model.find(dir)?)?.live;
            Ok(names.iter().map(|(name, &inode)| model.entry(name, inode)).collect())
        })
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        const ACTION: &str = "look at";
        check(ACTION, path)?;
        self.run_plain(op(OpKind::Entry, path), ACTION, |model| {
            let (_, name) = super::path::split(path);
            match model.find(path) {
                Ok(inode) => Ok(Some(model.entry(name, inode))),
                Err(Errno::NOENT) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check("rename", from)?;
        check("rename to", to)?;
        let op = Op { to: Some(to.to_owned()), ..op(OpKind::Rename, from) };
        self.run_plain(op, "rename", |model| model.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check("remove", path)?;
        self.run_plain(op(OpKind::Remove, path), "remove", |model| model.remove(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        const ACTION: &str = "sync directory";
        check_dir(ACTION, dir)?;
        let result = self.run(op(OpKind::SyncDir, dir), |state, fault| {
            let inode = state.model.find(dir)?;
            state.model.dir(inode)?;
            let (effect, result) = Fault::sync(fault);
            match effect {
                SyncEffect::MakesDurable => state.model.sync_dir(inode)?,
                SyncEffect::LosesTrack => state.model.fail_sync_dir(inode),
                SyncEffect::Nothing => {}
            }
            result
        });
        result.map_err(|error| named(ACTION, dir, error))
    }

    fn lock(&self) -> Result<DiskLock, LockError> {
        let taken = self.run(op(OpKind::Lock, super::ROOT), |state, fault| {
            if let Some(fault) = fault {
                return Err(fault.error());
            }
            if state.holder.strong_count() > 0 {
                return Ok(None);
            }
            let guard = Arc::new(());
            state.holder = Arc::downgrade(&guard);
            Ok(Some(guard))
        });
        match taken.map_err(|error| LockError::Io(named("lock", super::ROOT, error)))? {
            Some(guard) => Ok(DiskLock::new(guard)),
            None => Err(LockError::Held { pid: Some(std::process::id()) }),
        }
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        let files: Vec<_> = state.model.paths();
        f.debug_struct("SimulatedDisk")
            .field("files", &files)
            .field("changes", &state.ops.len())
            .field("faults", &state.faults)
            .finish_non_exhaustive()
    }
}
