//! The answers of cached queries.

#[cfg(feature = "redis")]
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use jvspatial_cache::SingleFlight;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use parking_lot::RwLock;

use super::cached_query::QueryOptions;
use super::counter::Counter;
use super::kept::Kept;
use super::options::CacheOptions;
use super::rows::Rows;
use super::statistics::{PrefixStatistics, QueryStatistics};

/// The hash of a query's name and arguments.
#[allow(unreachable_pub, reason = "generated code hands it on")]
pub type Key = u128;

/// The answers that a graph keeps, and the bodies that run.
#[derive(Debug)]
pub(super) struct Queries {
    /// Those that share the room.
    kept: Answers,
    /// Those of the methods of types with room of their own.
    repositories: Option<Repositories>,
    pub(super) flights: SingleFlight<Key, Kept, ()>,
    /// What is computed again while its old answer is handed out.
    refreshing: RwLock<std::collections::HashSet<Key, RandomState>>,
    /// What is being removed from where processes share it, and not to be found there meanwhile.
    #[cfg(feature = "redis")]
    removing: RwLock<HashMap<Key, usize, RandomState>>,
    /// For how long an answer is kept at the longest, from the end of its load on.
    time_to_live: Option<Duration>,
    /// By path and owner.
    counts: Rows<(&'static str, &'static str), Arc<Counts>>,
}

/// What became of the calls of one query.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: Counter,
    pub(super) misses: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) loads: AtomicU64,
    pub(super) coalesced: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) outdated: AtomicU64,
    pub(super) far_hits: AtomicU64,
    evictions: AtomicU64,
    bytes: AtomicU64,
}

/// Answers by their keys, in a room of their own.
type Answers = Cache<Key, (Kept, Arc<Counts>), RandomState>;

/// The rooms of types whose methods are cached queries.
#[derive(Debug)]
struct Repositories {
    options: CacheOptions,
    rooms: Rows<&'static str, Option<Answers>>,
}

impl Queries {
    pub(super) fn new(options: &CacheOptions) -> Self {
        let has_rooms = options.repository_bytes.is_some() || !options.repositories.is_empty();
        let repositories =
            has_rooms.then(|| Repositories { options: options.clone(), rooms: Rows::new(None) });
        Self {
            kept: room(options, options.query_bytes),
            repositories,
            flights: SingleFlight::new(),
            refreshing: RwLock::default(),
            #[cfg(feature = "redis")]
            removing: RwLock::default(),
            time_to_live: options.time_to_live,
            counts: Rows::new(Arc::default()),
        }
    }

    pub(super) fn get(&self, of: &QueryOptions, key: Key) -> Option<Kept> {
        let (kept, _) = self.room(of).get(&key)?;
        // One that another process computed is older than its place here.
        self.time_to_live.is_none_or(|time| kept.age() < time).then_some(kept)
    }

    #[cfg(feature = "redis")]
    pub(super) const fn time_to_live(&self) -> Option<Duration> {
        self.time_to_live
    }

    pub(super) fn keep(&self, of: &QueryOptions, key: Key, kept: Kept) {
        let counts = self.counts(of);
        counts.bytes.fetch_add(u64::from(kept.weight()), Ordering::Relaxed);
        self.room(of).insert(key, (kept, counts));
    }

    pub(super) fn forget(&self, of: &QueryOptions, key: Key) {
        self.flights.invalidate(&key);
        self.room(of).invalidate(&key);
    }

    /// Where the answers of a query are kept.
    fn room(&self, of: &QueryOptions) -> &Answers {
        let Some(own) = &self.repositories else { return &self.kept };
        let make = || {
            let named = own.options.repositories.iter().rev().find(|(owner, _)| *owner == of.owner);
            let bytes = named.map(|(_, bytes)| *bytes);
            // A function that is no method has no repository.
            let bytes = bytes.or(own.options.repository_bytes.filter(|_| !of.owner.is_empty()))?;
            Some(room(&own.options, bytes))
        };
        own.rooms.of(of.owner, make).as_ref().unwrap_or(&self.kept)
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
        Arc::clone(self.counts.of((of.name, of.owner), Arc::default))
    }

    /// What became of all calls together.
    pub(super) fn statistics(&self) -> QueryStatistics {
        let mut all = QueryStatistics::default();
        for (_, counts) in self.counts.iter() {
            let one = counts.statistics();
            all.hits += one.hits;
            all.misses += one.misses;
            all.stale += one.stale;
            all.loads += one.loads;
            all.coalesced += one.coalesced;
            all.failed += one.failed;
            all.outdated += one.outdated;
            all.far_hits += one.far_hits;
            all.evictions += one.evictions;
            all.bytes += one.bytes;
        }
        all
    }

    /// A row for each query.
    pub(super) fn by_query(&self) -> Vec<PrefixStatistics> {
        self.settle();
        let row = |(name, counts): (Option<&(&'static str, &'static str)>, &Arc<Counts>)| {
            let (name, owner) = name.copied().unwrap_or_default();
            let of = counts.statistics();
            PrefixStatistics {
                prefix: name.to_owned(),
                owner,
                hits: of.hits,
                misses: of.misses,
                loads: of.loads,
                coalesced: of.coalesced,
                stale: of.stale,
                evictions: of.evictions,
                bytes: of.bytes,
            }
        };
        let rows = self.counts.iter().map(row);
        rows.filter(|row| *row != PrefixStatistics::default()).collect()
    }

    /// Takes out what was given up.
    fn settle(&self) {
        self.kept.run_pending_tasks();
        let own = self.repositories.iter().flat_map(|own| own.rooms.iter());
        own.filter_map(|(_, room)| room.as_ref()).for_each(Cache::run_pending_tasks);
    }
}

/// Room for `bytes` of answers.
fn room(options: &CacheOptions, bytes: u64) -> Answers {
    let mut kept = Cache::builder()
        .max_capacity(bytes)
        .weigher(|_: &Key, (kept, _): &(Kept, Arc<Counts>)| kept.weight())
        .eviction_listener(|_, (kept, counts): (Kept, Arc<Counts>), cause| {
            counts.bytes.fetch_sub(u64::from(kept.weight()), Ordering::Relaxed);
            if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                counts.evictions.fetch_add(1, Ordering::Relaxed);
            }
        });
    if let Some(time) = options.time_to_live {
        kept = kept.time_to_live(time);
    }
    if let Some(time) = options.time_to_idle {
        kept = kept.time_to_idle(time);
    }
    kept.build_with_hasher(RandomState::default())
}

impl Counts {
    pub(super) fn statistics(&self) -> QueryStatistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        QueryStatistics {
            hits: self.hits.get(),
            misses: of(&self.misses),
            stale: of(&self.stale),
            loads: of(&self.loads),
            coalesced: of(&self.coalesced),
            failed: of(&self.failed),
            outdated: of(&self.outdated),
            far_hits: of(&self.far_hits),
            evictions: of(&self.evictions),
            bytes: of(&self.bytes),
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
