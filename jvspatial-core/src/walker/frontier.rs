//! The nodes and edges that wait to be visited.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use jvspatial_db::{Handle, Id, OrdinalSet};
use serde::{Deserialize, Serialize};

use super::limits::Limit;
use super::policy::OnFull;
use super::visited::{Visited, Way};

/// In which order what a walk meets is visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Those met first come first.
    #[default]
    BreadthFirst,
    /// Those met last come first, and of those met together the first.
    DepthFirst,
    /// Those with the smallest rank come first, and of those with the same the first met.
    ByRank,
}

/// A node or edge that waits, by its handle alone: it is loaded when its turn comes, so nobody visits an old copy.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) handle: Handle,
    pub(super) depth: u32,
    /// Whether it is visited though it was met before.
    pub(super) again: bool,
    /// How it was met, kept only where something asks for it; boxed because most walks have none.
    pub(super) origin: Option<Box<Origin>>,
}

impl Pending {
    /// A node to start at.
    pub(super) const fn start(handle: Handle) -> Self {
        Self { handle, depth: 0, again: false, origin: None }
    }
}

/// How a node or edge was met.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The visit that asked for it.
    pub(super) step: u64,
    /// The edge that led to it.
    pub(super) edge: Option<Id>,
    /// The node behind an edge that is visited on the way to it.
    pub(super) ahead: Option<Handle>,
    /// The way to the visit that asked, where ways are kept.
    pub(super) way: Option<Arc<Way>>,
}

/// Something met, on its way into the frontier.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) pending: Pending,
    /// The edge that was followed to it, where edges are followed once.
    pub(super) edge: Option<Handle>,
    /// Its place by rank; its depth if there is none.
    pub(super) rank: Option<f64>,
}

impl From<Pending> for Met {
    fn from(pending: Pending) -> Self {
        Self { pending, edge: None, rank: None }
    }
}

/// What became of nodes and edges that were to be visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enqueued {
    /// How many wait now.
    pub added: u64,
    /// How many need no visit: they were visited before, or wait already.
    pub already_visited: u64,
    /// How many found no room; see [`max_frontier`](super::WalkBuilder::max_frontier).
    pub dropped: u64,
}

/// What waits, in order, together with what need not wait again.
///
/// Breadth first, a node is noted as met when it begins to wait: it would not come any earlier by another
/// edge, and no node waits twice. In the other orders a later edge may bring it forward, so it is noted when its
/// turn comes and waits once for each edge until then.
#[derive(Debug)]
pub(super) struct Frontier {
    order: Order,
    limit: usize,
    on_full: OnFull,
    visited: Visited,
    waiting: Waiting,
    /// How often each id waits, counted from when somebody first asked.
    queued: Option<Queued>,
    /// How many of the last are not where they belong yet.
    arriving: usize,
    /// How often what comes next was changed, other than by taking it.
    revision: u64,
    peak: usize,
    overflowed: bool,
}

#[derive(Debug)]
enum Waiting {
    /// The next is at the front.
    Line(VecDeque<Pending>),
    /// The next has the smallest rank.
    Ranked { heap: BinaryHeap<Ranked>, met: u64 },
}

/// What waits by rank.
#[derive(Debug)]
struct Ranked {
    rank: f64,
    /// Counts what was met, so that of equals the first comes first.
    met: u64,
    /// Boxed to keep moves within the heap cheap.
    pending: Box<Pending>,
}

