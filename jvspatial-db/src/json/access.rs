//! The way to the documents that match: over all of a collection, or by the keys of an index.

use std::sync::Arc;
use std::time::Duration;

use super::in_time;
use super::index::Snapshot;
use super::index_scan::{IndexScan, choose};
use super::scan::{Bodies, Match, Scan};
use super::writer::Shared;
use crate::document::Document;
use crate::error::Result;
use crate::indexes::Explanation;
use crate::projection::PathTree;
use crate::query::Query;

/// Up to how many matches are few: a scan for them may end in its first documents.
const FEW: u64 = 64;

/// A pass over what may match, at one point in time.
#[derive(Debug)]
pub(super) enum Access {
    Collection(Box<Scan>),
    Index(Box<IndexScan>),
}

impl Access {
    /// The best way for a query, at the present or at a snapshot, which shows the paths `shown` of each match.
    ///
    /// # Errors
    /// `Invalid` for a hint that cannot be followed.
    pub(super) fn new(
        shared: &Arc<Shared>,
        query: &Query,
        shown: PathTree,
        at: Option<&Snapshot>,
    ) -> Result<Self> {
        let index = shared.index.read();
        if let Some(chosen) = choose(&index, query)? {
            let scan = IndexScan::new(shared, &index, chosen, query, shown, at);
            return Ok(Self::Index(Box::new(scan)));
        }
        drop(index);
        let (shared, filter) = (Arc::clone(shared), query.filter.clone());
        let mut scan = Scan::new(shared, query.collection, filter, shown, at);
        let wanted = query.limit.map(|limit| limit.saturating_add(query.skip));
        if query.order().is_none() && wanted.is_some_and(|wanted| wanted <= FEW) {
            scan.expect_few();
        }
        Ok(Self::Collection(Box::new(scan)))
    }

    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Collection(scan) => scan.is_finished(),
            Self::Index(scan) => scan.is_finished(),
        }
    }

    /// Whether it gives the order that was asked for, positions applied.
    pub(super) fn is_ordered(&self) -> bool {
        match self {
            Self::Collection(_) => false,
            Self::Index(scan) => scan.is_ordered(),
        }
    }

    /// Passes over the first `skip` matches and ends after `limit` more, if that can be told before they
    /// are read.
    pub(super) fn cut(&mut self, skip: u64, limit: u64) -> bool {
        match self {
            Self::Collection(_) => false,
            Self::Index(scan) => scan.cut(skip, limit),
        }
    }

    /// Reads the next slice and shows its matches to `see`, which gathers them in `gathered`.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`, and those of `see`.
    pub(super) async fn next_slice<T: Send + 'static>(
        self,
        bodies: Bodies,
        deadline: Duration,
        mut gathered: T,
        see: fn(&mut T, Match) -> Result<()>,
    ) -> Result<(Self, T)> {
        match self {
            Self::Collection(mut scan) => {
                let read = move || {
                    scan.next_slice(bodies, |matched| see(&mut gathered, matched))?;
                    Ok((Self::Collection(scan), gathered))
                };
                in_time(deadline, read).await
            }
            Self::Index(mut scan) => {
                let mut slice = scan.next_slice(bodies)?;
                // What the system has in memory is there sooner than another thread.
                if !slice.reading.read_cached()? {
                    let read = move || slice.reading.read_blocking().map(|()| slice);
                    slice = in_time(deadline, read).await?;
                }
                scan.take(slice, |matched| see(&mut gathered, matched))?;
                Ok((Self::Index(scan), gathered))
            }
        }
    }

    /// Counts the matches, each slice of them within `deadline`.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) async fn count(mut self, deadline: Duration) -> Result<u64> {
        let mut count = 0;
        while !self.is_finished() {
            let counted;
            (self, counted) = self.count_slice(deadline).await?;
            count += counted;
        }
        Ok(count)
    }

    /// Counts the matches of the next slice.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    async fn count_slice(self, deadline: Duration) -> Result<(Self, u64)> {
        match self {
            Self::Collection(mut scan) if scan.is_covered() => {
                let count = scan.count_covered();
                tokio::task::yield_now().await;
                Ok((Self::Collection(scan), count))
            }
            Self::Collection(mut scan) => {
                let read = move || scan.count_slice().map(|count| (Self::Collection(scan), count));
                in_time(deadline, read).await
            }
            Self::Index(mut scan) if scan.is_covered() => {
                let count = scan.count_covered()?;
                if !scan.is_finished() {
                    tokio::task::yield_now().await;
                }
                Ok((Self::Index(scan), count))
            }
            other => {
                let count = |count: &mut u64, _| {
                    *count += 1;
                    Ok(())
                };
                other.next_slice(Bodies::Ignored, deadline, 0, count).await
            }
        }
    }

    /// The documents of some of `ordinals` as they are in this pass, in that order. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn fetch(
        &self,
        bodies: Bodies,
        ordinals: &mut impl Iterator<Item = u32>,
    ) -> Result<Vec<Document>> {
        match self {
            Self::Collection(scan) => scan.fetch(bodies, ordinals),
            Self::Index(scan) => scan.fetch(bodies, ordinals),
        }
    }

    /// How it went so far; what only the query knows is left out.
    pub(super) fn explain(&self) -> Explanation {
        match self {
            Self::Collection(scan) => {
                let mut explanation = Explanation::of(None);
                explanation.documents_examined = scan.documents_examined;
                explanation
            }
            Self::Index(scan) => scan.explain(),
        }
    }
}
