//! Saving under the version check.

use jvspatial_db::{Body, WriteBatch, WriteReport};

use super::Graph;
use crate::entity::{Entity, Stored};
use crate::error::{Error, Result};

impl Graph {
    /// Saves a changed value if nobody saved the document since the value was read.
    ///
    /// Stored fields that `T` does not know are kept; a field that the value has cleared is gone.
    ///
    /// # Errors
    /// `Conflict` with the facts `expected version` and `found version` when someone was faster,
    /// `NotFound` when the document was deleted, `Duplicate` as for [`create`](Self::create), `Invalid` or
    /// `Limit` when the value cannot be stored. The value then keeps its old version. [`modify`](Self::modify) retries by itself.
    ///
    /// # Cancellation
    /// It may have been saved; the value keeps its old version, so a later save may conflict.
    pub async fn save<T: Entity>(&self, stored: &mut Stored<T>) -> Result<()> {
        let mut batch = self.batch();
        let base = stored.add_save(&mut batch)?;
        let version = self.write_version(batch, stored.id()).await?;
        stored.saved(version, base);
        Ok(())
    }

    /// Saves many changed values, each under its own version check.
    ///
    /// The report has one outcome for each value, in order: one that conflicts hides none of the
    /// others. The version of a value advances only where it was written. Batches are as for
    /// [`create_many`](Self::create_many), but never all or nothing.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when a value cannot be stored, naming its id; otherwise what the backend
    /// reports for a whole batch. The fact `written` says how many were saved by earlier batches;
    /// their versions have advanced.
    ///
    /// # Cancellation
    /// Values may have been saved without their versions advancing.
    pub async fn save_many<T: Entity>(&self, values: &mut [Stored<T>]) -> Result<WriteReport> {
        let mut report = WriteReport::default();
        let mut batch = self.batch();
        let mut bases = Vec::new();
        for index in 0..values.len() {
            if let Some(stored) = values.get(index) {
                let base = stored
                    .add_save(&mut batch)
                    .map_err(|error| error.with("written", report.written()))?;
                bases.push(base);
            }
            if self.0.limits.filled_by(&batch) {
                let full = std::mem::replace(&mut batch, self.batch());
                self.write_saves(full, values, &mut bases, &mut report).await?;
            }
        }
        if !batch.is_empty() {
            self.write_saves(batch, values, &mut bases, &mut report).await?;
        }
        Ok(report)
    }

    /// Writes the batch that saves the values after those already reported.
    async fn write_saves<T: Entity>(
        &self,
        batch: WriteBatch,
        values: &mut [Stored<T>],
        bases: &mut Vec<Option<Body>>,
        report: &mut WriteReport,
    ) -> Result<()> {
        let part = self
            .0
            .database
            .write(batch)
            .await
            .map_err(|error| Error::from(error).with("written", report.written()))?;
        let saved = values.iter_mut().skip(report.outcomes.len());
        for ((stored, base), outcome) in saved.zip(bases.drain(..)).zip(&part.outcomes) {
            if let jvspatial_db::Outcome::Written(version) = outcome {
                stored.saved(*version, base);
            }
        }
        report.outcomes.extend(part.outcomes);
        Ok(())
    }
}
