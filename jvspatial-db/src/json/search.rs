//! One find: matches that are returned as they come, or sorted first.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_core::Stream;
use futures_core::future::BoxFuture;

use super::access::Access;
use super::in_time;
use super::index::Snapshot;
use super::scan::{Bodies, Match};
use super::writer::Shared;
use crate::document::Document;
use crate::error::Result;
use crate::indexes::Explanation;
use crate::projection::PathTree;
use crate::query::Query;
use crate::sort::Sorter;

/// For how many documents there is room at first, if so many may come.
const SOME: usize = 32;

/// A find in progress: the state of a cursor.
#[derive(Debug)]
pub(super) struct Search {
    shared: Arc<Shared>,
    /// `None` only while a slice is being read: a cursor whose read was cut off is at its end.
    progress: Option<(Access, Taking)>,
    bodies: Bodies,
}

/// What becomes of the matches.
#[derive(Debug)]
struct Taking {
    query: Query,
    stage: Stage,
    ready: VecDeque<Document>,
}

#[derive(Debug)]
enum Stage {
    /// Matches are returned in the order in which they come, after `skip` of them at most `left`.
    Passing { skip: u64, left: u64 },
    /// Keys are read, documents not kept.
    Sorting(Box<Sorter<u32>>),
    /// The documents at these ordinals are still to be returned, in this order.
    Fetching(std::vec::IntoIter<u32>),
}

impl Search {
    /// Begins a find at the present or at a snapshot; sort keys may take `max_sort_bytes`.
    ///
    /// # Errors
    /// `Invalid` for a hint that cannot be followed.
    pub(super) fn new(
        shared: &Arc<Shared>,
        query: Query,
        max_sort_bytes: usize,
        at: Option<&Snapshot>,
    ) -> Result<Self> {
        let sort = query.order();
        let bodies =
            if query.projection.is_without_fields() { Bodies::Envelope } else { Bodies::Wanted };
        let mut shown = PathTree::default();
        sort.add_paths(&mut shown);
        let mut access = Access::new(shared, &query, shown, at)?;
        let stage = if sort.is_none() || access.is_ordered() {
            let (skip, left) = (query.skip, query.limit.unwrap_or(u64::MAX));
            let skip = if access.cut(skip, left) { 0 } else { skip };
            Stage::Passing { skip, left }
        } else {
            Stage::Sorting(Box::new(Sorter::new(query.window(sort), max_sort_bytes)))
        };
        let taking = Taking { query, stage, ready: VecDeque::new() };
        Ok(Self { shared: Arc::clone(shared), progress: Some((access, taking)), bodies })
    }

    /// What is found, one after the other; at its end after an error.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Document>> + Send + 'static {
        Found::Ready(Box::new(self))
    }

    /// The next document of those that were read already.
    fn pop(&mut self) -> Option<Document> {
        self.progress.as_mut()?.1.ready.pop_front()
    }

    /// How many documents were read already and not given out.
    fn ready(&self) -> usize {
        self.progress.as_ref().map_or(0, |(_, taking)| taking.ready.len())
    }

    /// Whether nothing is left but what was read already.
    fn is_finished(&self) -> bool {
        self.progress.as_ref().is_none_or(|(access, taking)| taking.is_finished(access))
    }

    /// Reads the next slice.
    async fn read_on(&mut self) -> Result<()> {
        let Some((access, mut taking)) = self.progress.take() else { return Ok(()) };
        let (deadline, bodies) = (self.shared.deadline, self.bodies);
        self.progress = Some(match &mut taking.stage {
            Stage::Passing { .. } => {
                access.next_slice(bodies, deadline, taking, Taking::pass).await?
            }
            Stage::Sorting(_) if !access.is_finished() => {
                access.next_slice(Bodies::Ignored, deadline, taking, Taking::sort).await?
            }
            Stage::Sorting(_) => {
                taking.settle();
                (access, taking)
            }
            Stage::Fetching(_) => {
                let fetch = move || {
                    taking.fetch(&access, bodies)?;
                    Ok((access, taking))
                };
                in_time(deadline, fetch).await?
            }
        });
        Ok(())
    }

    /// Runs a query to its end and tells how it went.
    ///
    /// # Errors
    /// Those of the query.
    pub(super) async fn explain(
        shared: &Arc<Shared>,
        query: Query,
        max_sort_bytes: usize,
    ) -> Result<Explanation> {
        let start = Instant::now();
        let is_sorted = !query.order().is_none();
        let mut search = Self::new(shared, query, max_sort_bytes, None)?;
        let mut returned = 0;
        loop {
            while search.pop().is_some() {
                returned += 1;
            }
            if search.is_finished() {
                break;
            }
            search.read_on().await?;
        }
        let mut explanation = Explanation::of(None);
        if let Some((access, _)) = &search.progress {
            explanation = access.explain();
            explanation.sorted_in_memory = is_sorted && !access.is_ordered();
        }
        explanation.returned = returned;
        explanation.elapsed = start.elapsed();
        Ok(explanation)
    }
}

