//! What moves a walk, whatever its walker.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use jvspatial_db::{Database, Document, Handle, Id, OrdinalPin, Transaction};
use tokio::task::yield_now;

use super::ahead::{Ahead, ChunkPlace};
use super::checkpoint::Past;
use super::frontier::{Enqueued, Frontier, Met, Order, Origin, Pending};
use super::leaves::Leaves;
use super::limits::{Limit, Limits};
use super::outcome::{Ended, Stats};
use super::policy::OnFull;
use super::visited::{Uniqueness, Visited};
use super::wishes::{Keep, Wishes};
use crate::error::Result;

/// What moves a walk: what waits, the chunk under way, and counts.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) database: Arc<dyn Database>,
    /// The transaction that all goes through, in a walk that is all or nothing.
    pub(super) transaction: Option<Arc<dyn Transaction>>,
    pub(super) frontier: Frontier,
    pub(super) chunk: Chunk,
    /// The next chunk, on its way.
    pub(super) ahead: Option<Ahead>,
    pub(super) chunk_size: usize,
    pub(super) limits: Limits,
    pub(super) keep: Keep,
    /// The first start, for the error when none of them exists.
    pub(super) start: Option<Id>,
    pub(super) stats: Stats,
    /// The visits that are to be left, when the walker wants to know.
    pub(super) leaves: Option<Leaves>,
    /// How often each was visited, when that is bounded and may be more than once.
    pub(super) visits: HashMap<Id, u32, RandomState>,
    /// How often each was visited anew for a conflict.
    pub(super) retries: HashMap<Id, u32, RandomState>,
    /// Keeps the ordinals that the frontier remembers; released with the outcome of a paused walk.
    pub(super) _pin: Option<OrdinalPin>,
}

/// What was taken from the frontier together; a database reads the handles as they stand here.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    handles: VecDeque<Handle>,
    /// Depth and origin of each, and whether it is visited again.
    places: VecDeque<(u32, bool, Option<Box<Origin>>)>,
}

impl Engine {
    /// One for visits apart from the walk: nothing waits there.
    pub(super) fn aside(&self) -> Self {
        let visited = Visited::new(Uniqueness::Unlimited, false);
        Self {
            database: Arc::clone(&self.database),
            transaction: None,
            frontier: Frontier::new(Order::BreadthFirst, 0, OnFull::Drop, visited),
            chunk: Chunk::default(),
            ahead: None,
            chunk_size: 1,
            limits: self.limits,
            keep: self.keep,
            start: None,
            stats: Stats::default(),
            leaves: None,
            visits: HashMap::default(),
            retries: HashMap::default(),
            _pin: None,
        }
    }

    /// Takes the next chunk from the frontier: no more than the steps allow, and one more to see whether another
    /// would have been due. `false` when nothing waits.
    pub(super) fn take_chunk(&mut self, visited: u64) -> bool {
        let allowed = self.limits.steps.map_or(usize::MAX, |steps| {
            usize::try_from(steps.saturating_sub(visited).saturating_add(1)).unwrap_or(usize::MAX)
        });
        let Self { frontier, chunk, leaves, .. } = self;
        for _ in 0..self.chunk_size.min(allowed) {
            let next = frontier.take(|pending| note_gone(leaves, pending));
            let Some(pending) = next else { break };
            chunk.push(pending);
        }
        !chunk.is_empty()
    }

    /// Loads the chunk: one query, however large.
    pub(super) async fn load(&mut self) -> Result<Vec<Option<Document>>> {
        self.stats.chunks += 1;
        let place = self.chunk_place();
        if let Some(ahead) = self.ahead.take().filter(|ahead| ahead.place == place)
            && let Some(documents) = ahead.finish().await
        {
            return Ok(documents?);
        }
        self.stats.queries += 1;
        Ok(self.database.get_many(self.chunk.handles()).await?)
    }

    /// Where the chunk was before it was taken, as nothing has come before what is left since.
    pub(super) fn chunk_place(&self) -> ChunkPlace {
        ChunkPlace { visits: self.chunk.len(), revision: self.frontier.revision() }
    }

    /// Begins to load the next chunk, if it is certain which nodes it will have unless a hook takes hold of the queue;
    /// `visited` counts the visits with those of this chunk.
    pub(super) fn load_ahead(&mut self, visited: u64) {
        let next = self.chunk_size as u64;
        let is_allowed =
            self.limits.steps.is_none_or(|steps| steps.saturating_sub(visited) >= next)
                && self.limits.queries.is_none()
                && self.transaction.is_none();
        if !is_allowed || self.frontier.len() < self.chunk_size {
            return;
        }
        if let Some(next) = self.frontier.first(self.chunk_size) {
            let handles = next.map(|pending| pending.handle.clone()).collect();
            self.stats.queries += 1;
            self.ahead = Some(Ahead::load(&self.database, handles, self.frontier.revision()));
        }
    }

    /// The limit that forbids another visit of `id`; if there is none, the visit is counted.
    pub(super) fn count_visit(&mut self, id: &Id) -> Option<Limit> {
        let most = self.limits.visits?;
        let visits = self.visits.entry(id.clone()).or_default();
        if *visits >= most {
            return Some(Limit::Visits(most));
        }
        *visits += 1;
        self.frontier.visited().note(id, Past::Visited);
        None
    }

