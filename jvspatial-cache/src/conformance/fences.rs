//! An older value never comes after a newer one, whoever brings it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Random, entry, keep, read};
use crate::Cache;

/// Rounds of the random tests, ten tasks each.
const ROUNDS: u64 = 1_000;

pub async fn an_older_version_never_replaces_a_newer_one(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 5, "five").await;
    keep(&*cache, b"k:1", 4, "four").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(5, "five"));
    keep(&*cache, b"k:1", 5, "five again").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(5, "five again"));
    keep(&*cache, b"k:1", 6, "six").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(6, "six"));
}

pub async fn an_older_version_never_replaces_a_newer_one_under_any_interleaving(
    cache: Arc<dyn Cache>,
) {
    let mut random = Random(7);
    let mut tasks = JoinSet::new();
    for round in 0..ROUNDS {
        let key: Arc<[u8]> = format!("k:{round}").into_bytes().into();
        let mark = cache.mark();
        for _ in 0..10 {
            let (cache, key) = (Arc::clone(&cache), Arc::clone(&key));
            let version = random.below(1_000);
            tasks.spawn(async move {
                let value = Bytes::from(version.to_string());
                cache.set_newer(&mark, &key, version, value, None).await.expect("there");
                let seen = cache.get(&key).await.expect("there").map(|entry| entry.version);
                assert!(seen >= Some(version), "{seen:?} after {version} was kept");
            });
        }
        if round % 16 == 15 {
            while let Some(task) = tasks.join_next().await {
                task.expect("no value went backwards");
            }
        }
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no value went backwards");
    }
}

pub async fn versions_are_compared_exactly(cache: Arc<dyn Cache>) {
    // Neighbours that a float cannot tell apart, and the ends of the range.
    let pairs = [
        ((1 << 53) + 1, 1 << 53),
        (u64::MAX, u64::MAX - 1),
        (1 << 32, u64::from(u32::MAX)),
        (256, 255),
    ];
    for (newer, older) in pairs {
        let key = newer.to_be_bytes();
        keep(&*cache, &key, newer, "newer").await;
        keep(&*cache, &key, older, "older").await;
        assert_eq!(read(&*cache, &key).await, entry(newer, "newer"));
        cache.forget(&key, newer).await.expect("the cache is there");
        assert_eq!(read(&*cache, &key).await, entry(newer, "newer"));
        cache.remove(&key).await.expect("the cache is there");
        cache.forget(&key, newer).await.expect("the cache is there");
        keep(&*cache, &key, older, "older").await;
        assert_eq!(read(&*cache, &key).await, None, "{older} was kept below {newer}");
    }
}

pub async fn what_is_forgotten_is_gone_and_stays_refused(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 3, "three").await;
    let keys: [(&[u8], u64); 2] = [(b"k:1", 4), (b"k:2", 9)];
    cache.forget_many(&keys).await.expect("the cache is there");
    assert_eq!(read(&*cache, b"k:1").await, None);
    // Their marks are newer than the write: a replica may still serve what was before it.
    keep(&*cache, b"k:1", 3, "three").await;
    keep(&*cache, b"k:2", 8, "eight").await;
    assert_eq!(read(&*cache, b"k:1").await, None);
    assert_eq!(read(&*cache, b"k:2").await, None);
    keep(&*cache, b"k:1", 4, "four").await;
    keep(&*cache, b"k:2", 10, "ten").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(4, "four"));
    assert_eq!(read(&*cache, b"k:2").await, entry(10, "ten"));
}

pub async fn forgetting_leaves_what_is_newer(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 7, "seven").await;
    cache.forget(b"k:1", 7).await.expect("the cache is there");
    cache.forget(b"k:1", 5).await.expect("the cache is there");
    assert_eq!(read(&*cache, b"k:1").await, entry(7, "seven"));
    // An older message that comes late takes nothing back of a newer one.
    cache.forget(b"k:1", 9).await.expect("the cache is there");
    cache.forget(b"k:1", 8).await.expect("the cache is there");
    keep(&*cache, b"k:1", 8, "eight").await;
    assert_eq!(read(&*cache, b"k:1").await, None);
}

pub async fn a_load_that_began_before_a_key_was_forgotten_is_refused(cache: Arc<dyn Cache>) {
    let mark = cache.mark();
    cache.forget(b"k:1", 2).await.expect("the cache is there");
    // A time to live that is over before the load is must not take the fence with it.
    let short = Some(Duration::from_millis(20));
    cache.set_newer(&cache.mark(), b"k:1", 2, "two".into(), short).await.expect("there");
    tokio::time::sleep(Duration::from_millis(60)).await;
    cache.set_newer(&mark, b"k:1", 1, "one".into(), None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, None);
}

