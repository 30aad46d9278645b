//! Writing a checkpoint together with what waits to be written.

use jvspatial_db::{Outcome, WriteBatch};

use super::gather;
use super::head::{At, FORMAT, Head, Progress};
use super::part::Parts;
use super::saver::{PAST_ENTRIES, Saver, Stored, Turn};
use crate::error::{Error, ErrorKind, Result};
use crate::walker::Walker;
use crate::walker::run::Run;

/// A batch with a checkpoint in it.
struct Draft {
    batch: WriteBatch,
    /// How many of its operations come before those that hooks asked for.
    own: usize,
    /// What of the checkpoint is stored once it is written.
    stored: Stored,
}

impl<W: Walker> Run<W> {
    /// Whether the walk writes with its checkpoints.
    pub(in crate::walker) const fn is_checkpointed(&self) -> bool {
        self.company.saver.is_some()
    }

    /// Writes a checkpoint if one is due at the end of a chunk, before what its hooks asked for is looked up; `first` is the
    /// first visit of the chunk.
    pub(in crate::walker) async fn checkpoint_chunk(&mut self, first: u64) -> Result<()> {
        let is_due = self.is_checkpoint_due();
        let Some(saver) = &mut self.company.saver else { return Ok(()) };
        saver.chunks += 1;
        if is_due || saver.chunks >= saver.course.every {
            // Rare, and large: no walk without checkpoints is to carry its state.
            Box::pin(self.write_checkpoint(At::Chunk(first))).await?;
        }
        Ok(())
    }

    /// Whether what waits to be written asks for a checkpoint.
    pub(in crate::walker) fn is_checkpoint_due(&self) -> bool {
        let writes = &self.walk.writes;
        writes.is_structural() || writes.is_due() || !self.walk.partings.is_empty()
    }

    /// Writes a checkpoint between two chunks, when all that hooks asked for was looked up. Nothing without checkpoints.
    pub(in crate::walker) async fn checkpoint_now(&mut self) -> Result<()> {
        match self.is_checkpointed() {
            true => Box::pin(self.write_checkpoint(At::Chunk(self.walk.step() + 1))).await,
            false => Ok(()),
        }
    }

    /// Writes a checkpoint with all that waits to be written. A write that fails is left out, if that is how the walk goes
    /// on, and the rest is tried again.
    pub(super) async fn write_checkpoint(&mut self, at: At) -> Result<()> {
        self.prepare_writes().await?;
        loop {
            let Some(Draft { batch, own, stored }) = self.draft(at)? else { return Ok(()) };
            if self.submit(batch, own).await? {
                if let Some(saver) = &mut self.company.saver {
                    saver.note_stored(stored);
                }
                return Ok(());
            }
        }
    }

    /// Takes up what is only known by a look at the database.
    pub(super) async fn prepare_writes(&mut self) -> Result<()> {
        if !self.walk.partings.is_empty() {
            self.walk.part().await?;
        }
        if self.walk.writes.is_structural() {
            // The edges of a node that is removed go with it, and are not among what is laid over a chunk.
            self.walk.engine.ahead = None;
        }
        Ok(())
    }

    /// Writes a batch of which the operations from `own` on are all that waits. `false` when some came to nothing and were
    /// taken out: then nothing was written.
    pub(super) async fn submit(&mut self, batch: WriteBatch, own: usize) -> Result<bool> {
        let walk = &mut self.walk;
        let report = match walk.engine.database.write(batch).await {
            Ok(report) => report,
            Err(error) => {
                walk.writes.lose(error.effect());
                return Err(error.into());
            }
        };
        if report.is_complete() {
            walk.writes.note_written();
            walk.writes.counts.batches += 1;
            return Ok(true);
        }
        let outcomes = report.outcomes.into_iter().enumerate();
        let mut failures: Vec<(usize, Outcome)> = outcomes
            .filter(|(_, outcome)| *outcome != Outcome::Skipped && !outcome.is_written())
            .collect();
        if failures.first().is_none_or(|(place, _)| *place < own) {
            return Err(self.outrun());
        }
        for (place, _) in &mut failures {
            *place -= own;
        }
        let (mut again, mut result) = (Vec::new(), Ok(()));
        for unwritten in walk.writes.take_out(failures) {
            let judged = walk.judge(unwritten, &mut again);
            if result.is_ok() {
                result = judged;
            }
        }
        result.map(|()| false)
    }

    /// Somebody else has changed the checkpoint.
    fn outrun(&self) -> Error {
        let name = self.company.saver.as_ref().map_or("", |saver| &saver.name);
        Error::new(ErrorKind::Conflict, "checkpoint is used by another walk")
            .with("checkpoint", format_args!("{name:?}"))
    }

    /// A batch of a checkpoint and all that waits.
    fn draft(&mut self, at: At) -> Result<Option<Draft>> {
        let progress = self.progress(at);
        let Self { seat, walk, company } = self;
        let Some(saver) = &mut company.saver else { return Ok(None) };
        saver.tail.extend(walk.engine.frontier.visited().take_log());
        let mut parts = Parts::default();
        gather::add_trail(&mut parts, &walk.trail);
        if let At::Chunk(_) = at {
            let full = saver.tail.len() / PAST_ENTRIES * PAST_ENTRIES;
            gather::add_past(&mut parts, &saver.tail[full..]);
            gather::add_engine(&mut parts, &walk.engine, &walk.wishes)?;
        }
        let encoding = walk.engine.database.capabilities().encoding;
        let mut batch = WriteBatch::new(encoding).atomic(true);
        let stored = saver.add_parts(&mut batch, &parts.full)?;
        let head = saver.head(at, stored, progress);
        let turn = match saver.stored {
            None => Turn::First(stored.version),
            Some(stored) => Turn::After(stored.version),
        };
        (saver.add_head)(&mut batch, saver.id.clone(), turn, &head, seat.walker())?;
        let own = batch.len();
        walk.writes.add_to(&mut batch).map_err(|error| error.with("checkpoint", &saver.id))?;
        Ok(Some(Draft { batch, own, stored }))
    }

    /// How far the walk has come once all that waits is written.
    fn progress(&self, at: At) -> Progress {
        let mut stats = self.stats();
        let walk = &self.walk;
        stats.written += walk.writes.len() as u64;
        stats.batches += 1;
        if matches!(at, At::Chunk(_)) && self.limit().is_none() {
            // The chunk that is being loaded will be loaded again.
            stats.queries -= u64::from(walk.engine.ahead.is_some());
        }
        Progress {
            step: walk.step(),
            depth: walk.depth(),
            depth_reached: walk.depth_reached(),
            waiting: walk.engine.frontier.len() as u64,
            reported: walk.reported + walk.reports.len() as u64,
            errors: (walk.earlier_errors + walk.errors.len()) as u64,
            conflicts: (walk.earlier_conflicts + walk.conflicts.len()) as u64,
            asked: walk.writes.asked(),
            lost: walk.writes.counts.lost,
            forgotten_steps: walk.trail.forgotten(),
            stats,
        }
    }
}

impl<W: Walker> Saver<W> {
    fn head(&self, at: At, stored: Stored, progress: Progress) -> Head {
        let Stored { past_parts, generation, parts, .. } = stored;
        Head {
            format: FORMAT,
            name: self.name.clone(),
            walker: W::NAME.to_owned(),
            walker_version: W::VERSION,
            token: self.token.clone(),
            past_parts,
            generation,
            parts,
            at,
            course: self.course.clone(),
            progress,
        }
    }
}
