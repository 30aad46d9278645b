//! How a walk ended.

use std::fmt;
use std::time::Duration;

use super::Walker;
use super::limits::Limit;
use super::run::{Company, Run};
use super::trail::Trail;
use super::walk::Walk;
use crate::error::{Error, Result};

/// A walk that has ended or paused, with everything it gathered.
#[must_use = "a walk may have ended early, by a limit, a pause or an error"]
#[non_exhaustive]
pub struct Outcome<W: Walker> {
    /// The walker as its hooks left it.
    pub walker: W,
    /// What was reported, in order.
    pub reports: Vec<W::Report>,
    /// Why it ended.
    pub ended: Ended,
    /// The error that ended it, if [`ended`](Self::ended) is [`Ended::Failed`].
    pub error: Option<Error>,
    /// The errors of hooks that did not end it, in order; see [`OnError`](super::OnError).
    pub errors: Vec<Error>,
    /// Why writes were not made that did not end it, in order; see [`OnConflict`](super::OnConflict).
    pub conflicts: Vec<Error>,
    /// What it did.
    pub stats: Stats,
    /// The visits it kept; empty unless it was asked for a trail.
    pub trail: Trail,
    /// What a paused walk goes on with.
    pub(super) rest: Option<Box<Rest<W>>>,
}

pub(super) type Rest<W> = (Walk<W>, Company<W>);

/// Why a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Nothing was left to visit.
    Finished,
    /// A hook answered [`Control::Disengage`](super::Control::Disengage).
    Disengaged,
    /// A hook answered [`Control::Pause`](super::Control::Pause): [`Outcome::resume`] goes on.
    Paused,
    /// A limit ended it, or cut it at a depth. If several did, this is the one that ended it.
    Limit(Limit),
    /// It was [cancelled](super::WalkBuilder::until), or nobody takes its reports any more.
    Cancelled,
    /// An error ended it: [`Outcome::error`].
    Failed,
}

/// What a walk did, pauses and resumptions added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Nodes and edges visited, each as often as it was.
    pub visited: u64,
    /// The edges among them.
    pub edges: u64,
    /// Visits made anew because what the first one wrote was outdated; they are among the visited.
    pub revisited: u64,
    /// Visits of a parallel walk that were made twice, because what came of the first time depends on others; see
    /// [`parallel`](super::WalkBuilder::parallel). They are among the visited once.
    pub repeated: u64,
    /// What was to be visited and does not exist any more.
    pub missing: u64,
    /// What began to wait, because hooks had asked for it.
    pub added: u64,
    /// What hooks asked for and needed no visit, as it was visited before or waited already. Where a backend can, it
    /// leaves out what was met before without counting it.
    pub already_visited: u64,
    /// What found no room in the frontier.
    pub dropped: u64,
    /// Chunks loaded.
    pub chunks: u64,
    /// Reads of the database: one for each chunk, and one for each distinct expansion in it.
    pub queries: u64,
    /// The bytes of the fields of what was visited, as they are stored.
    pub bytes: u64,
    /// Documents written. Several saves of one document in one batch are one.
    pub written: u64,
    /// Writes that were not needed: nodes that were joined already, removals of what was gone.
    pub unchanged: u64,
    /// Writes that came to nothing because a document had changed, or a key was taken.
    pub conflicts: u64,
    /// Batches written.
    pub batches: u64,
    /// The most that waited at once.
    pub peak_frontier: usize,
    /// How long the walk was at work; time spent paused does not count.
    pub elapsed: Duration,
}

impl<W: Walker> Outcome<W> {
    /// The outcome, unless an error ended the walk.
    ///
    /// # Errors
    /// That error.
    pub fn into_result(mut self) -> Result<Self> {
        match self.error.take() {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }

    /// Goes on with a paused walk: with its walker, what waits, what was met, reports, trail
    /// and counts, limits included. What was changed in the public fields meanwhile is what it goes on with.
    ///
    /// The hooks that the pause left out at its node are not made up for. A walk that is not paused is
    /// returned as it is.
    ///
    /// # Errors
    /// As [`WalkBuilder::run`](super::WalkBuilder::run).
    ///
    /// # Cancellation
    /// As [`WalkBuilder::run`](super::WalkBuilder::run).
    pub async fn resume(self) -> Result<Self> {
        self.go_on().await.into_result()
    }

    /// As [`resume`](Self::resume), and hands the outcome back whatever ended the walk.
    ///
    /// # Cancellation
    /// As [`WalkBuilder::run`](super::WalkBuilder::run).
    pub async fn go_on(mut self) -> Self {
        let Some(rest) = self.rest.take() else {
            return self;
        };
        let (mut walk, company) = *rest;
        walk.reported = walk.reported.saturating_sub(self.reports.len() as u64);
        walk.reports = self.reports;
        walk.trail = self.trail;
        walk.errors = self.errors;
        walk.conflicts = self.conflicts;
        let seat = company.seat(self.walker);
        Run { seat, walk, company }.run().await
    }

    /// The same, to be gone on with by itself: nobody takes its reports any more as they come.
    pub(super) fn gathering(mut self) -> Self {
        if let Some(rest) = &mut self.rest {
            rest.1.sink = None;
        }
        self
    }

    /// The same, to be gone on with for one visit more when it pauses by itself.
    pub(super) fn pausing_at(mut self, step: Option<u64>) -> Self {
        if let Some(rest) = &mut self.rest {
            rest.1.pause_at = step;
        }
        self
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Disengaged => f.write_str("disengaged"),
            Self::Paused => f.write_str("paused"),
            Self::Limit(limit) => write!(f, "ended by the {limit}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

impl<W: Walker + fmt::Debug> fmt::Debug for Outcome<W>
where
    W::Report: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("walker", &self.walker)
            .field("reports", &self.reports)
            .field("ended", &self.ended)
            .field("error", &self.error)
            .field("stats", &self.stats)
            .field("trail", &self.trail)
            .finish_non_exhaustive()
    }
}