/// A find as a stream. Between two slices it has documents at hand, and giving those out is all that most
/// polls do.
enum Found {
    Ready(Box<Search>),
    Reading(BoxFuture<'static, Result<Box<Search>>>),
    Ended,
}

impl Stream for Found {
    type Item = Result<Document>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Ready(search) => {
                    if let Some(document) = search.pop() {
                        return Poll::Ready(Some(Ok(document)));
                    }
                    let Self::Ready(mut search) = std::mem::replace(&mut *self, Self::Ended) else {
                        return Poll::Ready(None);
                    };
                    if search.is_finished() {
                        return Poll::Ready(None);
                    }
                    *self = Self::Reading(Box::pin(async move {
                        search.read_on().await?;
                        Ok(search)
                    }));
                }
                Self::Reading(reading) => {
                    let read = ready!(reading.as_mut().poll(context));
                    match read {
                        Ok(search) => *self = Self::Ready(search),
                        Err(error) => {
                            *self = Self::Ended;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                Self::Ended => return Poll::Ready(None),
            }
        }
    }

    /// What was read already comes for certain.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Ready(search) => (search.ready(), None),
            Self::Reading(_) => (0, None),
            Self::Ended => (0, Some(0)),
        }
    }
}

impl Taking {
    fn is_finished(&self, access: &Access) -> bool {
        match &self.stage {
            Stage::Passing { left, .. } => *left == 0 || access.is_finished(),
            Stage::Sorting(_) => false,
            Stage::Fetching(rest) => rest.as_slice().is_empty(),
        }
    }

    fn pass(&mut self, mut matched: Match) -> Result<()> {
        let Stage::Passing { skip, left } = &mut self.stage else { return Ok(()) };
        if *skip > 0 {
            *skip -= 1;
        } else if *left > 0 {
            if self.ready.len() == self.ready.capacity() {
                // Documents are large to move when there turn out to be more.
                self.ready.reserve(usize::try_from(*left).map_or(SOME, |left| left.min(SOME)));
            }
            *left -= 1;
            self.query.show(&mut matched.document)?;
            self.ready.push_back(matched.document);
        }
        Ok(())
    }

    fn sort(&mut self, matched: Match) -> Result<()> {
        let Stage::Sorting(sorter) = &mut self.stage else { return Ok(()) };
        let key = sorter.sort().key(matched.fields());
        let key = key.map_err(|error| error.with("id", &matched.document.id))?;
        sorter.push(key, matched.document.id, matched.ordinal)
    }

    /// Puts what was sorted in its order.
    fn settle(&mut self) {
        let nothing = Stage::Fetching(Vec::new().into_iter());
        if let Stage::Sorting(sorter) = std::mem::replace(&mut self.stage, nothing) {
            self.stage = Stage::Fetching(sorter.finish().collect::<Vec<_>>().into_iter());
        }
    }

    fn fetch(&mut self, access: &Access, bodies: Bodies) -> Result<()> {
        let Stage::Fetching(rest) = &mut self.stage else { return Ok(()) };
        for document in access.fetch(bodies, rest)? {
            self.ready.push_back(self.query.shown(document)?);
        }
        Ok(())
    }
}
