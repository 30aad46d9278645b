//! The way a walk has come.

use std::collections::VecDeque;
use std::time::Duration;

use jvspatial_db::Id;

/// One visit of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The number of the visit, counted from 1.
    pub sequence: u64,
    /// The node visited.
    pub node: Id,
    /// The edge that led here; `None` at a start.
    pub edge: Option<Id>,
    /// The number of the visit from which the edge was followed; `None` at a start.
    pub parent: Option<u64>,
    /// How many edges away from its start the node was met.
    pub depth: u32,
    /// When the visit began, in time that the walk was at work.
    pub at: Duration,
}

/// The last visits of a walk, at most as many as it was asked to keep.
///
/// Empty when the walk keeps none, which is the default.
#[derive(Clone, Debug)]
pub struct Trail {
    capacity: usize,
    steps: VecDeque<Step>,
    forgotten: u64,
}

impl Trail {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { capacity, steps: VecDeque::new(), forgotten: 0 }
    }

    /// Whether visits are recorded at all.
    pub(super) const fn is_kept(&self) -> bool {
        self.capacity > 0
    }

    /// The trail itself, leaving an empty one that keeps nothing.
    pub(super) const fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(0))
    }

    pub(super) fn record(&mut self, step: Step) {
        if self.steps.len() == self.capacity {
            self.steps.pop_front();
            self.forgotten += 1;
        }
        self.steps.push_back(step);
    }

    /// The visits kept, oldest first.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> + ExactSizeIterator {
        self.steps.iter()
    }

    /// How many visits are kept.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether no visit is kept.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many visits it may keep.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many of the oldest visits had to make room.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The last visit.
    pub fn last(&self) -> Option<&Step> {
        self.steps.back()
    }

    /// The visit number `sequence`, when it is kept.
    pub fn get(&self, sequence: u64) -> Option<&Step> {
        let first = self.steps.front()?.sequence;
        let place = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.steps.get(place)
    }

    /// Whether a visit of `node` is kept; looks through all of them.
    pub fn contains(&self, node: &Id) -> bool {
        self.steps.iter().any(|step| step.node == *node)
    }

    /// The visits from number `sequence` back to its start, that visit first.
    ///
    /// `None` when one of them is not kept.
    pub fn path_to_start(&self, sequence: u64) -> Option<Vec<&Step>> {
        let mut path = vec![self.get(sequence)?];
        while let Some(parent) = path.last()?.parent {
            path.push(self.get(parent)?);
        }
        Some(path)
    }
}
