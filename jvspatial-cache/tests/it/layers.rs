//! A cache in memory in front of another.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jvspatial_cache::{
    Cache, Entry, Layered, Mark, MemoryCache, MemoryOptions, Result, Statistics,
};
use tokio::sync::Semaphore;

fn tier() -> Arc<MemoryCache> {
    Arc::new(MemoryCache::new(MemoryOptions::default().max_value(65_536)))
}

async fn layered() -> (Arc<dyn Cache>, ()) {
    (Arc::new(Layered::new(tier(), tier())), ())
}

jvspatial_cache::conformance!(conformance, super::layered);

#[tokio::test]
async fn a_value_of_the_far_tier_is_kept_in_the_near_one_for_its_time() {
    let (near, far) = (tier(), tier());
    let layered = Layered::new(Arc::clone(&near), Arc::clone(&far) as Arc<dyn Cache>)
        .near_time_to_live(Duration::from_millis(100));
    far.set_newer_now(&far.mark(), b"k", 3, "three".into(), None);
    assert_eq!(layered.get(b"k").await.unwrap().unwrap().version, 3);
    assert_eq!(near.get_now(b"k").unwrap().version, 3);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(near.get_now(b"k"), None);
    assert_eq!(layered.get(b"k").await.unwrap().unwrap().version, 3);
}

#[tokio::test]
async fn a_read_is_counted_once_whichever_tier_answers() {
    let (near, far) = (tier(), tier());
    let layered = Layered::new(Arc::clone(&near), Arc::clone(&far) as Arc<dyn Cache>);
    far.set_newer_now(&far.mark(), b"n:1", 1, "one".into(), None);
    for key in [b"n:1", b"n:1", b"n:2"] {
        layered.get(key).await.unwrap();
    }
    let rows = layered.statistics();
    assert_eq!((rows[0].hits, rows[0].misses), (2, 1));
}

/// A far tier that takes its time to forget.
#[derive(Debug)]
struct Slow {
    memory: Arc<MemoryCache>,
    gate: Semaphore,
}

#[async_trait]
impl Cache for Slow {
    fn mark(&self) -> Mark {
        self.memory.mark()
    }

    async fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Entry>>> {
        self.memory.get_many(keys).await
    }

    async fn set_many(&self, entries: &[(&[u8], Bytes)], time: Option<Duration>) -> Result<()> {
        self.gate.acquire().await.unwrap().forget();
        self.memory.set_many(entries, time).await
    }

    async fn set_newer_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time: Option<Duration>,
    ) -> Result<()> {
        self.memory.set_newer_many(mark, entries, time).await
    }

    async fn forget_many(&self, keys: &[(&[u8], u64)]) -> Result<()> {
        self.gate.acquire().await.unwrap().forget();
        self.memory.forget_many(keys).await
    }

    async fn remove_many(&self, keys: &[&[u8]]) -> Result<()> {
        self.gate.acquire().await.unwrap().forget();
        self.memory.remove_many(keys).await
    }

    async fn clear(&self) -> Result<()> {
        self.gate.acquire().await.unwrap().forget();
        self.memory.clear().await
    }

    fn statistics(&self) -> Vec<Statistics> {
        self.memory.statistics()
    }
}

/// Every way to change what is under `k`, of which none leaves its value of version 1.
async fn change(cache: &dyn Cache, way: usize) {
    match way {
        0 => cache.forget(b"k", 2).await,
        1 => cache.remove(b"k").await,
        2 => cache.clear().await,
        3 => cache.set(b"k", "new".into(), None).await,
        _ => cache.write_many(&cache.mark(), &[(b"k", 2, "new".into())], None).await,
    }
    .unwrap();
}

#[tokio::test]
async fn a_far_tier_that_is_slow_to_forget_brings_nothing_back() {
    for (way, given_up) in (0..5).flat_map(|way| [(way, false), (way, true)]) {
        let (near, memory) = (tier(), tier());
        let far = Arc::new(Slow { memory: Arc::clone(&memory), gate: Semaphore::new(0) });
        let layered = Layered::new(Arc::clone(&near), Arc::clone(&far) as Arc<dyn Cache>);
        let layered = Arc::new(layered);
        layered.set_newer(&layered.mark(), b"k", 1, "old".into(), None).await.unwrap();
        let old = |entry: Option<Entry>| entry.is_some_and(|entry| entry.value == "old");
        let changing = tokio::spawn({
            let layered = Arc::clone(&layered);
            async move { change(&*layered, way).await }
        });
        tokio::task::yield_now().await;
        assert!(!old(near.get_now(b"k")), "way {way}: the near tier waits for the far one");
        // The far tier has not forgotten yet, so it still has the value, and the near one takes it.
        layered.get(b"k").await.unwrap();
        if given_up {
            changing.abort();
            assert!(changing.await.unwrap_err().is_cancelled());
            assert!(!old(near.get_now(b"k")), "way {way}: it stays when the caller gives up");
        } else {
            far.gate.add_permits(9);
            changing.await.unwrap();
            assert!(!old(layered.get(b"k").await.unwrap()), "way {way}: it came back");
        }
    }
}
