//! The end of a walk with checkpoints.

use jvspatial_db::WriteBatch;

use super::head::At;
use super::name::head_id;
use crate::error::Result;
use crate::walker::Walker;
use crate::walker::outcome::Ended;
use crate::walker::run::Run;

impl<W: Walker> Run<W> {
    /// Ends a walk with checkpoints. What was cancelled or has failed goes on from its checkpoint another time, so that is
    /// no end.
    pub(in crate::walker) async fn finish_checkpointed(&mut self, ended: Ended) -> Ended {
        let limit = self.limit();
        let ended = match ended {
            Ended::Failed | Ended::Cancelled => ended,
            ended => match self.conclude_checkpointed(ended).await {
                Ok(()) => self.or_limit(ended, limit),
                Err(error) => self.fail(error),
            },
        };
        // What was asked for since the checkpoint is asked for again by who goes on from it.
        self.walk.writes.drop_waiting();
        self.flush_reports().await;
        self.account();
        ended
    }

    /// Writes what waits, runs the `on_exit` hooks, and removes the checkpoint together with what they asked for.
    async fn conclude_checkpointed(&mut self, ended: Ended) -> Result<()> {
        self.walk.end();
        self.check_start(ended)?;
        if !self.walk.writes.is_settled() || !self.walk.partings.is_empty() {
            self.write_checkpoint(At::End(ended)).await?;
        }
        self.exit(ended).await?;
        self.prepare_writes().await?;
        loop {
            let (batch, own) = self.last_batch()?;
            if batch.is_empty() || self.submit(batch, own).await? {
                return Ok(());
            }
        }
    }

    /// All that waits and the removal of the checkpoint, with how many operations that takes.
    fn last_batch(&self) -> Result<(WriteBatch, usize)> {
        let database = &self.walk.engine.database;
        let mut batch = WriteBatch::new(database.capabilities().encoding).atomic(true);
        if let Some(saver) = &self.company.saver
            && let Some(stored) = saver.stored
        {
            batch.delete(head_id(&saver.name)?, Some(stored.version), false)?;
            for part in stored.part_ids(&saver.token, true)? {
                batch.delete(part, None, false)?;
            }
        }
        let own = batch.len();
        self.walk.writes.add_to(&mut batch)?;
        Ok((batch, own))
    }
}