    /// Whether none of `documents` would be visited more often than it may be.
    pub(super) fn allows_visits<'a>(&self, documents: impl Iterator<Item = &'a Document>) -> bool {
        let Some(most) = self.limits.visits else { return true };
        let mut visits = HashMap::with_hasher(RandomState::default());
        let allows = |id: &'a Id| {
            let before = || self.visits.get(id).copied().unwrap_or_default();
            let visits = visits.entry(id).or_insert_with(before);
            *visits += 1;
            *visits <= most
        };
        documents.map(|document| &document.id).all(allows)
    }

    /// What was to be visited does not exist.
    pub(super) fn note_missing(&mut self, pending: &Pending) {
        self.stats.missing += 1;
        note_gone(&mut self.leaves, pending);
    }

    /// Puts what the chunk's hooks wished for into the frontier: one query for each distinct expansion, and more only for
    /// what does not fit into a page. When it is dropped, it goes on where it was.
    pub(super) async fn expand(&mut self, wishes: &mut Wishes) -> Result<Option<Limit>> {
        if wishes.is_empty() {
            wishes.clear();
            return Ok(None);
        }
        loop {
            let queries = wishes.queries();
            if let Some(limit) = self.limits.forbid_queries(self.stats.queries, queries) {
                return Ok(Some(limit));
            }
            self.stats.queries += queries;
            let Self { database, frontier, leaves, keep, limits, .. } = self;
            wishes.ask(&**database, frontier.known(), limits.page).await?;
            let enqueued =
                frontier.append(wishes.met(*keep), |pending| note_waiting(leaves, pending));
            self.count(enqueued);
            if wishes.are_met() || self.frontier.overflow().is_some() {
                break;
            }
            yield_now().await;
        }
        self.frontier.arrive();
        wishes.clear();
        Ok(None)
    }

    /// Counts what became of wishes.
    pub(super) const fn count(&mut self, enqueued: Enqueued) {
        let Enqueued { added, already_visited, dropped } = enqueued;
        self.stats.added += added;
        self.stats.already_visited += already_visited;
        self.stats.dropped += dropped;
    }

    /// Commits the transaction that all went through, if there is one, unless the walk has failed.
    pub(super) async fn end_transaction(&mut self, ended: Ended) -> Result<()> {
        let Some(transaction) = self.transaction.take() else { return Ok(()) };
        if ended == Ended::Failed {
            transaction.close().await?;
        } else {
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Puts back what is left of the chunk: it waits again, before all that the visited ones lead to.
    pub(super) fn put_chunk_back(&mut self) {
        if !self.chunk.is_empty() {
            // The next chunk begins with what is put back, so it is not the one that is being loaded.
            self.ahead = None;
        }
        while let Some(pending) = self.chunk.pop_last() {
            self.frontier.put_back(pending);
        }
    }

    /// Has something visited once more, next of all; `false` when it was as often as it may be, or waits for it.
    pub(super) fn retry(&mut self, mut pending: Pending, most: u32) -> bool {
        let retries = self.retries.entry(pending.handle.id().clone()).or_default();
        if *retries >= most {
            return false;
        }
        *retries += 1;
        self.stats.revisited += 1;
        self.frontier.visited().note(pending.handle.id(), Past::Retried);
        if let Some(origin) = &mut pending.origin {
            origin.ahead = None;
        }
        let Self { frontier, leaves, .. } = self;
        pending.again = true;
        let met = Met::from(pending);
        frontier.push_front(std::iter::once(met), |pending| note_waiting(leaves, pending));
        true
    }
}

/// Tells the tree of visits what waited and will not be visited.
pub(super) fn note_gone(leaves: &mut Option<Leaves>, pending: &Pending) {
    if let Some(leaves) = leaves {
        leaves.release(pending.origin.as_ref().map(|origin| origin.step));
    }
}

/// Tells the tree of visits what waits.
pub(super) fn note_waiting(leaves: &mut Option<Leaves>, pending: &Pending) {
    if let Some(leaves) = leaves {
        leaves.wait(pending.origin.as_ref().map(|origin| origin.step));
    }
}

impl Chunk {
    pub(super) fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    fn len(&self) -> usize {
        self.handles.len()
    }

    pub(super) fn handles(&mut self) -> &[Handle] {
        self.handles.make_contiguous()
    }

    fn push(&mut self, pending: Pending) {
        let Pending { handle, depth, again, origin } = pending;
        self.handles.push_back(handle);
        self.places.push_back((depth, again, origin));
    }

    /// What is left of it, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Pending> {
        let both = self.handles.iter().zip(&self.places);
        both.map(|(handle, (depth, again, origin))| Pending {
            handle: handle.clone(),
            depth: *depth,
            again: *again,
            origin: origin.clone(),
        })
    }

    /// The next to be visited.
    pub(super) fn pop(&mut self) -> Option<Pending> {
        let (handle, (depth, again, origin)) =
            self.handles.pop_front().zip(self.places.pop_front())?;
        Some(Pending { handle, depth, again, origin })
    }

    fn pop_last(&mut self) -> Option<Pending> {
        let (handle, (depth, again, origin)) =
            self.handles.pop_back().zip(self.places.pop_back())?;
        Some(Pending { handle, depth, again, origin })
    }
}