pub async fn a_load_that_began_before_a_key_was_removed_is_refused(cache: Arc<dyn Cache>) {
    let mark = cache.mark();
    cache.remove(b"k:1").await.expect("the cache is there");
    cache.set_newer(&mark, b"k:1", 9, "stale".into(), None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, None);
    keep(&*cache, b"k:1", 1, "fresh").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(1, "fresh"));
    cache.set_newer(&mark, b"k:1", 9, "stale".into(), None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, entry(1, "fresh"));
}

pub async fn a_load_that_began_before_all_was_cleared_is_refused(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 1, "one").await;
    let mark = cache.mark();
    cache.clear().await.expect("the cache is there");
    assert_eq!(read(&*cache, b"k:1").await, None);
    cache.set_newer(&mark, b"k:1", 9, "stale".into(), None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, None);
    keep(&*cache, b"k:1", 2, "two").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(2, "two"));
}

pub async fn a_write_is_kept_and_refuses_what_was_loaded_before_it(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 1, "one").await;
    let mark = cache.mark();
    cache.write_many(&mark, &[(b"k:1", 2, "two".into())], None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, entry(2, "two"));
    cache.set_newer(&mark, b"k:1", 1, "one".into(), None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, entry(2, "two"));
    // The fence stays when the value is gone.
    let mark = cache.mark();
    let short = Some(Duration::from_millis(20));
    cache.write_many(&mark, &[(b"k:2", 2, "two".into())], short).await.expect("there");
    tokio::time::sleep(Duration::from_millis(60)).await;
    cache.set_newer(&mark, b"k:2", 1, "one".into(), None).await.expect("there");
    assert_eq!(read(&*cache, b"k:2").await, None);
    // Of two writes at once the one that comes last must not bring back its older value.
    let mark = cache.mark();
    cache.forget(b"k:1", 4).await.expect("there");
    cache.write_many(&mark, &[(b"k:1", 3, "three".into())], None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, None);
    let mark = cache.mark();
    cache.remove(b"k:1").await.expect("there");
    cache.write_many(&mark, &[(b"k:1", 9, "stale".into())], None).await.expect("there");
    assert_eq!(read(&*cache, b"k:1").await, None);
}

pub async fn versions_may_begin_anew_after_a_removal(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 7, "seven").await;
    cache.forget(b"k:1", 8).await.expect("the cache is there");
    cache.remove(b"k:1").await.expect("the cache is there");
    keep(&*cache, b"k:1", 1, "one").await;
    assert_eq!(read(&*cache, b"k:1").await, entry(1, "one"));
}

/// Loads and writes of the same keys at once: at rest the cache has what the source has, or nothing.
pub async fn a_race_of_loads_and_writes_leaves_nothing_stale(cache: Arc<dyn Cache>) {
    let sources: Arc<Vec<AtomicU64>> = Arc::new((0..50).map(|_| AtomicU64::new(1)).collect());
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (cache, sources) = (Arc::clone(&cache), Arc::clone(&sources));
        tasks.spawn(async move {
            let mut random = Random(task);
            for _ in 0..ROUNDS / 4 {
                let place = random.below(50) as usize;
                let key = format!("k:{place}");
                let mark = cache.mark();
                let written = if task % 2 == 0 {
                    let version = sources[place].fetch_add(1, Ordering::SeqCst) + 1;
                    tokio::task::yield_now().await;
                    cache.forget(key.as_bytes(), version).await.expect("there");
                    version
                } else {
                    let version = sources[place].load(Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    let value = Bytes::from(version.to_string());
                    cache.set_newer(&mark, key.as_bytes(), version, value, None).await.expect("");
                    0
                };
                let seen = read(&*cache, key.as_bytes()).await.map(|entry| entry.version);
                assert!(seen.is_none_or(|seen| seen >= written), "{seen:?} after {written}");
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no read was stale");
    }
    for (place, source) in sources.iter().enumerate() {
        let seen = read(&*cache, format!("k:{place}").as_bytes()).await;
        let newest = source.load(Ordering::SeqCst);
        assert!(seen.is_none_or(|seen| seen.version == newest), "key {place} is stale at rest");
    }
}
