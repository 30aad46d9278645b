//! The queue of a walk, in the hands of a hook.

use std::fmt;
use std::sync::atomic::Ordering;

use jvspatial_db::{Collection, Id};

use super::Walker;
use super::engine::{Engine, note_gone, note_waiting};
use super::frontier::{Enqueued, Met, Origin, Pending};
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};

/// What waits to be visited, exactly as it stands at this point of a hook, to be looked at and changed.
///
/// [`Walk::queue`] makes it. What it adds counts as one edge further from the start than the visit under way.
pub struct Queue<'a, W: Walker> {
    walk: &'a mut Walk<W>,
}

impl<W: Walker> Walk<W> {
    /// Takes hold of what waits to be visited.
    ///
    /// The chunk ends with this visit: what is left of it waits again, and what hooks have asked for so far is looked up, so
    /// that the queue is complete. That costs the queries of another chunk, so a walk whose every hook does this goes
    /// node by node. [`visit`](Self::visit) and [`follow`](Self::follow) do not need it.
    ///
    /// # Errors
    /// What the database reports; [`Limit`](ErrorKind::Limit) when `max_queries` forbids the look-up or the frontier has no
    /// room: the walk then ends with that limit after this visit, also when the hook fails with it; `Invalid` in an `on_leave` or `on_exit` hook, when nothing is queued any more.
    ///
    /// # Cancellation
    /// What was asked for may not be looked up; it is then at the end of the visit.
    pub async fn queue(&mut self) -> Result<Queue<'_, W>> {
        if !self.is_visiting() {
            return Err(Error::new(ErrorKind::Invalid, "nothing is queued after the visits"));
        }
        if self.is_aside {
            // Whoever made these visits sees it, and has them made on the walk itself.
            self.asks_for_queue.store(true, Ordering::Relaxed);
            return std::future::pending().await;
        }
        self.engine.put_chunk_back();
        self.write_chunk().await?;
        let limit = match self.engine.expand(&mut self.wishes).await? {
            None => self.engine.frontier.overflow(),
            limit => limit,
        };
        if let Some(limit) = limit {
            self.limit.get_or_insert(limit);
            self.is_at_limit = true;
            return Err(
                Error::new(ErrorKind::Limit, "walk has come to a limit").with("limit", limit)
            );
        }
        let Engine { frontier, leaves, .. } = &mut *self.engine;
        frontier.prune(|removed| note_gone(leaves, removed));
        Ok(Queue { walk: self })
    }
}

