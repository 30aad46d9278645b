//! Walks that hooks make.

use std::fmt;
use std::future::pending;
use std::sync::atomic::Ordering;

use jvspatial_db::Id;
use tokio::time::Instant;

use super::Walker;
use super::apart::apart;
use super::builder::WalkBuilder;
use super::outcome::Outcome;
use super::visited::Uniqueness;
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};

/// How many walks may be around a walk.
const MAX_NESTING: u32 = 16;

/// A walk about to begin inside of a hook; [`Walk::spawn`] makes it.
#[must_use = "a walk does nothing until it is run"]
pub struct NestedWalk<'a, W: Walker, V: Walker> {
    outer: &'a mut Walk<W>,
    inner: WalkBuilder<V>,
    /// Whether it starts elsewhere than at what is being visited.
    is_placed: bool,
}

impl<W: Walker> Walk<W> {
    /// A walk of `walker` inside of this one, from what is being visited unless told otherwise; it begins when it is
    /// [run](NestedWalk::run).
    ///
    /// It goes over [the walk's own graph](Self::graph), so inside of a walk that writes atomically or of a dry run it is
    /// part of that. What it reports becomes a report of this walk.
    pub fn spawn<V: Walker>(&mut self, walker: V) -> NestedWalk<'_, W, V>
    where
        V::Report: Into<W::Report>,
    {
        let mut inner = self.graph.walk(walker);
        inner.settings.nesting = self.settings.nesting + 1;
        NestedWalk { outer: self, inner, is_placed: false }
    }
}

impl<W: Walker, V: Walker> NestedWalk<'_, W, V>
where
    V::Report: Into<W::Report>,
{
    /// Adds a start, a node or an edge. Default: what is being visited; in an `on_exit` hook the root.
    pub fn from(self, start: impl AsRef<Id>) -> Self {
        self.from_many([start])
    }

    /// Adds starts, in order. With none at all the walk ends at once.
    pub fn from_many(mut self, starts: impl IntoIterator<Item = impl AsRef<Id>>) -> Self {
        self.is_placed = true;
        self.configure(|inner| inner.from_many(starts))
    }

    /// As [`WalkBuilder::depth_first`].
    pub fn depth_first(self) -> Self {
        self.configure(WalkBuilder::depth_first)
    }

    /// As [`WalkBuilder::uniqueness`].
    pub fn uniqueness(self, uniqueness: Uniqueness) -> Self {
        self.configure(|inner| inner.uniqueness(uniqueness))
    }

    /// As [`WalkBuilder::max_depth`].
    pub fn max_depth(self, depth: u32) -> Self {
        self.configure(|inner| inner.max_depth(depth))
    }

    /// As [`WalkBuilder::max_steps`].
    pub fn max_steps(self, steps: u64) -> Self {
        self.configure(|inner| inner.max_steps(steps))
    }

    /// As [`WalkBuilder::deadline`]; that of the walk around it holds too.
    pub fn deadline(self, deadline: Instant) -> Self {
        self.configure(|inner| inner.deadline(deadline))
    }

    /// As [`WalkBuilder::trail`].
    pub fn trail(self, steps: usize) -> Self {
        self.configure(|inner| inner.trail(steps))
    }

    /// Sets anything else that a walk can be told.
    ///
    /// ```
    /// # use jvspatial_core::{Control, Here, HookError, Walk, Walker, WriteMode};
    /// # struct Inner;
    /// # impl Walker for Inner {
    /// #     type Report = ();
    /// #     const NAME: &'static str = "Inner";
    /// #     async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
    /// #         Ok(Control::Continue)
    /// #     }
    /// # }
    /// # async fn hook<W: Walker<Report = ()>>(walk: &mut Walk<W>) -> jvspatial_core::Result {
    /// let inner = walk.spawn(Inner).configure(|inner| inner.write_mode(WriteMode::Immediate));
    /// let outcome = inner.run().await?;
    /// # let _ = outcome;
    /// # Ok(())
    /// # }
    /// ```
    pub fn configure(self, change: impl FnOnce(WalkBuilder<V>) -> WalkBuilder<V>) -> Self {
        Self { inner: change(self.inner), ..self }
    }

    /// Walks, as [`WalkBuilder::run`] does, and hands what was reported on to the walk around it, in order; the
    /// outcome has no reports any more.
    ///
    /// All that the walk around it has asked to write so far is written first, so the inner one sees it. What the inner
    /// one writes is another's change to the outer one: a document that was read before cannot be saved after it. The inner
    /// walk ends at the deadline of the outer one too, and when that ends in the midst of the hook, it is dropped. It is a task
    /// of its own. One that pauses can be resumed from its outcome, which then keeps what it reports.
    ///
    /// In a [parallel](WalkBuilder::parallel) walk such a visit is made on the walk itself, after all before it, as one
    /// that holds the [queue](Walk::queue) is.
    ///
    /// # Errors
    /// As [`WalkBuilder::run`], with the place in the inner walk, which a hook that returns the error keeps; the reports made
    /// before are handed on too. What writing says, as if the outer walk had written at its end; `Limit` for a walk inside of
    /// 16 others; `Unsupported` for one that writes [atomically](super::WriteMode::Atomic) inside of a transaction, and in a walk with
    /// [checkpoints](WalkBuilder::checkpoint), which could not make its writes again.
    ///
    /// # Cancellation
    /// As [`WalkBuilder::run`]. What was reported is lost.
    pub async fn run(self) -> Result<Outcome<V>> {
        self.outcome().await?.into_result()
    }

    /// As [`run`](Self::run), and hands back what the walk gathered also when an error ended it.
    ///
    /// # Errors
    /// Those found before the inner walk began.
    ///
    /// # Cancellation
    /// As [`run`](Self::run).
    pub async fn outcome(self) -> Result<Outcome<V>> {
        let Self { outer, mut inner, is_placed } = self;
        if outer.is_aside {
            // Whoever made these visits sees it, and has them made on the walk itself.
            outer.asks_for_queue.store(true, Ordering::Relaxed);
            return pending().await;
        }
        if inner.settings.nesting > MAX_NESTING {
            return Err(Error::new(ErrorKind::Limit, "walks are nested too deeply")
                .with("walker", V::NAME)
                .with("limit", MAX_NESTING));
        }
        if outer.writes.options.held {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a walk with checkpoints makes no walks inside of its hooks",
            )
            .with("walker", V::NAME));
        }
        if !is_placed && let Some(here) = &outer.here {
            inner.starts = Some(vec![here.id().clone()]);
        }
        let deadlines = [inner.limits.deadline, outer.engine.limits.deadline];
        inner.limits.deadline = deadlines.into_iter().flatten().min();
        outer.writes.interrupt();
        outer.write_all().await?;
        // Walks that are nested on one stack would soon fill it.
        let mut outcome = apart(inner).await?;
        for report in outcome.reports.drain(..) {
            outer.report(report.into());
        }
        Ok(outcome)
    }
}

impl<W: Walker, V: Walker> fmt::Debug for NestedWalk<'_, W, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedWalk")
            .field("outer", &W::NAME)
            .field("walker", &V::NAME)
            .finish_non_exhaustive()
    }
}
