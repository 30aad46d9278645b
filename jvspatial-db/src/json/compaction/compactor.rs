//! The thread that compacts.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::policy::{self, Candidate};
use super::rewriter::{Output, Rewriter, Written};
use super::{CompactionReport, Order, Replacement, stopped};
use crate::error::{ErrorKind, Result};
use crate::json::disk::Disk;
use crate::json::index::HELD;
use crate::json::manifest::{Compacted, Sealed, unavailable};
use crate::json::options::JsonDbOptions;
use crate::json::queue::Job;
use crate::json::segment::SegmentName;
use crate::json::segment_reader::{Commits, Reader};
use crate::json::writer::Shared;

/// Rewrites segments: the only one besides the writer to make and remove files.
#[derive(Debug)]
pub(in crate::json) struct Compactor {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: JsonDbOptions,
    store: String,
    /// The slots of segments that are not what was written: they stay as they are.
    damaged: Vec<u32>,
    /// Files that are not part of the journal any more and could not be removed yet.
    unwanted: Vec<SegmentName>,
}

impl Compactor {
    pub(in crate::json) fn new(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        options: JsonDbOptions,
        store: String,
    ) -> Self {
        Self { shared, disk, options, store, damaged: Vec::new(), unwanted: Vec::new() }
    }

    /// Serves until the store is closed.
    pub(in crate::json) fn run(mut self) {
        if self.options.compaction {
            // The process before may have been killed with work left to do.
            self.shared.compaction.note_written();
        }
        loop {
            match self.shared.compaction.wait() {
                Order::Stop => break,
                Order::Look => self.look(),
                Order::All(waiting) => {
                    let result = self.take_all();
                    for reply in waiting {
                        // Whoever dropped the future does not want to know.
                        let _ = reply.send(match &result {
                            Ok(report) => Ok(report.clone()),
                            Err(error) => Err(error.again()),
                        });
                    }
                }
            }
        }
    }

    /// Compacts what is worth it.
    fn look(&mut self) {
        loop {
            let candidates = self.candidates();
            let Some(run) = policy::choose(&candidates, self.options.segment_bytes) else { break };
            let Err(error) = self.rewrite(&candidates, run.clone()) else { continue };
            if !self.shared.compaction.is_stopped() {
                tracing::warn!(%error, "a segment of the journal cannot be compacted");
            }
            // The others can be compacted all the same, as long as it is known which one is damaged.
            let path = error.context("file").filter(|_| error.kind() == ErrorKind::Corrupt);
            let is_damaged = |segment: &&Candidate| path == Some(&segment.sealed.name().path());
            match candidates[run].iter().find(is_damaged) {
                Some(segment) => self.damaged.push(segment.slot),
                None => break,
            }
        }
        // What it says is noted with the next attempt.
        let _ = self.remove_unwanted();
    }

    /// Takes all garbage away that there is now, also from the segment that is being written.
    fn take_all(&mut self) -> Result<CompactionReport> {
        let (reply, sealed) = oneshot::channel();
        self.shared.queue.order(Job::Seal(reply))?;
        sealed.blocking_recv().unwrap_or_else(|_| Err(stopped()))?;
        let mut total = CompactionReport::default();
        let mut done = 0;
        let mut last = None;
        loop {
            let mut candidates = self.candidates();
            // Those that are sealed from now on would never come to an end while others write.
            let last = *last.get_or_insert(candidates.last().map_or(0, |c| c.sealed.segment));
            candidates.retain(|segment| segment.sealed.segment <= last);
            let from = candidates.partition_point(|segment| segment.sealed.segment <= done);
            let run = policy::choose_any(&candidates, from, self.options.segment_bytes);
            let Some(run) = run else { break };
            done = candidates[run.end - 1].sealed.segment;
            total.add(&self.rewrite(&candidates, run)?);
        }
        self.remove_unwanted()?;
        Ok(total)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let mut candidates = Candidate::all(&self.shared.index.read());
        for candidate in &mut candidates {
            candidate.is_damaged = self.damaged.contains(&candidate.slot);
        }
        candidates
    }

