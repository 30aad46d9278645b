//! A walk that goes one visit at a time.

use std::fmt;

use super::Walker;
use super::builder::WalkBuilder;
use super::outcome::{Ended, Outcome};
use crate::error::Result;

/// A walk that goes one visit at a time, to be looked at in between.
///
/// It visits as [`run`](WalkBuilder::run) does; the writes of a visit are made before the next one.
///
/// ```
/// use jvspatial_core::{Graph, Result};
/// # use jvspatial_core::{Control, Here, HookError, Walk, Walker};
/// # struct Look;
/// # impl Walker for Look {
/// #     type Report = String;
/// #     const NAME: &'static str = "Look";
/// #     async fn visit(&mut self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
/// #         walk.report(here.id().to_string());
/// #         Ok(Control::Continue)
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// let mut walk = graph.walk(Look).stepper();
/// assert!(walk.step().await?);
/// assert_eq!(walk.outcome().unwrap().reports, ["n.Root.root"]);
/// assert!(!walk.step().await?, "it is over");
/// # Ok(())
/// # }
/// ```
pub struct Stepper<W: Walker>(State<W>);

enum State<W: Walker> {
    New(Box<WalkBuilder<W>>),
    At(Box<Outcome<W>>),
    /// A step failed before the walk began, or its future was dropped.
    Lost,
}

impl<W: Walker> Stepper<W> {
    pub(super) fn new(builder: WalkBuilder<W>) -> Self {
        Self(State::New(Box::new(builder)))
    }

    /// Makes one visit; `false` when the walk is over without one.
    ///
    /// # Errors
    /// As [`WalkBuilder::run`].
    ///
    /// # Cancellation
    /// The walk is lost, and every further step is `false`.
    pub async fn step(&mut self) -> Result<bool> {
        let (outcome, visited) = match std::mem::replace(&mut self.0, State::Lost) {
            State::Lost => return Ok(false),
            State::New(builder) => {
                let mut run = builder.begin(None).await?;
                run.company.pause_at = Some(1);
                (run.run().await, 0)
            }
            State::At(outcome) => {
                let visited = outcome.stats.visited;
                if outcome.ended != Ended::Paused {
                    self.0 = State::At(outcome);
                    return Ok(false);
                }
                (outcome.pausing_at(Some(visited + 1)).go_on().await, visited)
            }
        };
        let went = outcome.stats.visited > visited;
        let mut outcome = Box::new(outcome);
        let error = outcome.error.take();
        self.0 = State::At(outcome);
        error.map_or(Ok(went), Err)
    }

    /// The walk as it stands after the last step; `None` before the first.
    pub fn outcome(&self) -> Option<&Outcome<W>> {
        match &self.0 {
            State::At(outcome) => Some(outcome),
            State::New(_) | State::Lost => None,
        }
    }

    /// The walk as it stands, to be [gone on](Outcome::resume) with; `None` before the first step.
    pub fn into_outcome(self) -> Option<Outcome<W>> {
        match self.0 {
            State::At(outcome) => Some(outcome.pausing_at(None)),
            State::New(_) | State::Lost => None,
        }
    }
}

impl<W: Walker> fmt::Debug for Stepper<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let visited = self.outcome().map_or(0, |outcome| outcome.stats.visited);
        f.debug_struct("Stepper")
            .field("walker", &W::NAME)
            .field("visited", &visited)
            .finish_non_exhaustive()
    }
}
