//! What to find: a collection, a filter and bounds on the answer.

use crate::filter::Filter;
use crate::id::Collection;

/// A question to one collection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// Where to look.
    pub collection: Collection,
    /// What a document must look like.
    pub filter: Filter,
    /// How many documents to pass over first. Default: none.
    pub skip: u64,
    /// How many documents to return at most. Default: all.
    pub limit: Option<u64>,
}

impl Query {
    /// All documents of a collection that match `filter`.
    pub const fn new(collection: Collection, filter: Filter) -> Self {
        Self { collection, filter, skip: 0, limit: None }
    }

    /// Passes over the first `count` documents.
    #[must_use]
    pub const fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Returns at most `count` documents.
    #[must_use]
    pub const fn limit(mut self, count: u64) -> Self {
        self.limit = Some(count);
        self
    }
}