impl<W: Walker> Queue<'_, W> {
    /// How much waits.
    pub fn len(&self) -> usize {
        self.walk.engine.frontier.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of what waits, the next first.
    pub fn iter(&self) -> impl Iterator<Item = &Id> {
        self.walk.engine.frontier.iter().map(|pending| pending.handle.id())
    }

    /// Whether `id` waits.
    pub fn is_queued(&mut self, id: impl AsRef<Id>) -> bool {
        self.walk.engine.frontier.is_queued(id.as_ref())
    }

    /// Adds nodes and edges where those go that are followed to: last in a walk breadth first, first in one depth
    /// first.
    ///
    /// # Errors
    /// `Invalid` when one is neither a node nor an edge; then none is added.
    pub fn visit(&mut self, ids: impl IntoIterator<Item = impl AsRef<Id>>) -> Result<Enqueued> {
        self.add(ids, false)
    }

    /// Adds nodes and edges as [`visit`](Self::visit) does, also those that were visited before.
    ///
    /// # Errors
    /// As [`visit`](Self::visit).
    pub fn revisit(&mut self, ids: impl IntoIterator<Item = impl AsRef<Id>>) -> Result<Enqueued> {
        self.add(ids, true)
    }

    fn add(
        &mut self,
        ids: impl IntoIterator<Item = impl AsRef<Id>>,
        again: bool,
    ) -> Result<Enqueued> {
        let met = self.met(ids, again)?;
        let engine = &mut self.walk.engine;
        let leaves = &mut engine.leaves;
        let enqueued = engine.frontier.extend(met.into_iter(), |added| note_waiting(leaves, added));
        Ok(self.counted(enqueued))
    }

    /// Adds nodes and edges before all others, in the order given.
    ///
    /// # Errors
    /// As [`visit`](Self::visit).
    pub fn visit_next(
        &mut self,
        ids: impl IntoIterator<Item = impl AsRef<Id>>,
    ) -> Result<Enqueued> {
        let met = self.met(ids, false)?;
        let engine = &mut self.walk.engine;
        let leaves = &mut engine.leaves;
        let enqueued =
            engine.frontier.push_front(met.into_iter(), |added| note_waiting(leaves, added));
        Ok(self.counted(enqueued))
    }

    /// Adds nodes and edges right before the first place where `anchor` waits, in the order given.
    ///
    /// # Errors
    /// `NotFound` when `anchor` does not wait, `Unsupported` in a walk by rank, whose ranks are its order; and as
    /// [`visit`](Self::visit).
    pub fn insert_before(
        &mut self,
        anchor: impl AsRef<Id>,
        ids: impl IntoIterator<Item = impl AsRef<Id>>,
    ) -> Result<Enqueued> {
        self.insert_beside(anchor.as_ref(), false, ids)
    }

    /// Adds nodes and edges right after the first place where `anchor` waits, in the order given.
    ///
    /// # Errors
    /// As [`insert_before`](Self::insert_before).
    pub fn insert_after(
        &mut self,
        anchor: impl AsRef<Id>,
        ids: impl IntoIterator<Item = impl AsRef<Id>>,
    ) -> Result<Enqueued> {
        self.insert_beside(anchor.as_ref(), true, ids)
    }

    fn insert_beside(
        &mut self,
        anchor: &Id,
        after: bool,
        ids: impl IntoIterator<Item = impl AsRef<Id>>,
    ) -> Result<Enqueued> {
        let met = self.met(ids, false)?;
        let engine = &mut self.walk.engine;
        if engine.frontier.is_ranked() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a walk by rank has no places to insert at",
            ));
        }
        let leaves = &mut engine.leaves;
        let added = |added: &Pending| note_waiting(leaves, added);
        match engine.frontier.insert_beside(anchor, after, met.into_iter(), added) {
            Some(enqueued) => Ok(self.counted(enqueued)),
            None => Err(Error::new(ErrorKind::NotFound, "it does not wait to be visited")
                .with("id", anchor)),
        }
    }

    /// Takes every occurrence of `id` out, and tells how many there were. It may be met again.
    pub fn dequeue(&mut self, id: impl AsRef<Id>) -> usize {
        let engine = &mut self.walk.engine;
        let leaves = &mut engine.leaves;
        engine.frontier.remove(id.as_ref(), |removed| note_gone(leaves, removed))
    }

    /// Takes everything out, and tells how much there was. It may be met again.
    pub fn clear(&mut self) -> usize {
        let engine = &mut self.walk.engine;
        let leaves = &mut engine.leaves;
        engine.frontier.clear(|removed| note_gone(leaves, removed))
    }

    /// What is to be added, one step further than the visit under way. Beyond the depth that is allowed there is
    /// nothing.
    fn met(
        &mut self,
        ids: impl IntoIterator<Item = impl AsRef<Id>>,
        again: bool,
    ) -> Result<Vec<Met>> {
        let from = self.walk.standpoint();
        let origins = self.walk.engine.keep.origins;
        let mut met = Vec::new();
        for id in ids {
            let id = id.as_ref();
            if id.collection() == Collection::Object {
                return Err(
                    Error::new(ErrorKind::Invalid, "a walk visits nodes and edges").with("id", id)
                );
            }
            let origin = origins.then(|| {
                let way = from.way.clone();
                Box::new(Origin { step: from.step, edge: None, ahead: None, way })
            });
            let depth = from.depth.saturating_add(1);
            let handle = self.walk.engine.database.handle(id);
            let pending = Pending { handle, depth, again, origin };
            met.push(Met::from(pending));
        }
        if !met.is_empty() && self.walk.is_deep() {
            met.clear();
        }
        Ok(met)
    }

    fn counted(&mut self, enqueued: Enqueued) -> Enqueued {
        self.walk.engine.count(enqueued);
        enqueued
    }
}

impl<W: Walker> fmt::Debug for Queue<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
