//! Writing what the hooks of a walk asked for.

use jvspatial_db::Id;

use super::Walker;
use super::limits::Limit;
use super::policy::OnConflict;
use super::staged::Unwritten;
use super::walk::Walk;
use crate::error::{ErrorKind, Result};

impl<W: Walker> Walk<W> {
    /// Writes what a chunk leaves to be written before anything is followed: batches that are full, and all when
    /// something changes what can be followed. Nothing in a walk that writes with its checkpoints.
    pub(super) async fn write_chunk(&mut self) -> Result<()> {
        if self.writes.options.held {
            return Ok(());
        }
        if !self.partings.is_empty() || self.writes.is_structural() {
            return self.write_all().await;
        }
        while self.writes.is_due() {
            self.settle_writes().await?;
            if self.writes.is_due() {
                self.writes.send(&self.engine.database).await?;
            }
        }
        if self.engine.transaction.is_some() {
            // It may do one thing at a time, and so wait with the next read for a write that nobody drives.
            self.settle_writes().await?;
        }
        Ok(())
    }

    /// Writes all that waits. Nothing in a walk that writes with its checkpoints.
    pub(super) async fn write_all(&mut self) -> Result<()> {
        if self.writes.options.held {
            return Ok(());
        }
        if !self.partings.is_empty() {
            self.part().await?;
        }
        if self.writes.is_structural() {
            // The edges of a node that is removed go with it, and are not among what is laid over a chunk.
            self.engine.ahead = None;
        }
        while !self.writes.is_settled() {
            self.settle_writes().await?;
            if !self.writes.is_sent() {
                self.writes.send(&self.engine.database).await?;
            }
        }
        Ok(())
    }

    /// Waits for the batch that is being written, and does with what came to nothing as was asked.
    pub(super) async fn settle_writes(&mut self) -> Result<()> {
        let mut again: Vec<Id> = Vec::new();
        let mut result = Ok(());
        for unwritten in self.writes.settle().await? {
            let judged = self.judge(unwritten, &mut again);
            if result.is_ok() {
                result = judged;
            }
        }
        result
    }

    pub(super) fn judge(&mut self, unwritten: Unwritten, again: &mut Vec<Id>) -> Result<()> {
        let Unwritten { error, by, is_outdated } = unwritten;
        match (self.settings.on_conflict, by) {
            _ if error.kind() == ErrorKind::Unknown => Err(error),
            (OnConflict::Fail, _) => Err(error),
            (OnConflict::Report, _) => {
                self.engine.stats.conflicts += 1;
                if self.earlier_conflicts + self.conflicts.len() < self.settings.max_errors {
                    self.conflicts.push(error);
                } else {
                    self.limit.get_or_insert(Limit::Errors(self.settings.max_errors));
                }
                Ok(())
            }
            // At the end of the walk there is no visit any more that could make up for it.
            (OnConflict::Revisit(most), Some(by)) if is_outdated && !self.has_ended() => {
                self.engine.stats.conflicts += 1;
                let id = by.handle.id().clone();
                if again.contains(&id) {
                    return Ok(());
                }
                again.push(id);
                if self.engine.retry(*by, most) {
                    return Ok(());
                }
                Err(error.with("visited anew", most))
            }
            (OnConflict::Revisit(_), _) => Err(error),
        }
    }
}
