//! The bounds of a walk.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// A bound that ended a walk, or kept it from going further, with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// As many visits were made as `max_steps` allows, and another one was due.
    Steps(u64),
    /// A node or edge was visited as often as `max_visits` allows, and was due again.
    Visits(u32),
    /// A node at the depth that `max_depth` allows asked to go further. The rest of the walk went on.
    Depth(u32),
    /// The time that `max_time` allows was over before the next visit.
    Time(Duration),
    /// The [`deadline`](super::WalkBuilder::deadline) passed.
    Deadline,
    /// More would have waited at once than `max_frontier` allows.
    Frontier(usize),
    /// A hook made another report than `max_reports` allows; it is not kept.
    Reports(u64),
    /// Another query was due than `max_queries` allows.
    Queries(u64),
    /// The next node would have brought what was read over `max_bytes`.
    Bytes(u64),
    /// A hook asked for another write than `max_writes` allows; it is not made.
    Writes(u64),
    /// Another hook failed than `max_errors` allows; its error is not kept.
    Errors(usize),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "limit of {steps} steps"),
            Self::Visits(visits) => write!(f, "limit of {visits} visits of one node"),
            Self::Depth(depth) => write!(f, "limit of depth {depth}"),
            Self::Time(time) => write!(f, "limit of {time:?}"),
            Self::Deadline => f.write_str("deadline"),
            Self::Frontier(nodes) => write!(f, "limit of {nodes} waiting nodes"),
            Self::Reports(reports) => write!(f, "limit of {reports} reports"),
            Self::Queries(queries) => write!(f, "limit of {queries} queries"),
            Self::Bytes(bytes) => write!(f, "limit of {bytes} bytes read"),
            Self::Writes(writes) => write!(f, "limit of {writes} writes"),
            Self::Errors(errors) => write!(f, "limit of {errors} errors"),
        }
    }
}

/// The bounds that a walk was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) steps: Option<u64>,
    pub(super) visits: Option<u32>,
    pub(super) depth: Option<u32>,
    pub(super) time: Option<Duration>,
    pub(super) deadline: Option<Instant>,
    pub(super) frontier: usize,
    pub(super) queries: Option<u64>,
    pub(super) bytes: Option<u64>,
    /// How many neighbours are asked for at a time, so that those of a hub are never all read at once.
    pub(super) page: usize,
}

impl Limits {
    /// Waiting nodes take 40 bytes each, and their list doubles as it grows: with this many it has 320 MiB.
    pub(super) const DEFAULT_FRONTIER: usize = 8_000_000;
    pub(super) const DEFAULT_ERRORS: usize = 1_000;
    /// What ordinary nodes lead to fits in one page, however many of them are visited together.
    pub(super) const PAGE: usize = 65_536;
    pub(super) const PAGE_OF_EACH: usize = 64;

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
        self.forbid_waiting()
    }

    /// The limit that forbids anything further once the deadline has passed.
    pub(super) fn forbid_waiting(&self) -> Option<Limit> {
        self.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Limit::Deadline)
    }

    /// The limit that forbids so many more queries after `made` of them.
    pub(super) fn forbid_queries(&self, made: u64, more: u64) -> Option<Limit> {
        self.queries.filter(|queries| made + more > *queries).map(Limit::Queries)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: None,
            visits: None,
            depth: None,
            time: None,
            deadline: None,
            frontier: Self::DEFAULT_FRONTIER,
            queries: None,
            bytes: None,
            page: Self::PAGE,
        }
    }
}
