//! What the cache of a graph has done.

/// What became of the documents and answers that a [`Graph`](crate::Graph) keeps: [`Graph::cache_statistics`](crate::Graph::cache_statistics).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Documents by their ids.
    pub entities: EntityStatistics,
    /// Answers of cached queries.
    pub queries: QueryStatistics,
}

/// What became of reads by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityStatistics {
    /// Answered from memory.
    pub hits: u64,
    /// Not kept.
    pub misses: u64,
    /// Kept, but changed since.
    pub stale: u64,
    /// Not kept for their size.
    pub oversize: u64,
    /// How many are kept, about.
    pub entries: u64,
    /// How many bytes they take, about.
    pub bytes: u64,
}

/// What became of calls of cached queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryStatistics {
    /// Answered from what was kept.
    pub hits: u64,
    /// Not kept.
    pub misses: u64,
    /// Kept, but something that was read has changed since, or the time was up.
    pub stale: u64,
    /// Bodies that ran, by calls or to refresh.
    pub loads: u64,
    /// Calls that waited for the body of another.
    pub coalesced: u64,
    /// Bodies that failed.
    pub failed: u64,
    /// Answers that something changed while they were computed, and so were handed out but not kept.
    pub outdated: u64,
    /// Those of the hits that were found in Redis and not in memory.
    pub far_hits: u64,
}
