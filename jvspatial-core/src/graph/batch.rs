//! How writes are put into batches.

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Id, Outcome, Version, WriteBatch};

use super::Graph;
use crate::error::{Error, ErrorKind, Result};

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    pub(super) operations: usize,
    pub(super) bytes: usize,
}

impl BatchLimits {
    pub(super) const DEFAULT: Self =
        Self { operations: MAX_BATCH_OPERATIONS, bytes: 64 * 1024 * 1024 };

    pub(super) const fn filled_by(self, batch: &WriteBatch) -> bool {
        batch.len() >= self.operations || batch.bytes() >= self.bytes
    }
}

impl Graph {
    /// An empty batch in which each operation stands for itself.
    pub(super) fn batch(&self) -> WriteBatch {
        WriteBatch::new(self.0.database.capabilities().encoding)
    }

    /// An empty batch that is all or nothing if the backend can.
    pub(super) fn atomic_batch(&self) -> WriteBatch {
        self.batch().atomic(self.0.database.capabilities().atomic_batches)
    }

    /// Writes a batch of one operation.
    pub(super) async fn write_one(&self, batch: WriteBatch) -> Result<Outcome> {
        let report = self.0.database.write(batch).await?;
        report.outcomes.into_iter().next().ok_or_else(no_outcome)
    }

    /// Writes a batch of one operation on `id` and returns the version it led to.
    pub(super) async fn write_version(&self, batch: WriteBatch, id: &Id) -> Result<Version> {
        Ok(self.write_one(batch).await?.into_result(id)?)
    }
}

/// Says which of many values failed, and how many were written before.
pub(super) fn failed(error: Error, position: usize, written: usize) -> Error {
    error.with("position", position).with("written", written)
}

/// For a backend that breaks its contract: what became of the write is not known.
pub(super) fn no_outcome() -> Error {
    Error::new(ErrorKind::Unknown, "the backend reported no outcome for a write")
}
