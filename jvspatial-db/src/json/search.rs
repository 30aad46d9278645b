//! One find: a scan whose matches are returned as they come, or sorted first.

use std::collections::VecDeque;
use std::sync::Arc;

use super::scan::{Bodies, Scan};
use super::writer::Shared;
use crate::document::Document;
use crate::error::Result;
use crate::query::Query;
use crate::sort::Sorter;

/// A find in progress; it goes on slice by slice.
#[derive(Debug)]
pub(super) struct Search {
    scan: Scan,
    query: Query,
    bodies: Bodies,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Matches are returned in the order of the scan, after `skip` of them at most `left`.
    Passing { skip: u64, left: u64 },
    /// Keys are read, documents not kept.
    Sorting(Box<Sorter<u32>>),
    /// The documents at these ordinals are still to be returned, in this order.
    Fetching(std::vec::IntoIter<u32>),
}

impl Search {
    pub(super) fn new(shared: &Arc<Shared>, query: Query, max_sort_bytes: usize) -> Self {
        let sort = query.order();
        let bodies =
            if query.projection.is_without_fields() { Bodies::Envelope } else { Bodies::Wanted };
        let (collection, filter) = (query.collection, query.filter.clone());
        let scan = Scan::new(Arc::clone(shared), collection, filter, |paths| {
            sort.add_paths(paths);
        });
        let stage = if sort.is_none() {
            Stage::Passing { skip: query.skip, left: query.limit.unwrap_or(u64::MAX) }
        } else {
            Stage::Sorting(Box::new(Sorter::new(query.window(sort), max_sort_bytes)))
        };
        Self { scan, query, bodies, stage }
    }

    pub(super) fn is_finished(&self) -> bool {
        match &self.stage {
            Stage::Passing { left, .. } => *left == 0 || self.scan.is_finished(),
            Stage::Sorting(_) => false,
            Stage::Fetching(rest) => rest.as_slice().is_empty(),
        }
    }

    /// Does the next slice of the work and appends the documents it yields, if any. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; `Invalid` and `Limit` when the matches cannot be sorted.
    pub(super) fn next_slice(&mut self, found: &mut VecDeque<Document>) -> Result<()> {
        let Self { scan, query, bodies, stage } = self;
        match stage {
            Stage::Passing { skip, left } => scan.next_slice(*bodies, |matched| {
                if *skip > 0 {
                    *skip -= 1;
                } else if *left > 0 {
                    *left -= 1;
                    found.push_back(query.shown(matched.document)?);
                }
                Ok(())
            }),
            Stage::Sorting(sorter) if !scan.is_finished() => {
                scan.next_slice(Bodies::Ignored, |matched| {
                    let id = matched.document.id;
                    let key = sorter.sort().key(&matched.fields);
                    let key = key.map_err(|error| error.with("id", &id))?;
                    sorter.push(key, id, matched.ordinal)
                })
            }
            Stage::Sorting(_) => {
                let fetching = Stage::Fetching(Vec::new().into_iter());
                if let Stage::Sorting(sorter) = std::mem::replace(stage, fetching) {
                    *stage = Stage::Fetching(sorter.finish().collect::<Vec<_>>().into_iter());
                }
                Ok(())
            }
            Stage::Fetching(rest) => {
                for document in scan.fetch(*bodies, rest)? {
                    found.push_back(query.shown(document)?);
                }
                Ok(())
            }
        }
    }
}
