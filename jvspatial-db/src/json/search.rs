//! One find: matches that are returned as they come, or sorted first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::access::Access;
use super::in_time;
use super::scan::{Bodies, Match};
use super::writer::Shared;
use crate::document::Document;
use crate::error::Result;
use crate::indexes::Explanation;
use crate::projection::PathTree;
use crate::query::Query;
use crate::sort::Sorter;

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
    /// Begins a find at the present; sort keys may take `max_sort_bytes`.
    ///
    /// # Errors
    /// `Invalid` for a hint that cannot be followed.
    pub(super) fn new(shared: &Arc<Shared>, query: Query, max_sort_bytes: usize) -> Result<Self> {
        let sort = query.order();
        let bodies =
            if query.projection.is_without_fields() { Bodies::Envelope } else { Bodies::Wanted };
        let mut shown = PathTree::default();
        sort.add_paths(&mut shown);
        let mut access = Access::new(shared, &query, shown)?;
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

    /// The next document.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; `Invalid` and `Limit` when the matches cannot be sorted.
    pub(super) async fn next(mut self) -> Result<Option<(Document, Self)>> {
        Ok(self.advance().await?.map(|document| (document, self)))
    }

    async fn advance(&mut self) -> Result<Option<Document>> {
        loop {
            let Some((access, taking)) = &mut self.progress else { return Ok(None) };
            if let Some(document) = taking.ready.pop_front() {
                return Ok(Some(document));
            }
            if taking.is_finished(access) {
                return Ok(None);
            }
            let Some((access, mut taking)) = self.progress.take() else { return Ok(None) };
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
        }
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
        let mut search = Self::new(shared, query, max_sort_bytes)?;
        let mut returned = 0;
        while search.advance().await?.is_some() {
            returned += 1;
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

impl Taking {
    fn is_finished(&self, access: &Access) -> bool {
        match &self.stage {
            Stage::Passing { left, .. } => *left == 0 || access.is_finished(),
            Stage::Sorting(_) => false,
            Stage::Fetching(rest) => rest.as_slice().is_empty(),
        }
    }

    fn pass(&mut self, matched: Match) -> Result<()> {
        let Stage::Passing { skip, left } = &mut self.stage else { return Ok(()) };
        if *skip > 0 {
            *skip -= 1;
        } else if *left > 0 {
            *left -= 1;
            self.ready.push_back(self.query.shown(matched.document)?);
        }
        Ok(())
    }

    fn sort(&mut self, matched: Match) -> Result<()> {
        let Stage::Sorting(sorter) = &mut self.stage else { return Ok(()) };
        let id = matched.document.id;
        let key = sorter.sort().key(&matched.fields).map_err(|error| error.with("id", &id))?;
        sorter.push(key, id, matched.ordinal)
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
