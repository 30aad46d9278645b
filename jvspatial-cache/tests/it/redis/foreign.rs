//! What others wrote under our keys is a miss, and counted.

use jvspatial_cache::{Cache, RedisCache};
use redis::Commands;

use super::options;
use super::server::Server;

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn whatever_stands_under_a_key_is_a_miss_unless_it_is_ours() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    for key in [&b"n:1"[..], b"n:2"] {
        cache.set_newer(&cache.mark(), key, 5, vec![b'x'; 3_000].into(), None).await.unwrap();
    }
    let (key, other) = (server.key(b"n:1"), server.key(b"n:2"));
    let mut bare = server.connection();
    let ours: Vec<u8> = bare.get(&key).unwrap();
    let another: Vec<u8> = bare.get(&other).unwrap();
    let mut format = ours.clone();
    format[3] = 2;
    let mut damaged = ours.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let cut = ours[..ours.len() - 1].to_vec();
    let header = ours[..28].to_vec();
    let long = vec![b'j'; 1 << 20];
    let strange = [vec![], b"hello".to_vec(), long, format, damaged, cut, header, another];
    let many = strange.len() as u64;
    for value in strange {
        let () = bare.set(&key, &value).unwrap();
        assert_eq!(cache.get(b"n:1").await.unwrap(), None, "{:?}", &value[..value.len().min(40)]);
    }
    let row = &cache.statistics()[0];
    assert_eq!((row.foreign, row.misses, row.hits), (many, many, 0));
    let () = bare.set(&key, &ours).unwrap();
    assert!(cache.get(b"n:1").await.unwrap().is_some());
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_key_that_holds_something_else_is_a_miss_and_is_taken_over() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    cache.set_newer(&cache.mark(), b"n:1", 5, "five".into(), None).await.unwrap();
    let key = server.key(b"n:1");
    cache.forget(b"n:1", 6).await.unwrap();
    let tombstone = server.key(b"n:1");
    let mut bare = server.connection();
    for name in [&key, &tombstone] {
        let () = bare.del(name).unwrap();
        let () = bare.lpush(name, "a list").unwrap();
    }
    assert_eq!(cache.get(b"n:1").await.unwrap(), None);
    cache.set_newer(&cache.mark(), b"n:1", 7, "seven".into(), None).await.unwrap();
    assert_eq!(cache.get(b"n:1").await.unwrap().unwrap().version, 7);
    cache.forget(b"n:1", 8).await.unwrap();
    cache.set_newer(&cache.mark(), b"n:1", 7, "seven".into(), None).await.unwrap();
    assert_eq!(cache.get(b"n:1").await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn what_is_kept_is_short_and_has_an_end() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    cache.set_newer(&cache.mark(), b"n:1", 5, vec![b'x'; 60_000].into(), None).await.unwrap();
    cache.set(b"n:2", "two".into(), None).await.unwrap();
    cache.forget(b"n:3", 5).await.unwrap();
    let mut bare = server.connection();
    let len: usize = bare.strlen(server.key(b"n:1")).unwrap();
    assert!(len < 1_000, "{len} bytes of 60,000 equal ones");
    for part in [b"n:1", b"n:2", b"n:3"] {
        let ends: i64 = bare.pttl(server.key(part)).unwrap();
        assert!(ends > 0, "{part:?} stays for ever");
    }
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn namespaces_share_nothing() {
    let server = Server::start(&[]);
    let one = RedisCache::open(options(&server.url()).namespace("one")).await.unwrap();
    let two = RedisCache::open(options(&server.url()).namespace("two")).await.unwrap();
    one.set(b"n:1", "one".into(), None).await.unwrap();
    assert_eq!(two.get(b"n:1").await.unwrap(), None);
    two.clear().await.unwrap();
    assert!(one.get(b"n:1").await.unwrap().is_some());
}
