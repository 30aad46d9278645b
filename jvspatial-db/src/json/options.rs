//! How a JSON database is opened.

use std::time::Duration;

use crate::durability::Durability;
use crate::limits::MAX_SORT_BYTES;

/// How [`JsonDb::open`](super::JsonDb::open) opens a database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JsonDbOptions {
    /// When an acknowledged write is on disk. Default: [`Durability::Sync`].
    pub durability: Durability,
    /// Whether a missing database is made. Default: yes.
    pub create: bool,
    /// Whether a directory that belongs to another user is opened. Default: no, not even by root.
    pub any_owner: bool,
    /// How many bytes a segment of the journal has before the next one is begun. Default: 64 MiB.
    pub segment_bytes: u64,
    /// Whether segments are compacted in the background once 30% of one is garbage. Default: yes. Without it
    /// the journal grows until [`JsonDb::compact`](super::JsonDb::compact) is called.
    pub compaction: bool,
    /// How long a call may wait for the writer or for a file: a write is then reported as `Unknown`, a read as
    /// `Unavailable`. Each slice of a find has its own. Default: 10 s.
    pub deadline: Duration,
    /// How much memory the keys of one sort may take; a find that needs more is refused. Default: 100 MiB.
    pub max_sort_bytes: usize,
    /// Breaks a promise on purpose, so that the test of that promise can be seen to fail.
    #[cfg(any(test, feature = "conformance"))]
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

/// A promise to break; see [`JsonDbOptions::sabotage`].
#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Acknowledge a write before it is handed to the system.
    AcknowledgeBeforeWrite,
    /// Take over documents that no commit line closes.
    IgnoreCommitLines,
    /// Compact without the tombstones that still hide something.
    DropTombstones,
    /// Take over batches whose lines are not those that their commit line closes.
    IgnoreChecksums,
}

impl Default for JsonDbOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Sync,
            create: true,
            any_owner: false,
            segment_bytes: 64 * 1024 * 1024,
            compaction: true,
            deadline: Duration::from_secs(10),
            max_sort_bytes: MAX_SORT_BYTES,
            #[cfg(any(test, feature = "conformance"))]
            sabotage: None,
        }
    }
}

impl JsonDbOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets when an acknowledged write is on disk.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets whether a missing database is made.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Sets whether a directory that belongs to another user is opened. Its owner can change every file
    /// in it, and cannot read those that this process makes.
    #[must_use]
    pub const fn any_owner(mut self, any_owner: bool) -> Self {
        self.any_owner = any_owner;
        self
    }

    /// Sets how large a segment grows; at least 4 KiB, at most 1 GiB.
    #[must_use]
    pub const fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = if bytes < 4096 {
            4096
        } else if bytes > 1 << 30 {
            1 << 30
        } else {
            bytes
        };
        self
    }

    /// Sets whether segments are compacted in the background.
    #[must_use]
    pub const fn compaction(mut self, compaction: bool) -> Self {
        self.compaction = compaction;
        self
    }

    /// Sets how long a call may wait.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how much memory the keys of one sort may take.
    #[must_use]
    pub const fn max_sort_bytes(mut self, bytes: usize) -> Self {
        self.max_sort_bytes = bytes;
        self
    }

    /// Breaks a promise on purpose.
    #[cfg(any(test, feature = "conformance"))]
    #[doc(hidden)]
    #[must_use]
    pub const fn sabotage(mut self, sabotage: Sabotage) -> Self {
        self.sabotage = Some(sabotage);
        self
    }

    pub(super) fn acknowledges_early(&self) -> bool {
        #[cfg(any(test, feature = "conformance"))]
        return self.sabotage == Some(Sabotage::AcknowledgeBeforeWrite);
        #[cfg(not(any(test, feature = "conformance")))]
        return false;
    }

    pub(super) fn ignores_commit_lines(&self) -> bool {
        #[cfg(any(test, feature = "conformance"))]
        return self.sabotage == Some(Sabotage::IgnoreCommitLines);
        #[cfg(not(any(test, feature = "conformance")))]
        return false;
    }

    pub(super) fn ignores_checksums(&self) -> bool {
        #[cfg(any(test, feature = "conformance"))]
        return self.sabotage == Some(Sabotage::IgnoreChecksums);
        #[cfg(not(any(test, feature = "conformance")))]
        return false;
    }

    pub(super) fn drops_tombstones(&self) -> bool {
        #[cfg(any(test, feature = "conformance"))]
        return self.sabotage == Some(Sabotage::DropTombstones);
        #[cfg(not(any(test, feature = "conformance")))]
        return false;
    }
}
