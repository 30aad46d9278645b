//! Where a walk keeps its walker.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::Walker;
use super::block::{Block, conduct_own, conduct_shared};
use super::control::Control;
use super::here::Here;
use super::hook::HookError;
use super::parallel_walker::{Fork, ParallelWalker};
use super::team::Course;
use super::walk::Walk;

/// A walker, alone with its walk or together with workers.
pub(super) enum Seat<W: Walker> {
    Alone(W),
    Crew(Box<dyn Crew<W>>),
}

/// The hooks of one visit, under way.
pub(super) type Visiting<'a> =
    Pin<Box<dyn Future<Output = Result<Control, HookError>> + Send + 'a>>;

/// A walker that workers visit with.
///
/// A trait because only where a walk is asked to be parallel it is known how its walker can be.
pub(super) trait Crew<W: Walker>: Send {
    /// The walker, while no block is under way.
    fn walker(&mut self) -> &mut W;

    /// The walker, at the end.
    fn into_walker(self: Box<Self>) -> W;

    /// Whether all blocks visit with the same walker.
    fn is_shared(&self) -> bool;

    /// The visits of a block, apart from the walk.
    fn conduct(&self, block: Block<W>) -> Course<W>;

    /// One visit on the walk itself, also while blocks are under way.
    fn visit<'a>(&'a mut self, here: &'a mut Here, walk: &'a mut Walk<W>) -> Visiting<'a>;

    /// Takes up what the fork of a block has gathered.
    fn merge(&mut self, fork: Option<W>);
}

/// One walker, shared.
struct Shared<W>(Arc<W>);

/// A walker with a fork for each block.
struct Forked<W>(W);

/// A walker that is shared with workers.
pub(super) fn shared<W: ParallelWalker>(walker: W) -> Box<dyn Crew<W>> {
    Box::new(Shared(Arc::new(walker)))
}

/// A walker that workers have forks of.
pub(super) fn forked<W: Fork>(walker: W) -> Box<dyn Crew<W>> {
    Box::new(Forked(walker))
}

const ALONE: &str = "every worker is waited for before its chunk is closed";

impl<W: ParallelWalker> Crew<W> for Shared<W> {
    #[expect(clippy::expect_used, reason = "a worker that has ended holds the walker no more")]
    fn walker(&mut self) -> &mut W {
        Arc::get_mut(&mut self.0).expect(ALONE)
    }

    #[expect(clippy::expect_used, reason = "a worker that has ended holds the walker no more")]
    fn into_walker(self: Box<Self>) -> W {
        Arc::into_inner(self.0).expect(ALONE)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn conduct(&self, block: Block<W>) -> Course<W> {
        Box::pin(conduct_shared(block, Arc::clone(&self.0)))
    }

    fn visit<'a>(&'a mut self, here: &'a mut Here, walk: &'a mut Walk<W>) -> Visiting<'a> {
        Box::pin(self.0.visit_shared(here, walk))
    }

    fn merge(&mut self, _: Option<W>) {}
}

impl<W: Fork> Crew<W> for Forked<W> {
    fn walker(&mut self) -> &mut W {
        &mut self.0
    }

    fn into_walker(self: Box<Self>) -> W {
        self.0
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn conduct(&self, block: Block<W>) -> Course<W> {
        Box::pin(conduct_own(block, self.0.fork()))
    }

    fn visit<'a>(&'a mut self, here: &'a mut Here, walk: &'a mut Walk<W>) -> Visiting<'a> {
        Box::pin(self.0.visit(here, walk))
    }

    fn merge(&mut self, fork: Option<W>) {
        if let Some(fork) = fork {
            self.0.merge(fork);
        }
    }
}

impl<W: Walker> Seat<W> {
    /// The walker, while no block is under way.
    pub(super) fn walker(&mut self) -> &mut W {
        match self {
            Self::Alone(walker) => walker,
            Self::Crew(crew) => crew.walker(),
        }
    }

    /// Whether workers visit with the same walker.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Crew(crew) if crew.is_shared())
    }

    /// The walker, at the end.
    pub(super) fn into_walker(self) -> W {
        match self {
            Self::Alone(walker) => walker,
            Self::Crew(crew) => crew.into_walker(),
        }
    }
}

impl<W: Walker> fmt::Debug for Seat<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone(_) => "Alone",
            Self::Crew(_) => "Crew",
        })
    }
}
