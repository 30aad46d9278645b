//! A walk that shows what it would change.

use std::fmt;
use std::sync::Arc;

use jvspatial_db::{Id, WriteBatch};

use super::Walker;
use super::builder::WalkBuilder;
use super::outcome::Outcome;
use super::plan::PlannedChange;
use super::policy::WriteMode;
use super::recorder::Recorder;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;

/// A walk that was made apart from the database, and what it would have changed there.
///
/// [`WalkBuilder::dry_run`] makes it.
#[must_use = "a dry run changes nothing until it is applied"]
#[non_exhaustive]
pub struct DryRun<W: Walker> {
    /// What came of the walk, as [`WalkBuilder::outcome`] has it.
    pub outcome: Outcome<W>,
    /// What it would have changed, one for each document, in the order in which [`apply`](Self::apply) writes it. What is
    /// taken out is not applied.
    pub changes: Vec<PlannedChange>,
    graph: Graph,
}

/// What [applying](DryRun::apply) a dry run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// How many documents were created, changed and removed.
    pub written: usize,
    /// How many edges went with removed nodes that the dry run did not know: others had added them meanwhile.
    pub detached: u64,
}

impl<W: Walker> WalkBuilder<W> {
    /// Makes the walk apart from the database, and tells what it would change there.
    ///
    /// The walk and its hooks read and write a transaction that is never committed: they see the graph at one point in
    /// time with what they wrote, by the walk as by [`Walk::graph`](super::Walk::graph), and nobody else sees any of it.
    /// Whatever the [write mode](Self::write_mode), what the walk would leave behind is told: also of a walk that failed,
    /// unless it writes atomically. A pause ends a dry run; such an outcome cannot be gone on with.
    ///
    /// Of each document the net change is told: several saves are one, and what was created and removed again is none.
    /// So its version may be lower than the walk would have made it.
    ///
    /// ```
    /// # use jvspatial_core::{Control, Graph, Here, HookError, Result, Root, Walk, Walker};
    /// # struct Touch;
    /// # impl Walker for Touch {
    /// #     type Report = ();
    /// #     const NAME: &'static str = "Touch";
    /// #     async fn visit(&mut self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
    /// #         walk.save(&mut here.decode::<Root>()?);
    /// #         Ok(Control::Continue)
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let graph = Graph::open("memory:").await?;
    /// let root = graph.root().await?;
    /// let dry_run = graph.walk(Touch).dry_run().await?;
    /// for change in &dry_run.changes {
    ///     println!("{:?} {}", change.kind, change.id);
    /// }
    /// let applied = dry_run.apply().await?;
    /// assert_eq!(applied.written, 1);
    /// # assert_eq!(graph.root().await?.version(), root.version().next());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`outcome`](Self::outcome); `Unsupported` on a backend without transactions, and for hooks that make
    /// indexes or transactions. The walk ends with `Limit` when it would change more than 100,000 documents, and with
    /// `Conflict` when others got ahead of its transaction, which is worth another try.
    ///
    /// # Cancellation
    /// Nothing has happened.
    pub async fn dry_run(mut self) -> Result<DryRun<W>> {
        let graph = self.graph.clone();
        let recorder = Arc::new(Recorder::new(graph.database().begin().await?));
        let is_atomic = self.settings.write_mode == WriteMode::Atomic;
        self.recorder = Some(Arc::clone(&recorder));
        let ended = self.outcome().await;
        let changes = match &ended {
            Ok(_) if !is_atomic || recorder.is_committed() => recorder.changes().await,
            _ => Ok(Vec::new()),
        };
        // A hook may have left a handle elsewhere.
        let given_up = recorder.give_up().await;
        let mut outcome = ended?;
        outcome.rest = None;
        let changes = match (changes, outcome.error.take()) {
            (Ok(changes), error) => {
                outcome.error = error;
                changes
            }
            // A transaction that is broken has nothing to tell; what broke it is told better by the walk.
            (Err(_), Some(error)) => return Err(error),
            (Err(error), None) => return Err(error.into()),
        };
        given_up?;
        Ok(DryRun { outcome, changes, graph })
    }
}

impl<W: Walker> DryRun<W> {
    /// Writes the changes as one batch that is all or nothing, if every document is as the dry run found it.
    ///
    /// What the walk only read is not looked at. An error leaves everything as it was but for `Unknown`.
    ///
    /// # Errors
    /// `Conflict` naming the first document that others have changed, created or removed meanwhile; `Duplicate` when they have
    /// taken a unique key; `Invalid` when the walk had failed, unless its error was taken from the outcome;
    /// `Unsupported` on a backend without atomic batches; `Limit`; what else [`Database::write`] says.
    ///
    /// # Cancellation
    /// Once polled, the changes may be made, all of them, even if the future is dropped.
    ///
    /// [`Database::write`]: jvspatial_db::Database::write
    pub async fn apply(&self) -> Result<Applied> {
        if let Some(error) = &self.outcome.error {
            return Err(Error::new(ErrorKind::Invalid, "walk of the dry run has failed")
                .with("error", error));
        }
        if self.changes.is_empty() {
            return Ok(Applied::default());
        }
        let database = self.graph.database();
        let mut batch = WriteBatch::new(database.capabilities().encoding).atomic(true);
        for change in &self.changes {
            change.add_to(&mut batch)?;
        }
        let ids: Vec<Id> = batch.operations().iter().map(|done| done.id.clone()).collect();
        let report = database.write(batch).await?;
        let detached = report.detached;
        let failed = |outcome: &jvspatial_db::Outcome| {
            !outcome.is_written() && *outcome != jvspatial_db::Outcome::Skipped
        };
        let mut failures = ids.iter().zip(report.outcomes).filter(|(_, outcome)| failed(outcome));
        if let Some((id, outcome)) = failures.next()
            && let Some(change) = self.changes.iter().find(|change| change.id == *id)
        {
            return Err(change.refused(outcome).into());
        }
        Ok(Applied { written: self.changes.len(), detached })
    }
}

impl<W: Walker> fmt::Debug for DryRun<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DryRun")
            .field("walker", &W::NAME)
            .field("ended", &self.outcome.ended)
            .field("changes", &self.changes.len())
            .finish_non_exhaustive()
    }
}
