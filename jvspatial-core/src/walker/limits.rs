//! The bounds of a walk.

use std::fmt;
use std::time::Duration;

/// A bound that ended a walk, or kept it from going further, with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// As many nodes were visited as `max_steps` allows, and another one waited.
    Steps(u64),
    /// A node at the depth that `max_depth` allows asked to go further. The rest of the walk went on.
    Depth(u32),
    /// The time that `max_time` allows was over before the next visit.
    Time(Duration),
    /// More nodes would have waited at once than `max_frontier` allows.
    Frontier(usize),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "limit of {steps} steps"),
            Self::Depth(depth) => write!(f, "limit of depth {depth}"),
            Self::Time(time) => write!(f, "limit of {time:?}"),
            Self::Frontier(nodes) => write!(f, "limit of {nodes} waiting nodes"),
        }
    }
}

/// The bounds that a walk was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) steps: Option<u64>,
    pub(super) depth: Option<u32>,
    pub(super) time: Option<Duration>,
    pub(super) frontier: usize,
}

impl Limits {
    /// Waiting nodes take 40 bytes each, and their list doubles as it grows: with this many it has 320 MiB.
    pub(super) const DEFAULT_FRONTIER: usize = 8_000_000;

    /// The limit that forbids another visit after `visited` of them. `elapsed` is asked only when
    /// there is a bound on time: reading the clock costs as much as loading a small node.
    pub(super) fn forbid_visit(
        &self,
        visited: u64,
        elapsed: impl FnOnce() -> Duration,
    ) -> Option<Limit> {
        if let Some(steps) = self.steps
            && visited >= steps
        {
            return Some(Limit::Steps(steps));
        }
        if let Some(time) = self.time
            && elapsed() >= time
        {
            return Some(Limit::Time(time));
        }
        None
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: None, depth: None, time: None, frontier: Self::DEFAULT_FRONTIER }
    }
}
