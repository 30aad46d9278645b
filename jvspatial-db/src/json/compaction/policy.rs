//! Which segments are worth rewriting.

use std::ops::Range;
use std::sync::Arc;

use crate::json::disk::DiskFile;
use crate::json::index::{Index, Usage};
use crate::json::line::{MAX_COMMIT, MAX_HEADER};
use crate::json::manifest::Sealed;

/// The bytes after which a compacted segment gets a commit line.
pub(super) const COMMIT_BYTES: usize = 1024 * 1024;

/// A sealed segment, and what it is worth.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub slot: u32,
    pub sealed: Sealed,
    pub file: Arc<dyn DiskFile>,
    pub usage: Usage,
    /// The last commit before it.
    pub after: u64,
    /// Whether its tombstones still hide lines of segments before it.
    pub hides: bool,
    /// Whether it was found to be damaged, so that it is left alone unless asked for.
    pub is_damaged: bool,
}

impl Candidate {
    /// The sealed segments of the journal, in its order.
    pub(super) fn all(index: &Index) -> Vec<Self> {
        let mut after = 0;
        let mut replaced_after = None;
        let candidate = |(slot, sealed, file): (u32, Sealed, Arc<dyn DiskFile>)| {
            let usage = index.usages.get(slot);
            let hides = replaced_after.is_some_and(|replaced| replaced < sealed.end.sequence);
            let candidate = Self { slot, sealed, file, usage, after, hides, is_damaged: false };
            after = candidate.sealed.end.sequence;
            let replaced = candidate.replaced_after();
            replaced_after = replaced_after.into_iter().chain(replaced).min();
            candidate
        };
        index.segments.sealed().into_iter().map(candidate).collect()
    }

    /// The commit after which a line of it may have been replaced; none if none was.
    fn replaced_after(&self) -> Option<u64> {
        let as_of = self.sealed.compacted.map_or(0, |compacted| compacted.as_of);
        (!self.usage.has_no_replaced()).then_some(as_of)
    }

    /// Whether it may hold a line that was replaced by one in `later`, a tombstone in particular.
    pub(super) fn may_hold_replaced(&self, later: &Sealed) -> bool {
        self.replaced_after().is_some_and(|replaced| replaced < later.end.sequence)
    }

    /// The most bytes that it has once it is compacted.
    fn needed(&self) -> u64 {
        let tombstones = if self.hides { self.usage.tombstone_bytes } else { 0 };
        let lines = self.usage.live_bytes + tombstones;
        let commits = lines / COMMIT_BYTES as u64 + 1;
        lines + MAX_HEADER as u64 + commits * MAX_COMMIT as u64
    }

    fn garbage(&self) -> u64 {
        self.usage.bytes.saturating_sub(self.needed())
    }

    /// Whether so much of it is garbage that it is rewritten unasked.
    fn is_worth_it(&self) -> bool {
        !self.is_damaged && self.garbage() * 10 > self.usage.bytes * 3
    }

    /// Whether it may be put together with its neighbours.
    fn is_small(&self, limit: u64) -> bool {
        !self.is_damaged && self.needed() <= limit
    }
}

/// The next segments to put into one, unasked; none when the journal is as it should be.
pub(super) fn choose(candidates: &[Candidate], segment_bytes: u64) -> Option<Range<usize>> {
    let worst = (0..candidates.len())
        .filter(|&at| candidates[at].is_worth_it())
        .max_by_key(|&at| candidates[at].garbage());
    worst
        .map(|at| extend(candidates, at, segment_bytes))
        .or_else(|| small_neighbours(candidates, segment_bytes))
        .or_else(|| in_the_way(candidates, segment_bytes).map(|at| at..at + 1))
}

/// The first segments from `from` on that compaction makes smaller or fewer.
pub(super) fn choose_any(
    candidates: &[Candidate],
    from: usize,
    segment_bytes: u64,
) -> Option<Range<usize>> {
    (from..candidates.len()).find_map(|at| {
        let mut end = at + 1;
        let mut bytes = candidates[at].needed();
        while let Some(next) = candidates.get(end)
            && bytes + next.needed() <= segment_bytes
        {
            bytes += next.needed();
            end += 1;
        }
        let run = candidates.get(at..end)?;
        let gains = run.len() > 1 || run.iter().any(|segment| segment.garbage() > 0);
        gains.then_some(at..end)
    })
}

/// The run around `at` of segments that are worth it too or small, as long as one segment holds them.
fn extend(candidates: &[Candidate], at: usize, segment_bytes: u64) -> Range<usize> {
    let mut run = at..at + 1;
    let mut bytes = candidates[at].needed();
    let mut joins = |segment: Option<&Candidate>| {
        segment.is_some_and(|segment| {
            let joins = (segment.is_worth_it() || segment.is_small(segment_bytes / 4))
                && bytes + segment.needed() <= segment_bytes;
            bytes += if joins { segment.needed() } else { 0 };
            joins
        })
    };
    while joins(candidates.get(run.end)) {
        run.end += 1;
    }
    while run.start > 0 && joins(candidates.get(run.start - 1)) {
        run.start -= 1;
    }
    run
}

/// Neighbours of which several fit into one segment: without this the journal of a store whose documents
/// live for different times would end up in ever more and ever smaller files.
fn small_neighbours(candidates: &[Candidate], segment_bytes: u64) -> Option<Range<usize>> {
    const MANY: usize = 4;
    let small = |segment: &Candidate| segment.is_small(segment_bytes / MANY as u64);
    candidates.windows(MANY).position(|run| run.iter().all(small)).map(|start| start..start + MANY)
}

/// The first segment whose replaced lines keep tombstones in later ones from going, if there are too many
/// of those: they are no garbage, but they are no documents either.
fn in_the_way(candidates: &[Candidate], segment_bytes: u64) -> Option<usize> {
    // What a damaged segment hides stays hidden.
    let cut = candidates
        .iter()
        .position(|segment| segment.is_damaged && !segment.usage.has_no_replaced());
    let candidates = candidates.get(..cut.unwrap_or(candidates.len())).unwrap_or_default();
    let hiding = candidates.iter().filter(|segment| segment.hides);
    let tombstones: u64 = hiding.map(|segment| segment.usage.tombstone_bytes).sum();
    let live: u64 = candidates.iter().map(|segment| segment.usage.live_bytes).sum();
    if tombstones <= live / 5 + segment_bytes / 32 {
        return None;
    }
    let last =
        candidates.iter().rfind(|segment| segment.hides && segment.usage.tombstone_bytes > 0)?;
    candidates.iter().position(|segment| segment.may_hold_replaced(&last.sealed))
}