    /// Puts what is left of neighbouring segments into one.
    fn rewrite(&mut self, journal: &[Candidate], run: Range<usize>) -> Result<CompactionReport> {
        let (before, rest) = journal.split_at(run.start);
        let result = match rest.get(..run.len()) {
            Some(run @ [first, .., last]) => self.try_rewrite(before, run, first, last),
            Some(run @ [only]) => self.try_rewrite(before, run, only, only),
            _ => Ok(CompactionReport::default()),
        };
        self.shared.compaction.note(&result);
        result
    }

    fn try_rewrite(
        &mut self,
        before: &[Candidate],
        run: &[Candidate],
        first: &Candidate,
        last: &Candidate,
    ) -> Result<CompactionReport> {
        let generations = run.iter().map(|segment| segment.sealed.name().generation);
        let compacted = Compacted {
            generation: generations.max().unwrap_or_default() + 1,
            first: first.sealed.first(),
            as_of: self.shared.index.read().sequence,
        };
        let name = SegmentName { number: last.sealed.segment, generation: compacted.generation };
        // An earlier attempt of this name is in the way rather than unwanted.
        self.unwanted.retain(|unwanted| *unwanted != name);
        let written = self.copy(before, run, name, last.sealed.end.sequence).and_then(|written| {
            let by = Sealed {
                segment: last.sealed.segment,
                compacted: Some(compacted),
                end: written.end,
            };
            Ok((self.replace(run, by)?, written))
        });
        let (slot, written) = match written {
            Ok(written) => written,
            Err(error) => {
                // Should the manifest name it all the same, it must stay: only opening can tell.
                if !self.shared.queue.is_poisoned() && self.disk.remove(&name.path()).is_err() {
                    self.unwanted.push(name);
                }
                return Err(error);
            }
        };
        self.relocate(slot, &written);
        // Before their bytes stop to count, so that the writer knows how much there is on the disk.
        self.unwanted.extend(run.iter().map(|segment| segment.sealed.name()));
        let removed = self.remove_unwanted();
        self.shared.index.write().retire_segments(run.iter().map(|segment| segment.slot));
        removed?;
        let before: u64 = run.iter().map(|segment| segment.usage.bytes).sum();
        Ok(CompactionReport {
            segments: run.len() as u64,
            reclaimed_bytes: before.saturating_sub(written.end.bytes),
        })
    }

    fn copy(
        &self,
        before: &[Candidate],
        run: &[Candidate],
        name: SegmentName,
        sequence: u64,
    ) -> Result<Written> {
        let mut output = Output::begin(&*self.disk, name, &self.store, sequence)?;
        for segment in run {
            let from = segment.sealed.name();
            let commits = Commits::of(&segment.sealed, segment.after);
            let reader = Reader::begin(&*segment.file, from, &self.store, commits, &self.options)?;
            let hides = before.iter().any(|earlier| earlier.may_hold_replaced(&segment.sealed))
                && !self.options.drops_tombstones();
            let mut rewriter = Rewriter::new(&self.shared, &mut output, segment.slot, hides);
            reader.read_all(&mut rewriter)?.expect_end(from, &segment.sealed.end)?;
            rewriter.finish()?;
        }
        output.finish()
    }

    /// Has the writer put the new segment into the manifest; returns its slot.
    fn replace(&self, run: &[Candidate], by: Sealed) -> Result<u32> {
        let replaced = run.iter().map(|segment| segment.sealed.name()).collect();
        let (reply, slot) = oneshot::channel();
        self.shared.queue.order(Job::Replace(Replacement { replaced, by }, reply))?;
        slot.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Tells the index where the documents stand now.
    fn relocate(&self, slot: u32, written: &Written) {
        *self.shared.index.write().usages.entry(slot) = written.usage;
        for moves in written.moves.chunks(HELD) {
            self.shared.index.write().relocate(moves, slot);
        }
    }

    /// Removes the files that are not needed any more. Their names may come back with a power cut; opening
    /// removes them then.
    fn remove_unwanted(&mut self) -> Result<()> {
        let mut result = Ok(());
        let disk = &self.disk;
        self.unwanted.retain(|name| match disk.remove(&name.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                result = Err(unavailable(error));
                true
            }
            _ => false,
        });
        result
    }
}
