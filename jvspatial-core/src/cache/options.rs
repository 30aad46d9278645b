//! What of a graph is kept, and for how long.

use std::time::Duration;

#[cfg(feature = "redis")]
use jvspatial_cache::RedisOptions;
use jvspatial_db::Database;

use super::strategy::Strategy;
use crate::error::{Error, ErrorKind, Result};

/// How a [`Graph`](crate::Graph) keeps what was read: [`GraphBuilder::cache`](crate::GraphBuilder::cache).
///
/// ```
/// use std::time::Duration;
/// use jvspatial_core::CacheOptions;
///
/// let options = CacheOptions::new().entity_bytes(256 << 20).time_to_idle(Duration::from_secs(600));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are handed to a `GraphBuilder`"]
pub struct CacheOptions {
    pub(crate) entity_bytes: u64,
    pub(crate) query_bytes: u64,
    /// Room for each type whose methods are cached queries.
    pub(crate) repository_bytes: Option<u64>,
    /// Room for single ones, by their names.
    pub(crate) repositories: Vec<(&'static str, u64)>,
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) time_to_idle: Option<Duration>,
    pub(crate) negative: Duration,
    pub(crate) max_stale: Duration,
    pub(crate) strategy: Strategy,
    pub(crate) strict: bool,
    #[cfg(feature = "redis")]
    pub(crate) redis: Option<RedisOptions>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            entity_bytes: 0,
            query_bytes: 64 << 20,
            repository_bytes: None,
            repositories: Vec::new(),
            time_to_live: None,
            time_to_idle: None,
            negative: Duration::from_secs(5),
            max_stale: Duration::from_secs(5),
            strategy: Strategy::CacheAside,
            strict: false,
            #[cfg(feature = "redis")]
            redis: None,
        }
    }
}

impl CacheOptions {
    /// Refuses what cannot be kept on `database`.
    pub(crate) fn check(&self, database: &dyn Database) -> Result<()> {
        #[cfg(feature = "redis")]
        let asks = self.redis.is_some();
        #[cfg(not(feature = "redis"))]
        let asks = false;
        if self.strict && !asks && database.capabilities().shared {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a strict cache asks Redis, and none is named",
            )
            .with("setting", "cache.strict")
            .with("expected", "cache.redis_url"));
        }
        Ok(())
    }

    /// Answers of cached queries are kept in 64 MiB, single documents are not kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes of documents are kept by their ids, about. Default: 0, none. An eighth of it is the most that a
    /// document may have to be kept. It pays where a read goes over a network; an embedded database keeps its own.
    pub fn entity_bytes(mut self, bytes: u64) -> Self {
        self.entity_bytes = bytes;
        self
    }

    /// How many bytes of answers of cached queries are kept, about. Default: 64 MiB; 0 keeps none.
    pub fn query_bytes(mut self, bytes: u64) -> Self {
        self.query_bytes = bytes;
        self
    }

    /// Gives the answers of the methods of each type room for so many bytes of its own, about, so that no type takes that of
    /// another. Functions that are no methods share [`query_bytes`](Self::query_bytes); what is kept is then at most both
    /// together, the former once for each type. Default: all share `query_bytes`.
    pub fn repository_bytes(mut self, bytes: u64) -> Self {
        self.repository_bytes = Some(bytes);
        self
    }

    /// Gives the answers of the methods of `T` room for so many bytes of their own, about, whatever is said of all types. With
    /// 0 none of them is kept.
    pub fn repository<T: ?Sized>(mut self, bytes: u64) -> Self {
        self.repositories.push((std::any::type_name::<T>(), bytes));
        self
    }

    /// For how long a document or answer is kept at the longest. Default: until it changes or others need its place.
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = Some(time);
        self
    }

    /// For how long a document or answer is kept that nobody asks for. Default: until it changes or others need its
    /// place.
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.time_to_idle = Some(time);
        self
    }

    /// For how long it is kept that there is no document of an id. Default: 5 s.
    pub fn negative(mut self, time: Duration) -> Self {
        self.negative = time;
        self
    }

    /// For how long after a change by another process what was kept may still be served, at the longest, whatever becomes of
    /// the connections. Default: 5 s. Changes by this process show at once.
    pub fn max_stale(mut self, time: Duration) -> Self {
        self.max_stale = time;
        self
    }

    /// What becomes of what is written. Default: [`Strategy::CacheAside`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Whether Redis is asked, each time a document or answer is found in memory, if anybody has changed it: what a write of any
    /// process has told before it returned is then never read as it was before. Default: no, it is known within
    /// [`max_stale`](Self::max_stale).
    ///
    /// It costs a round trip to Redis for each answer, document and chunk of documents that is found; while Redis is away the database is asked.
    /// A database that other processes share needs Redis for it: `CacheOptions::redis`.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Shares documents with other processes through Redis, and learns there what they change. Default: what others
    /// change is learned from the change feed of the database, where it has one.
    ///
    /// All graphs that share a [namespace](RedisOptions::namespace) must be on the same database, and all processes that
    /// write to it through a graph with a cache must share the namespace. Its `max_stale` is that of these options.
    #[cfg(feature = "redis")]
    pub fn redis(mut self, options: RedisOptions) -> Self {
        self.redis = Some(options);
        self
    }
}
