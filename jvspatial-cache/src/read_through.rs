//! Get a value, or load it once for all who want it.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Entry};
use crate::flight::{How, LoadError, SingleFlight};
use crate::statistics::{Event, Recorder, Statistics};

/// A cache together with the loads that fill it.
///
/// Each key is loaded once for all who want it at the same time, and a value that was invalidated while it
/// was loaded is handed to those who asked before, but not kept. A cache that cannot be reached is a miss.
#[derive(Debug)]
pub struct ReadThrough<E> {
    cache: Arc<dyn Cache>,
    flights: SingleFlight<Box<[u8]>, Entry, E>,
    recorder: Recorder,
    #[cfg(feature = "redis")]
    leases: Option<(crate::RedisCache, Duration)>,
}

impl<E> ReadThrough<E> {
    /// Loads into `cache`.
    pub fn new(cache: Arc<dyn Cache>) -> Self {
        Self {
            cache,
            flights: SingleFlight::new(),
            recorder: Recorder::default(),
            #[cfg(feature = "redis")]
            leases: None,
        }
    }

    /// With one load for all processes that share `redis`: while one of them loads, for `time` at the longest,
    /// the others wait for its value. While Redis is away each loads for itself.
    ///
    /// The cache that is filled has to have `redis` for its far tier, or be it.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn leases(mut self, redis: crate::RedisCache, time: Duration) -> Self {
        self.leases = Some((redis, time));
        self
    }

    /// The cache that is filled.
    pub fn cache(&self) -> &Arc<dyn Cache> {
        &self.cache
    }

    /// The value of `key` in the cache, or what `load` brings, which is kept for `time_to_live` at the
    /// longest.
    ///
    /// Dropping the future leaves the load to a call that waits for it.
    ///
    /// # Errors
    /// Those of [`SingleFlight::run`]. An error is not kept.
    ///
    /// # Panics
    /// As `load` does, when it is this call that runs it.
    pub async fn get_or_load<F>(
        &self,
        key: &[u8],
        time_to_live: Option<Duration>,
        load: impl FnOnce() -> F,
    ) -> Result<Entry, LoadError<E>>
    where
        F: Future<Output = Result<Entry, E>>,
    {
        if let Ok(Some(entry)) = self.cache.get(key).await {
            return Ok(entry);
        }
        let cache = &*self.cache;
        let load = || async move {
            #[cfg(feature = "redis")]
            let _lease = self.lease(key).await;
            let mark = cache.mark();
            // Another may have filled it between the miss and this flight, or while it had the lease.
            if let Ok(Some(entry)) = cache.get(key).await {
                return Ok(entry);
            }
            self.recorder.count(key, Event::Load);
            let entry = load().await?;
            // A cache that cannot keep it counts that itself, and the value is right without it.
            let _ =
                cache.set_newer(&mark, key, entry.version, entry.value.clone(), time_to_live).await;
            Ok(entry)
        };
        let (entry, how) = self.flights.run(&key.into(), |_| None, load, |_, _| ()).await?;
        if how == How::Joined {
            self.recorder.count(key, Event::Coalesced);
        }
        Ok(entry)
    }

    /// Waits until this process may load `key`, or until there is a value that another loaded.
    #[cfg(feature = "redis")]
    async fn lease(&self, key: &[u8]) -> Option<crate::Lease> {
        /// Between two looks, which grow apart.
        const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

        let (redis, time) = self.leases.as_ref()?;
        let began = std::time::Instant::now();
        let mut pause = PAUSES.0;
        while began.elapsed() < *time {
            if let Some(lease) = redis.lease(key, *time).await.ok()? {
                return Some(lease);
            }
            if let Ok(Some(_)) = self.cache.get(key).await {
                return None;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        None
    }

    /// Forgets the value of `key` and overtakes the load of it. Call it after a write has committed.
    ///
    /// # Errors
    /// Those of [`Cache::remove`].
    pub async fn invalidate(&self, key: &[u8]) -> crate::Result<()> {
        self.flights.invalidate(&key.into());
        self.cache.remove(key).await
    }

    /// Forgets everything and overtakes every load.
    ///
    /// # Errors
    /// Those of [`Cache::clear`].
    pub async fn invalidate_all(&self) -> crate::Result<()> {
        self.flights.invalidate_all();
        self.cache.clear().await
    }

    /// What the cache counted, and the loads and shared loads of this object.
    pub fn statistics(&self) -> Vec<Statistics> {
        crate::statistics::merged(self.cache.statistics(), self.recorder.statistics())
    }
}
