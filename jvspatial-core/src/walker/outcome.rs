//! How a walk ended.

use std::fmt;
use std::time::Duration;

use super::Walker;
use super::limits::Limit;
use super::run::{Engine, Run};
use super::trail::Trail;
use super::walk::Walk;
use crate::error::Result;

/// A walk that has ended or paused, with everything it gathered.
#[must_use = "a walk may have ended early, by a limit or a pause"]
#[non_exhaustive]
pub struct Outcome<W: Walker> {
    /// The walker as its hooks left it.
    pub walker: W,
    /// What was reported, in order.
    pub reports: Vec<W::Report>,
    /// Why it ended.
    pub ended: Ended,
    /// What it did.
    pub stats: Stats,
    /// The visits it kept; empty unless it was asked for a trail.
    pub trail: Trail,
    /// What a paused walk goes on with.
    pub(super) rest: Option<Box<(Walk<W>, Engine)>>,
}

/// Why a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// No node was left to visit.
    Finished,
    /// A hook answered [`Control::Disengage`](super::Control::Disengage).
    Disengaged,
    /// A hook answered [`Control::Pause`](super::Control::Pause): [`Outcome::resume`] goes on.
    Paused,
    /// A limit ended it, or cut it at a depth. If several did, this is the one that ended it.
    Limit(Limit),
}

/// What a walk did, pauses and resumptions added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Nodes visited.
    pub visited: u64,
    /// Nodes that were to be visited and no longer exist.
    pub missing: u64,
    /// Chunks of nodes loaded.
    pub chunks: u64,
    /// Reads of the database: one for each chunk, and one for each distinct expansion in it.
    pub queries: u64,
    /// Documents saved. Several saves of one document in one batch are one.
    pub saved: u64,
    /// Batches written.
    pub batches: u64,
    /// The most nodes that waited at once.
    pub peak_frontier: usize,
    /// How long the walk was at work; time spent paused does not count.
    pub elapsed: Duration,
}

impl<W: Walker> Outcome<W> {
    /// Goes on with a paused walk: with its walker, the nodes that wait, those already met, reports, trail
    /// and counts, limits included. What was changed in the public fields meanwhile is what it goes on with.
    ///
    /// The hooks that the pause left out at its node are not made up for. A walk that is not paused is
    /// returned as it is.
    ///
    /// # Errors
    /// As [`WalkBuilder::run`](super::WalkBuilder::run).
    pub async fn resume(mut self) -> Result<Self> {
        let Some(rest) = self.rest.take() else {
            return Ok(self);
        };
        let (mut walk, engine) = *rest;
        walk.reports = self.reports;
        walk.trail = self.trail;
        Run::new(self.walker, walk, engine).run().await
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Disengaged => f.write_str("disengaged"),
            Self::Paused => f.write_str("paused"),
            Self::Limit(limit) => write!(f, "ended by the {limit}"),
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
            .field("stats", &self.stats)
            .field("trail", &self.trail)
            .finish_non_exhaustive()
    }
}
