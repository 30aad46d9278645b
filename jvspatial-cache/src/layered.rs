//! A cache in memory in front of another.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::cache::{Cache, Entry};
use crate::error::Result;
use crate::mark::Mark;
use crate::memory::MemoryCache;
use crate::statistics::{Statistics, merged};

/// How long the near tier keeps a value unless told otherwise.
const NEAR_TIME_TO_LIVE: Duration = Duration::from_secs(5);

/// A near tier in memory and a far tier that processes share.
///
/// What is found in the far tier is kept in the near one. A far tier that cannot be reached is a miss, and
/// what it was to keep it does not keep: no call fails for it, and it counts what it missed.
#[derive(Debug)]
pub struct Layered {
    near: Arc<MemoryCache>,
    far: Arc<dyn Cache>,
    near_time_to_live: Duration,
}

impl Layered {
    /// `near` in front of `far`.
    pub fn new(near: Arc<MemoryCache>, far: Arc<dyn Cache>) -> Self {
        Self { near, far, near_time_to_live: NEAR_TIME_TO_LIVE }
    }

    /// With values kept in the near tier for `time` at the longest. Default 5 s.
    ///
    /// This bounds how long a value is served that another process changed, for as long as nobody tells this
    /// one by calling [`forget_many`](Cache::forget_many) on the near tier.
    #[must_use]
    pub const fn near_time_to_live(mut self, time: Duration) -> Self {
        self.near_time_to_live = time;
        self
    }

    /// The near tier.
    pub const fn near(&self) -> &Arc<MemoryCache> {
        &self.near
    }

    /// The far tier.
    pub fn far(&self) -> &Arc<dyn Cache> {
        &self.far
    }

    fn near_time(&self, time_to_live: Option<Duration>) -> Option<Duration> {
        Some(time_to_live.map_or(self.near_time_to_live, |time| time.min(self.near_time_to_live)))
    }
}

/// Does something when it goes out of scope, also in a future that is dropped.
struct Finally<F: Fn()>(F);

impl<F: Fn()> Finally<F> {
    /// Does it now for the first time.
    fn and_now(action: F) -> Self {
        action();
        Self(action)
    }
}

impl<F: Fn()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[async_trait]
impl Cache for Layered {
    fn mark(&self) -> Mark {
        self.near.mark().above(self.far.mark())
    }

    async fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Entry>>> {
        // Before the far tier is read: what is forgotten meanwhile must not come back into the near one.
        let mark = self.near.mark();
        let mut found: Vec<_> = keys.iter().map(|key| self.near.get_now(key)).collect();
        let missing: Vec<usize> = (0..keys.len()).filter(|place| found[*place].is_none()).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let missing_keys: Vec<&[u8]> = missing.iter().map(|place| keys[*place]).collect();
        let Ok(far) = self.far.get_many(&missing_keys).await else { return Ok(found) };
        for (place, entry) in missing.into_iter().zip(far) {
            let Some(entry) = entry else { continue };
            self.near.set_newer_now(
                &mark,
                keys[place],
                entry.version,
                entry.value.clone(),
                self.near_time(None),
            );
            found[place] = Some(entry);
        }
        Ok(found)
    }

    async fn set_many(
        &self,
        entries: &[(&[u8], Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        // The near tier goes without until the far one has it, so that no promotion undoes this.
        let keys: Vec<&[u8]> = entries.iter().map(|(key, _)| *key).collect();
        {
            let _forget =
                Finally::and_now(|| keys.iter().for_each(|key| self.near.remove_now(key)));
            let _ = self.far.set_many(entries, time_to_live).await;
        }
        self.near.set_many(entries, self.near_time(time_to_live)).await
    }

    async fn set_newer_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        self.near.set_newer_many(mark, entries, self.near_time(time_to_live)).await?;
        let _ = self.far.set_newer_many(&mark.far(), entries, time_to_live).await;
        Ok(())
    }

    async fn forget_many(&self, keys: &[(&[u8], u64)]) -> Result<()> {
        // The near tier last: before the far one has forgotten, any read brings the value back from there.
        // It is also done first, which costs little and helps readers while the far tier takes its time.
        let _forget = Finally::and_now(|| {
            for (key, version) in keys {
                self.near.forget_now(key, *version);
            }
        });
        let _ = self.far.forget_many(keys).await;
        Ok(())
    }

    async fn remove_many(&self, keys: &[&[u8]]) -> Result<()> {
        // In the order of `forget_many`, for the same reason.
        let _forget = Finally::and_now(|| keys.iter().for_each(|key| self.near.remove_now(key)));
        let _ = self.far.remove_many(keys).await;
        Ok(())
    }

    async fn write_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        self.near.write_many(mark, entries, self.near_time(time_to_live)).await?;
        // Whatever came from the far tier before that has forgotten. The value just written stays.
        let _forget = Finally(|| {
            for (key, version, _) in entries {
                self.near.forget_now(key, *version);
            }
        });
        let _ = self.far.write_many(&mark.far(), entries, time_to_live).await;
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        // In the order of `forget_many`, for the same reason.
        let _forget = Finally::and_now(|| self.near.clear_now());
        let _ = self.far.clear().await;
        Ok(())
    }

    fn statistics(&self) -> Vec<Statistics> {
        let far = self.far.statistics();
        let mut rows = merged(self.near.statistics(), far.clone());
        for row in &mut rows {
            // Every read of the far tier is a miss of the near one, and is told once.
            let far = far.iter().find(|far| far.prefix == row.prefix);
            let (hits, misses) = far.map_or((0, 0), |far| (far.hits, far.misses));
            row.misses = row.misses.saturating_sub(hits + misses);
        }
        rows
    }
}
