//! Deleting one document.

use jvspatial_db::{Collection, Id, Outcome};

use super::Graph;
use crate::entity::{Entity, Stored};
use crate::error::Result;

impl Graph {
    /// Deletes the document `id` whatever its version, and says whether it existed. The edges of a
    /// node go with it in the same step, the nodes behind them stay; see
    /// [`delete_cascade`](Self::delete_cascade).
    ///
    /// # Errors
    /// What the backend reports.
    ///
    /// # Cancellation
    /// It may have been deleted.
    pub async fn delete(&self, id: impl AsRef<Id>) -> Result<bool> {
        let id = id.as_ref();
        let mut batch = self.batch();
        batch.delete(id.clone(), None, detaches(id))?;
        match self.write_one(batch).await? {
            Outcome::Missing(_) => Ok(false),
            outcome => {
                outcome.into_result(id)?;
                Ok(true)
            }
        }
    }

    /// Deletes the document of a value, as [`delete`](Self::delete) does, if nobody saved it since the
    /// value was read.
    ///
    /// # Errors
    /// `Conflict` with the facts `expected version` and `found version` when somebody did, `NotFound`
    /// when the document is gone already.
    ///
    /// # Cancellation
    /// It may have been deleted.
    pub async fn delete_unchanged<T: Entity>(&self, stored: &Stored<T>) -> Result<()> {
        let id = stored.id();
        let mut batch = self.batch();
        batch.delete(id.clone(), Some(stored.version()), detaches(id))?;
        self.write_version(batch, id).await?;
        Ok(())
    }
}

/// Only nodes have edges to take along.
pub(crate) fn detaches(id: &Id) -> bool {
    id.collection() == Collection::Node
}
