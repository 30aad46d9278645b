//! The thread that compacts.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::policy::{self, Candidate};
use super::rewriter::{Output, Rewriter, Written};
use super::{CompactionReport, Order, Replacement, stopped};
use crate::error::Result;
use crate::json::disk::Disk;
use crate::json::index::HELD;
use crate::json::manifest::{Compacted, Sealed, unavailable};
use crate::json::options::JsonDbOptions;
use crate::json::queue::Job;
use crate::json::segment::{JOURNAL, SegmentName};
use crate::json::segment_reader::{Commits, Reader};
use crate::json::writer::Shared;

/// Rewrites segments: the only one besides the writer to make and remove files.
#[derive(Debug)]
pub(in crate::json) struct Compactor {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: JsonDbOptions,
    store: String,
}

impl Compactor {
    pub(in crate::json) fn new(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        options: JsonDbOptions,
        store: String,
    ) -> Self {
        Self { shared, disk, options, store }
    }

    /// Serves until the store is closed.
    pub(in crate::json) fn run(self) {
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
    fn look(&self) {
        loop {
            let candidates = self.candidates();
            let Some(run) = policy::choose(&candidates, self.options.segment_bytes) else { break };
            if let Err(error) = self.rewrite(&candidates, run) {
                if !self.shared.compaction.is_stopped() {
                    tracing::warn!(%error, "a segment of the journal cannot be compacted yet");
                }
                break;
            }
        }
    }

    /// Takes all garbage away, also from the segment that was being written.
    fn take_all(&self) -> Result<CompactionReport> {
        let (reply, sealed) = oneshot::channel();
        self.shared.queue.order(Job::Seal(reply))?;
        sealed.blocking_recv().unwrap_or_else(|_| Err(stopped()))?;
        let mut total = CompactionReport::default();
        let mut done = 0;
        loop {
            let candidates = self.candidates();
            let from = candidates.partition_point(|segment| segment.sealed.segment <= done);
            let run = policy::choose_any(&candidates, from, self.options.segment_bytes);
            let Some(run) = run else { return Ok(total) };
            done = candidates[run.end - 1].sealed.segment;
            total.add(&self.rewrite(&candidates, run)?);
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        Candidate::all(&self.shared.index.read())
    }

    /// Puts what is left of neighbouring segments into one.
    fn rewrite(&self, journal: &[Candidate], run: Range<usize>) -> Result<CompactionReport> {
        let (before, rest) = journal.split_at(run.start);
        let result = match rest.get(..run.len()) {
            Some([first, .., last]) => self.try_rewrite(before, &rest[..run.len()], first, last),
            Some([only]) => self.try_rewrite(before, &rest[..1], only, only),
            _ => Ok(CompactionReport::default()),
        };
        self.shared.compaction.note(&result);
        result
    }

    fn try_rewrite(
        &self,
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
                if !self.shared.queue.is_poisoned() {
                    let _ = self.disk.remove(&name.path());
                }
                return Err(error);
            }
        };
        self.relocate(slot, &written);
        self.shared.index.write().retire_segments(run.iter().map(|segment| segment.slot));
        let before: u64 = run.iter().map(|segment| segment.usage.bytes).sum();
        self.remove(run)?;
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
        output.finish(&*self.disk)
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

    fn remove(&self, run: &[Candidate]) -> Result<()> {
        for segment in run {
            self.disk.remove(&segment.sealed.name().path()).map_err(unavailable)?;
        }
        self.disk.sync_dir(JOURNAL).map_err(unavailable)
    }
}