impl Ord for Ranked {
    /// The greatest is the next.
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.total_cmp(&self.rank).then_with(|| other.met.cmp(&self.met))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

/// How often each id waits.
type Queued = HashMap<Id, u32, RandomState>;

impl Waiting {
    /// Takes out what is not to be kept.
    fn retain(
        &mut self,
        keep: impl Fn(&Pending) -> bool,
        queued: &mut Option<Queued>,
        mut removed: impl FnMut(&Pending),
    ) {
        let mut keeps = |pending: &Pending| {
            let keeps = keep(pending);
            if !keeps {
                count_out(queued, pending.handle.id());
                removed(pending);
            }
            keeps
        };
        match self {
            Self::Line(line) => line.retain(&mut keeps),
            Self::Ranked { heap, .. } => heap.retain(|ranked| keeps(&ranked.pending)),
        }
    }
}

fn count_out(queued: &mut Option<Queued>, id: &Id) {
    if let Some(queued) = queued
        && let Some(count) = queued.get_mut(id)
    {
        *count -= 1;
        if *count == 0 {
            queued.remove(id);
        }
    }
}

impl Frontier {
    pub(super) fn new(order: Order, limit: usize, on_full: OnFull, visited: Visited) -> Self {
        let waiting = match order {
            Order::ByRank => Waiting::Ranked { heap: BinaryHeap::new(), met: 0 },
            Order::BreadthFirst | Order::DepthFirst => Waiting::Line(VecDeque::new()),
        };
        Self {
            order,
            limit,
            on_full,
            visited,
            waiting,
            queued: None,
            arriving: 0,
            revision: 0,
            peak: 0,
            overflowed: false,
        }
    }

    /// Whether the order is that of ranks.
    pub(super) const fn is_ranked(&self) -> bool {
        matches!(self.waiting, Waiting::Ranked { .. })
    }

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        match &self.waiting {
            Waiting::Line(line) => line.len(),
            Waiting::Ranked { heap, .. } => heap.len(),
        }
    }

    /// The most that has waited at once.
    pub(super) const fn peak(&self) -> usize {
        self.peak
    }

    /// What need not wait again.
    pub(super) const fn visited(&mut self) -> &mut Visited {
        &mut self.visited
    }

