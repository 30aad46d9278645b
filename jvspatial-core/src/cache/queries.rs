//! The answers of cached queries.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
    /// What is being removed from where processes share it, and not to be found there meanwhile.
    #[cfg(feature = "redis")]
    removing: RwLock<HashMap<Key, usize, RandomState>>,
    /// For how long an answer is kept at the longest, from the end of its load on.
    time_to_live: Option<Duration>,
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
    pub(super) far_hits: AtomicU64,
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
            #[cfg(feature = "redis")]
            removing: RwLock::default(),
            time_to_live: options.time_to_live,
            counts: RwLock::default(),
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<Kept> {
        // One that another process computed is older than its place here.
        self.kept.get(&key).filter(|kept| self.time_to_live.is_none_or(|time| kept.age() < time))
    }

    #[cfg(feature = "redis")]
    pub(super) const fn time_to_live(&self) -> Option<Duration> {
        self.time_to_live
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

    /// Has the answer of `key` not be looked for among those that processes share, until what comes is dropped.
    #[cfg(feature = "redis")]
    pub(super) fn removing(self: &Arc<Self>, key: Key) -> Removing {
        *self.removing.write().entry(key).or_default() += 1;
        Removing { queries: Arc::clone(self), key }
    }

    #[cfg(feature = "redis")]
    pub(super) fn is_being_removed(&self, key: Key) -> bool {
        self.removing.read().contains_key(&key)
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
            let QueryStatistics {
                hits,
                misses,
                stale,
                loads,
                coalesced,
                failed,
                outdated,
                far_hits,
            } = counts.statistics();
            all.hits += hits;
            all.misses += misses;
            all.stale += stale;
            all.loads += loads;
            all.coalesced += coalesced;
            all.failed += failed;
            all.outdated += outdated;
            all.far_hits += far_hits;
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
            far_hits: of(&self.far_hits),
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

/// An answer is being removed from where processes share it, until this is dropped.
#[cfg(feature = "redis")]
pub(super) struct Removing {
    queries: Arc<Queries>,
    key: Key,
}

#[cfg(feature = "redis")]
impl Drop for Removing {
    fn drop(&mut self) {
        let mut removing = self.queries.removing.write();
        if let Some(count) = removing.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                removing.remove(&self.key);
            }
        }
    }
}
