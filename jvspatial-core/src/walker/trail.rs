//! The way a walk has come.

use std::collections::VecDeque;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use jvspatial_db::Id;

use super::control::Control;

/// One visit of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The number of the visit, counted from 1.
    pub sequence: u64,
    /// The node or edge visited.
    pub entity: Id,
    /// The edge that led here; `None` at a start and where a hook named what to visit.
    pub edge: Option<Id>,
    /// The number of the visit whose hooks asked for this one; `None` at a start.
    pub parent: Option<u64>,
    /// How many edges away from its start it was met.
    pub depth: u32,
    /// When the visit began, in time that the walk was at work.
    pub at: Duration,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// What came of a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepOutcome {
    /// Its hooks are still to run, or were cut off.
    #[default]
    UnderWay,
    /// All of its hooks ran.
    Continued,
    /// A hook left out those after it.
    Skipped,
    /// A hook paused the walk.
    Paused,
    /// A hook ended the walk.
    Disengaged,
    /// A hook failed.
    Failed,
}

impl From<Control> for StepOutcome {
    fn from(control: Control) -> Self {
        match control {
            Control::Continue => Self::Continued,
            Control::Skip => Self::Skipped,
            Control::Pause => Self::Paused,
            Control::Disengage => Self::Disengaged,
        }
    }
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

    /// Takes up how many visits had to make room.
    pub(super) const fn restore_forgotten(&mut self, forgotten: u64) {
        self.forgotten += forgotten;
    }

    pub(super) fn record(&mut self, step: Step) {
        if self.steps.len() == self.capacity {
            self.steps.pop_front();
            self.forgotten += 1;
        }
        self.steps.push_back(step);
    }

    /// Notes what came of the last visit.
    pub(super) fn conclude(&mut self, outcome: StepOutcome) {
        if let Some(step) = self.steps.back_mut() {
            step.outcome = outcome;
        }
    }

    /// The visits kept, oldest first.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> + ExactSizeIterator {
        self.steps.iter()
    }

    /// The last `count` visits, oldest first.
    pub fn recent(
        &self,
        count: usize,
    ) -> impl DoubleEndedIterator<Item = &Step> + ExactSizeIterator {
        self.steps.range(self.steps.len().saturating_sub(count)..)
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

    /// Whether a visit of `entity` is kept; looks through all of them.
    pub fn contains(&self, entity: &Id) -> bool {
        self.steps.iter().any(|step| step.entity == *entity)
    }

    /// How many visits of `entity` are kept; looks through all of them.
    pub fn visits(&self, entity: &Id) -> usize {
        self.steps.iter().filter(|step| step.entity == *entity).count()
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

    /// The visits of what was visited before, each with the visit before it.
    pub fn returns(&self) -> Vec<(&Step, &Step)> {
        let mut last: HashMap<&Id, &Step> = HashMap::new();
        let mut returns = Vec::new();
        for step in &self.steps {
            returns.extend(last.insert(&step.entity, step).map(|before| (before, step)));
        }
        returns
    }

    /// The cycles that the walk closed: each a way from a visit back to the same node or edge, first to last.
    ///
    /// Only ways whose visits are all kept are found. One that a walk went round several times comes once for each
    /// round.
    pub fn cycles(&self) -> Vec<Vec<&Step>> {
        let closed = |step: &Step| {
            let mut way = vec![self.get(step.sequence)?];
            while let Some(parent) = way.last()?.parent {
                let before = self.get(parent)?;
                way.push(before);
                if before.entity == step.entity {
                    way.reverse();
                    return Some(way);
                }
            }
            None
        };
        self.returns().into_iter().filter_map(|(_, again)| closed(again)).collect()
    }
}
