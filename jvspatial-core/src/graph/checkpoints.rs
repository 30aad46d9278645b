//! Checkpoints of walks: going on from one, listing and removing them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Graph;
use crate::error::Result;
use crate::walker::{self, Checkpoint, WalkBuilder, Walker};

impl Graph {
    /// The walk that goes on from its last [checkpoint](WalkBuilder::checkpoint), `graph.resume::<Tour>("tour").await?.run()`,
    /// with its walker, what waits, what was met, its trail, its statistics and its settings, limits included; what counts
    /// against a limit goes on counting.
    ///
    /// Not part of a checkpoint, and to be asked for again: [`parallel`](WalkBuilder::parallel),
    /// [`deadline`](WalkBuilder::deadline), [`until`](WalkBuilder::until), [`observer`](WalkBuilder::observer). Settings may be
    /// changed but for the start, the order and the uniqueness. Reports, errors and conflicts of before are not there, but
    /// count. A node that was deleted meanwhile is missing.
    ///
    /// ```
    /// # use jvspatial_core::{Control, Graph, Here, HookError, Result, Walk, Walker};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Rest;
    /// # impl Walker for Rest {
    /// #     type Report = ();
    /// #     const NAME: &'static str = "Rest";
    /// #     async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
    /// #         Ok(if walk.step() == 1 { Control::Pause } else { Control::Continue })
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// # let graph = Graph::open("memory:").await?;
    /// // A walk that pauses stands at its checkpoint too, also for another process.
    /// let outcome = graph.walk(Rest).checkpoint("rest", 1).run().await?;
    /// # drop(outcome);
    /// let outcome = graph.resume::<Rest>("rest").await?.max_steps(10).run().await?;
    /// assert_eq!(outcome.stats.visited, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `NotFound` when there is no such checkpoint: the walk has ended, or has not come to its first. `Unsupported` when it
    /// is of another walker, or of another [version](Walker::VERSION) of it, with both; `Invalid` when the walker cannot be read
    /// though it has the same version; `Conflict` when a walk uses it now; `Corrupt`; and what the database says.
    pub async fn resume<W: Walker + Serialize + DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<WalkBuilder<W>> {
        let (walker, loaded) = walker::load::<W>(&**self.database(), name).await?;
        Ok(self.walk(walker).resumed(loaded))
    }

    /// The [checkpoints](WalkBuilder::checkpoint) that there are, by their names. It is not known which of them are of walks
    /// under way.
    ///
    /// ```
    /// # use jvspatial_core::{Control, Graph, Here, HookError, Result, Walk, Walker};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Rest;
    /// # impl Walker for Rest {
    /// #     type Report = ();
    /// #     const NAME: &'static str = "Rest";
    /// #     async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
    /// #         Ok(if walk.step() == 1 { Control::Pause } else { Control::Continue })
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// # let graph = Graph::open("memory:").await?;
    /// # let outcome = graph.walk(Rest).checkpoint("rest", 1).run().await?;
    /// # drop(outcome);
    /// for checkpoint in graph.checkpoints().await? {
    ///     println!("{}: {} after {} visits", checkpoint.name, checkpoint.walker, checkpoint.visited);
    ///     assert!(graph.discard_checkpoint(&checkpoint.name).await?);
    /// }
    /// # assert!(graph.checkpoints().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Corrupt`, and what the database says.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        walker::list(&**self.database()).await
    }

    /// Removes the [checkpoint](WalkBuilder::checkpoint) called `name`; `false` when there is none. What the walk has written
    /// stays. If it is under way, it fails with `Conflict` at its next checkpoint.
    ///
    /// # Errors
    /// `Conflict` when a walk wrote the checkpoint at the same time; `Invalid` or `Limit` for what is no name; and what the
    /// database says.
    ///
    /// # Cancellation
    /// It may be removed, whole.
    pub async fn discard_checkpoint(&self, name: &str) -> Result<bool> {
        walker::discard(&**self.database(), name).await
    }
}
