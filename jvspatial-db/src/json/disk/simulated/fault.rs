//! What can be told to go wrong, and the record of what was asked of the disk.

use std::io;

use rustix::io::Errno;

/// What a [`SimulatedDisk`](super::SimulatedDisk) was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the method of that name")]
pub enum OpKind {
    CreateDir,
    /// Opening with [`OpenMode::CreateNew`](crate::json::disk::OpenMode::CreateNew).
    CreateFile,
    /// Opening an existing file.
    Open,
    List,
    Entry,
    Rename,
    Remove,
    SyncDir,
    Lock,
    Append,
    Reserve,
    ReadAt,
    ReadAtCached,
    Size,
    Truncate,
    SyncData,
    SyncAll,
}

impl OpKind {
    /// Whether it changes what is on the disk, or what of it is durable.
    pub const fn is_change(self) -> bool {
        matches!(
            self,
            Self::CreateDir
                | Self::CreateFile
                | Self::Rename
                | Self::Remove
                | Self::SyncDir
                | Self::Append
                | Self::Reserve
                | Self::Truncate
                | Self::SyncData
                | Self::SyncAll
        )
    }

    /// Whether it makes something durable.
    pub const fn is_sync(self) -> bool {
        matches!(self, Self::SyncDir | Self::SyncData | Self::SyncAll)
    }
}

/// One recorded operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What was asked.
    pub kind: OpKind,
    /// Of which file or directory; of a rename, the old name.
    pub path: String,
    /// The new name, of a rename.
    pub to: Option<String>,
    /// The bytes to append or to fill with zeros, or the length to cut to; otherwise 0.
    pub len: u64,
    /// Whether the caller was told that it worked.
    pub ok: bool,
}

/// An error to come.
///
/// A sync that fails follows Linux: what it should have made durable counts as clean from then on,
/// so that later syncs succeed without it, reads still show it, and a power cut may take it.
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is given to `SimulatedDisk::fail`"]
pub struct Fault {
    kind: Option<OpKind>,
    path: Option<String>,
    nth: u64,
    forever: bool,
    short: usize,
    effect: Effect,
    os_error: i32,
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Prevented,
    AfterTheFact,
    Ignored,
}

/// What a sync does to the disk, whatever it tells the caller.
pub(super) enum SyncEffect {
    MakesDurable,
    LosesTrack,
    Nothing,
}

impl Fault {
    /// The first operation of `kind`, or with `None` the first change of any kind, fails with the
    /// operating system's error number `os_error`.
    pub fn new(kind: impl Into<Option<OpKind>>, os_error: i32) -> Self {
        Self {
            kind: kind.into(),
            path: None,
            nth: 1,
            forever: false,
            short: 0,
            effect: Effect::Prevented,
            os_error,
            seen: 0,
        }
    }

    /// As [`new`](Self::new), with the error of a broken medium.
    pub fn broken(kind: impl Into<Option<OpKind>>) -> Self {
        Self::new(kind, Errno::IO.raw_os_error())
    }

    /// As [`new`](Self::new), with the error of a full one.
    pub fn full(kind: impl Into<Option<OpKind>>) -> Self {
        Self::new(kind, Errno::NOSPC.raw_os_error())
    }

    /// A sync that reports success and does nothing: what a program that forgets it would see.
    ///
    /// Only syncs can be ignored; on other kinds this fault has no effect.
    pub fn ignored(kind: impl Into<Option<OpKind>>) -> Self {
        Self { effect: Effect::Ignored, ..Self::broken(kind) }
    }

    /// Lets `nth - 1` such operations pass, counted from now.
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = nth;
        self
    }

    /// Only paths that start with `prefix` count.
    pub fn under(mut self, prefix: &str) -> Self {
        self.path = Some(prefix.to_owned());
        self
    }

    /// All later ones fail as well, not only this one.
    pub fn from_then_on(mut self) -> Self {
        self.forever = true;
        self
    }

    /// An append writes its first `bytes` bytes before it fails.
    pub fn short(mut self, bytes: usize) -> Self {
        self.short = bytes;
        self
    }

    /// The operation takes place, and fails all the same.
    pub fn after_the_fact(mut self) -> Self {
        self.effect = Effect::AfterTheFact;
        self
    }

    /// Counts one operation; true when the fault strikes it.
    pub(super) fn strikes(&mut self, kind: OpKind, path: &str) -> bool {
        let kinds = self.kind.map_or(kind.is_change(), |only| only == kind)
            && (self.effect != Effect::Ignored || kind.is_sync());
        if !kinds || self.path.as_deref().is_some_and(|prefix| !path.starts_with(prefix)) {
            return false;
        }
        self.seen += 1;
        self.seen == self.nth || (self.forever && self.seen > self.nth)
    }

    pub(super) fn error(&self) -> io::Error {
        io::Error::from_raw_os_error(self.os_error)
    }

    pub(super) fn short_bytes(&self, of: usize) -> usize {
        if self.effect == Effect::AfterTheFact { of } else { self.short.min(of) }
    }

    pub(super) fn is_after_the_fact(&self) -> bool {
        self.effect == Effect::AfterTheFact
    }

    /// What becomes of a sync, and of what its caller hears.
    pub(super) fn sync(fault: Option<&Self>) -> (SyncEffect, io::Result<()>) {
        match fault.map(|fault| (fault.effect, fault)) {
            None => (SyncEffect::MakesDurable, Ok(())),
            Some((Effect::Ignored, _)) => (SyncEffect::Nothing, Ok(())),
            Some((Effect::AfterTheFact, fault)) => (SyncEffect::MakesDurable, Err(fault.error())),
            Some((Effect::Prevented, fault)) => (SyncEffect::LosesTrack, Err(fault.error())),
        }
    }
}
