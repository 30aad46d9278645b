//! Values come back as they were kept, for as long as they were kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Random, entry, keep, read};
use crate::Cache;

pub async fn a_missing_key_has_no_value(cache: Arc<dyn Cache>) {
    assert_eq!(read(&*cache, b"k:nobody").await, None);
}

pub async fn values_come_back_in_the_order_of_the_keys(cache: Arc<dyn Cache>) {
    keep(&*cache, b"k:1", 1, "one").await;
    keep(&*cache, b"k:2", 2, "two").await;
    let keys: [&[u8]; 4] = [b"k:2", b"k:3", b"k:1", b"k:2"];
    let found = cache.get_many(&keys).await.expect("the cache is there");
    assert_eq!(found, [entry(2, "two"), None, entry(1, "one"), entry(2, "two")]);
}

pub async fn keys_and_values_are_any_bytes(cache: Arc<dyn Cache>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = vec![b'{'; 5_000];
    let keys: [&[u8]; 9] =
        [b"", b":", b"\0", b"\r\n$1\r\n", b"{a}", b"k:\xff\xfe", b"%s", &every_byte, &long];
    for (version, key) in keys.iter().enumerate() {
        let mark = cache.mark();
        let value = Bytes::copy_from_slice(key);
        cache.set_newer(&mark, key, version as u64, value, None).await.expect("there");
    }
    for (version, key) in keys.iter().enumerate() {
        let found = read(&*cache, key).await.unwrap_or_else(|| panic!("{key:?} is not there"));
        assert_eq!((found.version, &found.value[..]), (version as u64, *key));
        cache.remove(key).await.expect("the cache is there");
        assert_eq!(read(&*cache, key).await, None, "{key:?}");
    }
}

pub async fn values_of_every_length_come_back(cache: Arc<dyn Cache>) {
    let mut random = Random(1);
    for len in [0, 1, 100, 1_023, 1_024, 1_025, 4_096, 30_000, 65_536] {
        let noise: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        for value in [noise, vec![b'a'; len]] {
            let value = Bytes::from(value);
            cache.set(b"k:length", value.clone(), None).await.expect("the cache is there");
            let found = read(&*cache, b"k:length").await.map(|entry| entry.value);
            assert!(found == Some(value), "a value of {len} bytes came back as another");
        }
    }
}

pub async fn nothing_is_a_batch_too(cache: Arc<dyn Cache>) {
    assert_eq!(cache.get_many(&[]).await.expect("there"), []);
    cache.set_many(&[], None).await.expect("there");
    cache.set_newer_many(&cache.mark(), &[], None).await.expect("there");
    cache.forget_many(&[]).await.expect("there");
    cache.remove_many(&[]).await.expect("there");
}

pub async fn the_last_value_without_a_version_stays(cache: Arc<dyn Cache>) {
    for value in ["one", "two"] {
        cache.set(b"k:1", value.into(), None).await.expect("the cache is there");
    }
    assert_eq!(read(&*cache, b"k:1").await, entry(0, "two"));
}

pub async fn a_value_is_gone_when_its_time_is_up(cache: Arc<dyn Cache>) {
    let mark = cache.mark();
    let short = Some(Duration::from_millis(150));
    cache.set_newer(&mark, b"k:short", 1, "short".into(), short).await.expect("there");
    cache.set_newer(&mark, b"k:renewed", 1, "short".into(), short).await.expect("there");
    let long = Some(Duration::from_secs(60));
    cache.set_newer(&mark, b"k:renewed", 1, "long".into(), long).await.expect("there");
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(read(&*cache, b"k:short").await, None);
    assert_eq!(read(&*cache, b"k:renewed").await, entry(1, "long"));
}

pub async fn a_value_over_the_bound_is_not_kept_and_takes_the_old_one_with_it(
    cache: Arc<dyn Cache>,
) {
    let long = Bytes::from(vec![b'x'; 65_537]);
    keep(&*cache, b"big:1", 1, "old").await;
    keep(&*cache, b"big:2", 1, "old").await;
    cache.set_newer(&cache.mark(), b"big:1", 2, long.clone(), None).await.expect("there");
    cache.set(b"big:2", long, None).await.expect("there");
    assert_eq!(read(&*cache, b"big:1").await, None);
    assert_eq!(read(&*cache, b"big:2").await, None);
    let row = cache.statistics().into_iter().find(|row| row.prefix == b"big");
    assert!(row.is_some_and(|row| row.oversize >= 2));
}

pub async fn reads_are_counted_by_prefix(cache: Arc<dyn Cache>) {
    keep(&*cache, b"count:1", 1, "one").await;
    keep(&*cache, b"other:1", 1, "one").await;
    let keys: [&[u8]; 3] = [b"count:1", b"count:2", b"count:3"];
    cache.get_many(&keys).await.expect("the cache is there");
    let row = cache.statistics().into_iter().find(|row| row.prefix == b"count");
    let row = row.expect("a prefix that was used has a row");
    assert_eq!((row.hits, row.misses), (1, 2));
}
