//! What a deployment says of the cache.

use std::fmt;
use std::time::Duration;

use jvspatial_db::config::{bytes, duration};
use serde::Deserialize;

use crate::cache::{CacheOptions, Strategy, WriteBehind};
use crate::error::Result;
#[cfg(not(feature = "redis"))]
use crate::error::{Error, ErrorKind};

/// How reads are cached. `Debug` does not show the URL.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// As [`CacheOptions::entity_bytes`].
    #[serde(deserialize_with = "bytes")]
    pub entity_bytes: Option<usize>,
    /// As [`CacheOptions::query_bytes`].
    #[serde(deserialize_with = "bytes")]
    pub query_bytes: Option<usize>,
    /// As [`CacheOptions::repository_bytes`].
    #[serde(deserialize_with = "bytes")]
    pub repository_bytes: Option<usize>,
    /// As [`CacheOptions::time_to_live`].
    #[serde(deserialize_with = "duration")]
    pub time_to_live: Option<Duration>,
    /// As [`CacheOptions::time_to_idle`].
    #[serde(deserialize_with = "duration")]
    pub time_to_idle: Option<Duration>,
    /// As [`CacheOptions::max_stale`].
    #[serde(deserialize_with = "duration")]
    pub max_stale: Option<Duration>,
    /// As [`CacheOptions::strict`].
    pub strict: Option<bool>,
    /// As [`CacheOptions::strategy`], with the defaults of [`WriteBehind`].
    pub strategy: Option<StrategyName>,
    /// Where Redis is, through which processes share what they keep: `redis://<host>:<port>/`. Needs the feature `redis`.
    pub redis_url: Option<String>,
    /// The namespace in Redis, one for each database. Default: `default`.
    pub redis_namespace: Option<String>,
}

/// What becomes of what is written, by the name that a deployment gives it: a [`Strategy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StrategyName {
    /// `cache-aside`: [`Strategy::CacheAside`].
    CacheAside,
    /// `write-through`: [`Strategy::WriteThrough`].
    WriteThrough,
    /// `write-behind`: [`Strategy::WriteBehind`]. What was acknowledged and not flushed is lost when the process is killed.
    WriteBehind,
}

impl From<StrategyName> for Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::CacheAside => Self::CacheAside,
            StrategyName::WriteThrough => Self::WriteThrough,
            StrategyName::WriteBehind => Self::WriteBehind(WriteBehind::new()),
        }
    }
}

impl CacheConfig {
    /// The options that these settings come to.
    ///
    /// # Errors
    /// `Invalid` for a URL of no Redis; `Unsupported` for any in a build without the feature `redis`.
    pub(crate) fn options(&self) -> Result<CacheOptions> {
        let mut options = CacheOptions::new();
        if let Some(bytes) = self.entity_bytes {
            options = options.entity_bytes(bytes as u64);
        }
        if let Some(bytes) = self.query_bytes {
            options = options.query_bytes(bytes as u64);
        }
        if let Some(bytes) = self.repository_bytes {
            options = options.repository_bytes(bytes as u64);
        }
        if let Some(time) = self.time_to_live {
            options = options.time_to_live(time);
        }
        if let Some(time) = self.time_to_idle {
            options = options.time_to_idle(time);
        }
        if let Some(time) = self.max_stale {
            options = options.max_stale(time);
        }
        if let Some(strict) = self.strict {
            options = options.strict(strict);
        }
        if let Some(strategy) = self.strategy {
            options = options.strategy(strategy.into());
        }
        self.with_redis(options)
    }

    #[cfg(feature = "redis")]
    fn with_redis(&self, options: CacheOptions) -> Result<CacheOptions> {
        let Some(url) = &self.redis_url else { return Ok(options) };
        let redis = jvspatial_cache::RedisOptions::new(url).map_err(crate::cache::refused)?;
        Ok(options.redis(match &self.redis_namespace {
            Some(namespace) => redis.namespace(namespace),
            None => redis,
        }))
    }

    #[cfg(not(feature = "redis"))]
    fn with_redis(&self, options: CacheOptions) -> Result<CacheOptions> {
        if self.redis_url.is_none() {
            return Ok(options);
        }
        Err(Error::new(ErrorKind::Unsupported, "this build has no Redis")
            .with("setting", "cache.redis_url")
            .with("expected", "the feature `redis`"))
    }
}

impl fmt::Debug for CacheConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheConfig")
            .field("entity_bytes", &self.entity_bytes)
            .field("query_bytes", &self.query_bytes)
            .field("repository_bytes", &self.repository_bytes)
            .field("time_to_live", &self.time_to_live)
            .field("time_to_idle", &self.time_to_idle)
            .field("max_stale", &self.max_stale)
            .field("strict", &self.strict)
            .field("strategy", &self.strategy)
            .field("redis_url", &self.redis_url.as_ref().map(|_| "***"))
            .field("redis_namespace", &self.redis_namespace)
            .finish()
    }
}
