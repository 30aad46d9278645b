//! Walkers: structs with hooks that run as they move from node to node.

mod ahead;
mod apart;
mod block;
mod builder;
mod cancel;
mod changes;
mod checkpoint;
mod clock;
mod control;
mod dry_run;
mod early;
mod engine;
mod events;
mod flush;
mod frontier;
mod here;
pub(crate) mod hook;
mod leaves;
mod limits;
mod observer;
mod outcome;
mod parallel;
mod parallel_walker;
mod plan;
mod policy;
mod progress_bar;
mod queue;
mod recorder;
mod run;
mod seat;
mod spawn;
mod staged;
mod stepper;
mod stream;
mod team;
mod trail;
mod visit;
mod visited;
pub(crate) mod visited_by;
mod walk;
mod wishes;
mod writes;
mod writing;

#[cfg(test)]
mod tests;

pub use builder::WalkBuilder;
pub use checkpoint::Checkpoint;
pub(crate) use checkpoint::{discard, list, load};
pub use control::Control;
pub use dry_run::{Applied, DryRun};
pub use events::{Emitted, Events, Listener};
pub use frontier::Enqueued;
pub use here::Here;
pub use hook::HookError;
pub use limits::Limit;
pub use observer::{Observer, Progress};
pub use outcome::{Ended, Outcome, Stats};
pub use parallel_walker::{Fork, ParallelWalker};
pub use plan::PlannedChange;
pub use policy::{OnConflict, OnError, OnFull, WriteMode};
pub use progress_bar::ProgressBar;
pub use queue::Queue;
pub use spawn::NestedWalk;
pub use stepper::Stepper;
pub use stream::Reports;
pub use trail::{Step, StepOutcome, Trail};
pub use visited::Uniqueness;
pub use visited_by::{Meets, SequentialWalker, VisitedBy, VisitedByAny, VisitedByMut};
pub use walk::Walk;

/// A struct that visits nodes; `#[walker]` implements it from the hooks of an `impl` block.
///
/// Written by hand, a walker that counts the nodes within two edges of the root looks like this:
///
/// ```
/// use jvspatial_core::{
///     AnyEdge, Control, Ended, Graph, Here, HookError, Result, Walk, Walker, out,
/// };
///
/// #[derive(Default)]
/// struct Count {
///     nodes: u64,
/// }
///
/// impl Walker for Count {
///     type Report = ();
///     const NAME: &'static str = "Count";
///
///     async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
///         self.nodes += 1;
///         if walk.depth() < 2 {
///             walk.follow(out::<AnyEdge>());
///         }
///         Ok(Control::Continue)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// let outcome = graph.walk(Count::default()).run().await?;
/// assert_eq!(outcome.ended, Ended::Finished);
/// assert_eq!(outcome.walker.nodes, 1);
/// # Ok(())
/// # }
/// ```
pub trait Walker: Send + Sized + 'static {
    /// What its hooks report.
    type Report: Send + 'static;
    /// Its name in errors.
    const NAME: &'static str;

    /// Its version, `#[walker(version = 2)]`. A [checkpoint](WalkBuilder::checkpoint) of another version is refused: count it up
    /// when what the walker holds, or what its hooks do, is no longer what a walk under way could go on with.
    const VERSION: u32 = 1;

    /// Whether [`leave`](Self::leave) does anything: only then the walk keeps count of what it has left.
    const LEAVES: bool = false;

    /// Runs the hooks for the node or edge `here` in order, and stops at the first answer that is not
    /// [`Control::Continue`].
    ///
    /// # Errors
    /// The error of a hook, or of decoding the node for one.
    fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;

    /// Runs the hooks for leaving the node or edge `here`, when all that was visited because of it has been left.
    ///
    /// # Errors
    /// The error of a hook, or of decoding the node for one.
    fn leave(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> impl Future<Output = Result<(), HookError>> + Send {
        let _ = (here, walk);
        std::future::ready(Ok(()))
    }

    /// Runs the hooks for the end of the walk, which `ended` names.
    ///
    /// # Errors
    /// The error of a hook.
    fn exit(
        &mut self,
        ended: Ended,
        walk: &mut Walk<Self>,
    ) -> impl Future<Output = Result<(), HookError>> + Send {
        let _ = (ended, walk);
        std::future::ready(Ok(()))
    }
}
