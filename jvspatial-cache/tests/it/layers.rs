//! A cache in memory in front of another.

use std::sync::Arc;
use std::time::Duration;

use jvspatial_cache::{Cache, Layered, MemoryCache, MemoryOptions};

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
