//! Passwords appear nowhere.

use std::sync::Arc;
use std::time::Duration;

use jvspatial_cache::bus::Bus;
use jvspatial_cache::{ErrorKind, ReadThrough, RedisCache, RedisOptions, WhenAway};

use super::server::Server;

const CANARY: &str = "c4n4ry";

/// Everything that can be seen of the cache at `url`.
async fn seen(url: &str) -> String {
    let options = match RedisOptions::new(url) {
        Ok(options) => options.when_away(WhenAway::Degrade),
        Err(error) => return format!("{error} {error:?}"),
    };
    let mut seen = format!("{options:?} {}", options.url);
    match RedisCache::open(options.clone().when_away(WhenAway::Fail)).await {
        Ok(cache) => seen += &format!("{cache:?}"),
        Err(error) => seen += &format!("{error} {error:?}"),
    }
    if let Ok(cache) = RedisCache::open(options).await {
        let error = jvspatial_cache::Cache::get(&cache, b"k").await.err();
        seen += &format!("{cache:?} {error:?}");
    }
    seen
}

#[tokio::test]
async fn a_password_is_in_no_error_and_no_debug_output() {
    let urls = [
        "redis://:c4n4ry@127.0.0.1:1/",
        "redis://user:c4n4ry@127.0.0.1:1/0",
        "redis://user:c4n4ry@127.0.0.1:1/not-a-number",
        "redis://user:c4n4ry@127.0.0.1:99999/",
        "redis://user:c4n4ry@/",
        "redis://user:c4n4ry@[::1",
        "redis://user:c4n4ry@nowhere.invalid/",
        "rediss://user:c4n4ry@127.0.0.1/",
        "http://user:c4n4ry@127.0.0.1/",
        "user:c4n4ry@127.0.0.1",
        "redis://user%zz:c4n4ry@127.0.0.1:1",
        "redis+unix:///nowhere?pass=c4n4ry&user=me",
        "redis+unix:///nowhere?pass=c4n4ry&db=x",
        "c4n4ry",
        "",
    ];
    for url in urls {
        let seen = seen(url).await;
        assert!(!seen.contains(CANARY), "{seen}");
        assert!(!seen.is_empty());
    }
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_by_name() {
    let wrong = [
        ("namespace", RedisOptions::new("redis://127.0.0.1:1").unwrap().namespace("a b")),
        ("key prefix", RedisOptions::new("redis://127.0.0.1:1").unwrap().key_prefix("")),
        ("max_stale", RedisOptions::new("redis://127.0.0.1:1").unwrap().max_stale(Duration::ZERO)),
        ("max_value", RedisOptions::new("redis://127.0.0.1:1").unwrap().max_value(usize::MAX)),
    ];
    for (name, options) in wrong {
        let error = RedisCache::open(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_wrong_password_is_a_clear_error_without_it() {
    let server = Server::start(&["--requirepass", "right"]);
    let url = server.url();
    let error = RedisCache::open(RedisOptions::new(&format!("{url}?pass={CANARY}")).unwrap()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    let missing = RedisCache::open(RedisOptions::new(&url).unwrap()).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Invalid, "{missing}");
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_right_password_is_in_no_debug_output() {
    let server = Server::start(&["--requirepass", CANARY]);
    let options = RedisOptions::new(&format!("{}?pass={CANARY}", server.url())).unwrap();
    let cache = RedisCache::open(options).await.unwrap();
    let lease = cache.lease(b"k", Duration::from_secs(1)).await.unwrap().unwrap();
    let bus = Bus::open(&cache, |_| ());
    assert!(bus.ready(Duration::from_secs(5)).await);
    let through: ReadThrough<()> = ReadThrough::new(Arc::new(cache.clone()));
    let seen = format!("{cache:?} {lease:?} {bus:?} {through:?}");
    assert!(!seen.contains(CANARY), "{seen}");
}
