//! The cache in memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jvspatial_cache::{Cache, MemoryCache, MemoryOptions};

async fn memory() -> (Arc<dyn Cache>, ()) {
    (Arc::new(MemoryCache::new(MemoryOptions::default().max_value(65_536))), ())
}

jvspatial_cache::conformance!(conformance, super::memory);

#[tokio::test]
async fn its_weight_stays_within_the_bound() {
    let cache = MemoryCache::new(MemoryOptions::default().capacity(1 << 20));
    for n in 0..10_000_u32 {
        cache.set_newer_now(&cache.mark(), &n.to_be_bytes(), 1, Bytes::from(vec![0; 1_000]), None);
    }
    let weight = cache.weight();
    assert!(weight <= 1 << 20, "{weight} bytes");
    let rows = cache.statistics();
    assert!(rows[0].evictions > 8_000, "{rows:?}");
    assert!(rows[0].bytes <= 1 << 20, "{rows:?}");
}

#[tokio::test]
async fn the_bytes_of_a_prefix_go_with_its_values() {
    let cache = MemoryCache::default();
    for version in 1..=3 {
        cache.set_newer_now(&cache.mark(), b"n:1", version, Bytes::from(vec![0; 100]), None);
    }
    assert_eq!(cache.statistics()[0].bytes, 100);
    cache.forget_now(b"n:1", 9);
    assert_eq!(cache.statistics()[0].bytes, 0);
    assert_eq!(cache.statistics()[0].bytes_written, 300);
}

#[tokio::test]
async fn a_value_that_nobody_reads_goes_and_one_that_is_read_stays() {
    let idle = Some(Duration::from_millis(300));
    let cache = MemoryCache::new(MemoryOptions::default().time_to_idle(idle));
    cache.set(b"read", "r".into(), None).await.unwrap();
    cache.set(b"idle", "i".into(), None).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(cache.get_now(b"read").is_some());
    }
    assert!(cache.get_now(b"idle").is_none());
}

#[tokio::test]
async fn a_fence_outlives_the_eviction_of_everything() {
    let cache = MemoryCache::new(MemoryOptions::default().capacity(10_000));
    let mark = cache.mark();
    cache.forget_now(b"k", 2);
    for n in 0..1_000_u32 {
        cache.set_newer_now(&cache.mark(), &n.to_be_bytes(), 1, Bytes::from(vec![0; 500]), None);
        cache.get_now(&n.to_be_bytes());
    }
    cache.weight();
    cache.set_newer_now(&mark, b"k", 1, "stale".into(), None);
    assert_eq!(cache.get_now(b"k"), None);
}
