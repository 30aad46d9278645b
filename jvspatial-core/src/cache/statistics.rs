//! What the cache of a graph has done.

/// What became of the documents and answers that a [`Graph`](crate::Graph) keeps: [`Graph::cache_statistics`](crate::Graph::cache_statistics).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Documents by their ids.
    pub entities: EntityStatistics,
    /// Answers of cached queries.
    pub queries: QueryStatistics,
    /// Both apart: a row for each type of entity and for each cached query that was asked for, sorted by prefix and owner. Of
    /// 512 types and queries at the most; the rest of either counts in a row with an empty prefix.
    pub prefixes: Vec<PrefixStatistics>,
    /// Writes that are acknowledged before they are written; all zero without them.
    pub write_behind: WriteBehindStatistics,
}

/// What became of operations that are acknowledged before they are written: [`Strategy::WriteBehind`](crate::Strategy::WriteBehind).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteBehindStatistics {
    /// Acknowledged.
    pub accepted: u64,
    /// Written after that.
    pub written: u64,
    /// Refused by the database after that.
    pub refused: u64,
    /// How often batches were tried again.
    pub retried: u64,
    /// Operations that wait to be written.
    pub pending: u64,
    /// The bytes of their fields.
    pub pending_bytes: u64,
}

impl CacheStatistics {
    /// The row of `prefix`, and of a method that of `owner`; all zero where nothing was asked for.
    pub fn prefix(&self, prefix: &str, owner: &str) -> PrefixStatistics {
        let is_it = |row: &&PrefixStatistics| row.prefix == prefix && row.owner == owner;
        self.prefixes.iter().find(is_it).cloned().unwrap_or_default()
    }
}

/// What became of the reads of one type of entity by id, or of the calls of one cached query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrefixStatistics {
    /// What the ids of the type begin with, such as `n.City.`, or the path of the function.
    pub prefix: String,
    /// The type that the function is a method of; empty for other functions and for entities.
    pub owner: &'static str,
    /// Answered from what was kept.
    pub hits: u64,
    /// Not kept.
    pub misses: u64,
    /// Documents that were read because of that, or bodies that ran.
    pub loads: u64,
    /// Reads or calls that waited for the load of another.
    pub coalesced: u64,
    /// Kept, but no longer true.
    pub stale: u64,
    /// Documents or answers that made room for others, or whose time was up.
    pub evictions: u64,
    /// How many bytes those take that are kept, about.
    pub bytes: u64,
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
    /// Documents that were read because they were not kept or not true.
    pub loads: u64,
    /// Reads that waited for the load of another.
    pub coalesced: u64,
    /// Not kept for their size.
    pub oversize: u64,
    /// Made room for others, or their time was up.
    pub evictions: u64,
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
    /// Answers that made room for others, or whose time was up.
    pub evictions: u64,
    /// How many bytes the answers take that are kept, about.
    pub bytes: u64,
}