    /// What waits with its ranks, in the order of [`iter`](Self::iter): what [`restore`](Self::restore) takes.
    pub(super) fn waiting(&self) -> Box<dyn Iterator<Item = (&Pending, Option<f64>)> + '_> {
        match &self.waiting {
            Waiting::Line(line) => Box::new(line.iter().map(|pending| (pending, None))),
            Waiting::Ranked { .. } => {
                Box::new(self.ranked().map(|ranked| (&*ranked.pending, Some(ranked.rank))))
            }
        }
    }

    /// Takes up what waited.
    pub(super) fn restore(&mut self, pending: Pending, rank: Option<f64>) {
        match &mut self.waiting {
            Waiting::Line(line) => line.push_back(pending),
            Waiting::Ranked { heap, met } => {
                *met += 1;
                let rank = rank.unwrap_or_else(|| f64::from(pending.depth));
                heap.push(Ranked { rank, met: *met, pending: Box::new(pending) });
            }
        }
    }

    /// Takes up the most that has waited at once.
    pub(super) fn restore_peak(&mut self, peak: usize) {
        self.peak = self.peak.max(peak);
    }

    /// The limit, once there was no room and that ends the walk. From then on the frontier is not to be trusted.
    pub(super) fn overflow(&self) -> Option<Limit> {
        self.overflowed.then_some(Limit::Frontier(self.limit))
    }

    /// Nodes that would be left out by [`extend`](Self::extend).
    pub(super) fn known(&self) -> &OrdinalSet {
        self.visited.known()
    }

    /// How often what comes next was changed, other than by taking it; where [`first`](Self::first) tells what that is.
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    /// The next `count`, in order, where none of them can turn out to need no visit.
    pub(super) fn first(&self, count: usize) -> Option<impl Iterator<Item = &Pending>> {
        match (&self.waiting, self.order) {
            (Waiting::Line(line), Order::BreadthFirst) => Some(line.iter().take(count)),
            _ => None,
        }
    }

    /// Adds what was met together, in order, leaving out what needs no visit. `accepted` is told what was added.
    pub(super) fn extend(
        &mut self,
        items: impl Iterator<Item = Met>,
        accepted: impl FnMut(&Pending),
    ) -> Enqueued {
        let enqueued = self.append(items, accepted);
        self.arrive();
        enqueued
    }

    /// As [`extend`](Self::extend), for a part of what was met together; [`arrive`](Self::arrive) is called after the last.
    pub(super) fn append(
        &mut self,
        items: impl Iterator<Item = Met>,
        accepted: impl FnMut(&Pending),
    ) -> Enqueued {
        let before = self.len();
        let enqueued = self.insert(before, items, accepted);
        self.arriving += self.len() - before;
        enqueued
    }

    /// Puts what was appended where it belongs.
    pub(super) fn arrive(&mut self) {
        let arriving = std::mem::take(&mut self.arriving);
        if let (Waiting::Line(line), Order::DepthFirst) = (&mut self.waiting, self.order) {
            line.rotate_right(arriving);
        }
    }

    /// Adds, from place `at` of the line on, what needs a visit.
    fn insert(
        &mut self,
        at: usize,
        items: impl Iterator<Item = Met>,
        mut accepted: impl FnMut(&Pending),
    ) -> Enqueued {
        let mut enqueued = Enqueued::default();
        let before = self.len();
        for Met { mut pending, edge, rank } in items {
            if !self.wants(&mut pending, edge.as_ref()) {
                enqueued.already_visited += 1;
                continue;
            }
            if self.len() >= self.limit {
                enqueued.dropped += 1;
                match self.on_full {
                    OnFull::End => {
                        self.overflowed = true;
                        break;
                    }
                    OnFull::Drop => {
                        self.forget(&pending);
                        continue;
                    }
                }
            }
            enqueued.added += 1;
            accepted(&pending);
            self.count_in(pending.handle.id());
            match &mut self.waiting {
                Waiting::Line(line) => line.push_back(pending),
                Waiting::Ranked { heap, met } => {
                    *met += 1;
                    let rank = rank.unwrap_or_else(|| f64::from(pending.depth));
                    heap.push(Ranked { rank, met: *met, pending: Box::new(pending) });
                }
            }
        }
        if at < before {
            self.revision += 1;
        }
        if let Waiting::Line(line) = &mut self.waiting {
            let added = line.len() - before;
            if at == 0 {
                line.rotate_right(added);
            } else if at < before {
                line.make_contiguous()[at..].rotate_right(added);
            }
        }
        self.peak = self.peak.max(self.len());
        enqueued
    }

    fn wants(&mut self, pending: &mut Pending, edge: Option<&Handle>) -> bool {
        let way = pending.origin.as_ref().and_then(|origin| origin.way.as_ref());
        let handle = &pending.handle;
        if pending.again {
            // One that was not met before is met now, like any other.
            pending.again = self.order != Order::BreadthFirst || !self.visited.insert(handle);
            return true;
        }
        if !self.visited.admits(handle, edge, way) {
            return false;
        }
        match self.order {
            Order::BreadthFirst => self.visited.insert(handle),
            Order::DepthFirst | Order::ByRank => !self.visited.contains(handle),
        }
    }

    /// Lets what began to wait be met again, if it was not met before.
    fn forget(&mut self, pending: &Pending) {
        if self.order == Order::BreadthFirst && !pending.again {
            self.visited.remove(&pending.handle);
        }
    }

    /// Takes out what need not be visited any more, because it was by an edge that was met later.
    pub(super) fn prune(&mut self, removed: impl FnMut(&Pending)) {
        if self.order != Order::BreadthFirst {
            let Self { waiting, visited, queued, .. } = self;
            let keeps = |pending: &Pending| pending.again || !visited.contains(&pending.handle);
            waiting.retain(keeps, queued, removed);
        }
    }

    /// Takes the next. `passed_over` is told what needs no visit any more.
    pub(super) fn take(&mut self, mut passed_over: impl FnMut(&Pending)) -> Option<Pending> {
        loop {
            let next = match &mut self.waiting {
                Waiting::Line(line) => line.pop_front()?,
                Waiting::Ranked { heap, .. } => *heap.pop()?.pending,
            };
            count_out(&mut self.queued, next.handle.id());
            let is_wanted = self.order == Order::BreadthFirst || self.visited.insert(&next.handle);
            if is_wanted || next.again {
                return Some(next);
            }
            passed_over(&next);
        }
    }

    /// Puts something first that was taken and is to be visited; the last one put back comes first.
    pub(super) fn put_back(&mut self, pending: Pending) {
        self.revision += 1;
        if self.order != Order::BreadthFirst && !pending.again {
            self.visited.remove(&pending.handle);
        }
        self.count_in(pending.handle.id());
        match &mut self.waiting {
            Waiting::Line(line) => line.push_front(pending),
            Waiting::Ranked { heap, .. } => {
                heap.push(Ranked { rank: f64::NEG_INFINITY, met: 0, pending: Box::new(pending) });
            }
        }
        self.peak = self.peak.max(self.len());
    }

    /// Adds items before all that waits, in the order given.
    pub(super) fn push_front(
        &mut self,
        items: impl Iterator<Item = Met>,
        accepted: impl FnMut(&Pending),
    ) -> Enqueued {
        let items = items.map(|met| Met { rank: Some(f64::NEG_INFINITY), ..met });
        self.insert(0, items, accepted)
    }

    /// Adds items beside the first place where `anchor` waits; `None` when it does not.
    pub(super) fn insert_beside(
        &mut self,
        anchor: &Id,
        after: bool,
        items: impl Iterator<Item = Met>,
        accepted: impl FnMut(&Pending),
    ) -> Option<Enqueued> {
        let place = match &self.waiting {
            Waiting::Line(line) => {
                line.iter().position(|pending| pending.handle.id() == anchor)? + usize::from(after)
            }
            Waiting::Ranked { .. } => return None,
        };
        Some(self.insert(place, items, accepted))
    }

    /// Takes out every occurrence of `id`, which may be met again.
    pub(super) fn remove(&mut self, id: &Id, removed: impl FnMut(&Pending)) -> usize {
        self.retain(|pending| pending.handle.id() != id, removed)
    }

    /// Takes out everything, which may be met again.
    pub(super) fn clear(&mut self, removed: impl FnMut(&Pending)) -> usize {
        self.retain(|_| false, removed)
    }

    fn retain(
        &mut self,
        keep: impl Fn(&Pending) -> bool,
        mut removed: impl FnMut(&Pending),
    ) -> usize {
        let before = self.len();
        self.revision += 1;
        let Self { waiting, visited, queued, order, .. } = self;
        waiting.retain(keep, queued, |pending| {
            if *order == Order::BreadthFirst && !pending.again {
                visited.remove(&pending.handle);
            }
            removed(pending);
        });
        before - self.len()
    }

    /// Whether `id` waits.
    pub(super) fn is_queued(&mut self, id: &Id) -> bool {
        if self.queued.is_none() {
            let mut queued = Queued::default();
            for pending in self.iter() {
                *queued.entry(pending.handle.id().clone()).or_default() += 1;
            }
            self.queued = Some(queued);
        }
        self.queued.as_ref().is_some_and(|queued| queued.contains_key(id))
    }

    /// All that waits, the next first; by rank in no order but that of the ranks.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = &Pending> + '_> {
        match &self.waiting {
            Waiting::Line(line) => Box::new(line.iter()),
            Waiting::Ranked { .. } => Box::new(self.ranked().map(|ranked| &*ranked.pending)),
        }
    }

    /// What waits by rank, the next first.
    fn ranked(&self) -> impl Iterator<Item = &Ranked> {
        let mut ranked: Vec<&Ranked> = match &self.waiting {
            Waiting::Line(_) => Vec::new(),
            Waiting::Ranked { heap, .. } => heap.iter().collect(),
        };
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        ranked.into_iter()
    }

    fn count_in(&mut self, id: &Id) {
        if let Some(queued) = &mut self.queued {
            *queued.entry(id.clone()).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_node_takes_forty_bytes() {
        assert_eq!(size_of::<Pending>(), 40);
    }
}
