//! The answers of cached queries.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use jvspatial_cache::SingleFlight;
use moka::sync::Cache;
use parking_lot::RwLock;

use super::cached_query::QueryOptions;
use super::kept::Kept;
use super::options::CacheOptions;
use super::statistics::QueryStatistics;

/// The hash of a query's name and arguments.
#[allow(unreachable_pub, reason = "generated code hands it on")]
pub type Key = u128;

/// The answers that a graph keeps, and the bodies that run.
#[derive(Debug)]
pub(super) struct Queries {
    kept: Cache<Key, Kept, RandomState>,
    pub(super) flights: SingleFlight<Key, Kept, ()>,
    /// What is computed again while its old answer is handed out.
    refreshing: RwLock<std::collections::HashSet<Key, RandomState>>,
    /// By path and owner.
    counts: RwLock<HashMap<(&'static str, &'static str), Arc<Counts>, RandomState>>,
}

/// What became of the calls of one query.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) loads: AtomicU64,
    pub(super) coalesced: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) outdated: AtomicU64,
}

impl Queries {
    pub(super) fn new(options: &CacheOptions) -> Self {
        let mut kept = Cache::builder()
            .max_capacity(options.query_bytes)
            .weigher(|_: &Key, kept: &Kept| kept.weight());
        if let Some(time) = options.time_to_live {
            kept = kept.time_to_live(time);
        }
        if let Some(time) = options.time_to_idle {
            kept = kept.time_to_idle(time);
        }
        Self {
            kept: kept.build_with_hasher(RandomState::default()),
            flights: SingleFlight::new(),
            refreshing: RwLock::default(),
            counts: RwLock::default(),
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<Kept> {
        self.kept.get(&key)
    }

    pub(super) fn keep(&self, key: Key, kept: Kept) {
        self.kept.insert(key, kept);
    }

    pub(super) fn forget(&self, key: Key) {
        self.flights.invalidate(&key);
        self.kept.invalidate(&key);
    }

    /// The right to compute the answer of `key` again while the old one is handed out; one at a time has it.
    pub(super) fn refresh(self: &Arc<Self>, key: Key) -> Option<Refreshing> {
        let is_first =
            !self.refreshing.read().contains(&key) && self.refreshing.write().insert(key);
        is_first.then(|| Refreshing { queries: Arc::clone(self), key })
    }

    pub(super) fn counts(&self, of: &QueryOptions) -> Arc<Counts> {
        let of = (of.name, of.owner);
        if let Some(counts) = self.counts.read().get(&of) {
            return Arc::clone(counts);
        }
        Arc::clone(self.counts.write().entry(of).or_default())
    }

    /// What became of all calls together.
    pub(super) fn statistics(&self) -> QueryStatistics {
        let mut all = QueryStatistics::default();
        for counts in self.counts.read().values() {
            let QueryStatistics { hits, misses, stale, loads, coalesced, failed, outdated } =
                counts.statistics();
            all.hits += hits;
            all.misses += misses;
            all.stale += stale;
            all.loads += loads;
            all.coalesced += coalesced;
            all.failed += failed;
            all.outdated += outdated;
        }
        all
    }
}

impl Counts {
    pub(super) fn statistics(&self) -> QueryStatistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        QueryStatistics {
            hits: of(&self.hits),
            misses: of(&self.misses),
            stale: of(&self.stale),
            loads: of(&self.loads),
            coalesced: of(&self.coalesced),
            failed: of(&self.failed),
            outdated: of(&self.outdated),
        }
    }
}

/// An answer is being computed again, until this is dropped.
pub(super) struct Refreshing {
    queries: Arc<Queries>,
    key: Key,
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.queries.refreshing.write().remove(&self.key);
    }
}
