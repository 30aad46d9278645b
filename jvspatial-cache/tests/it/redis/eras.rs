//! What one process could not tell, the others do not serve for long.

use std::time::{Duration, Instant};

use jvspatial_cache::{Cache, RedisCache};

use super::options;
use super::proxy::Proxy;
use super::server::Server;

/// The default of `max_stale`, which these tests hold to.
const MAX_STALE: Duration = Duration::from_secs(5);

async fn keep(cache: &RedisCache, version: u64) {
    let value = version.to_string().into();
    cache.set_newer(&cache.mark(), b"n:1", version, value, None).await.unwrap();
}

async fn version(cache: &RedisCache) -> Option<u64> {
    // What is not trusted is not served.
    cache.get(b"n:1").await.ok().flatten().map(|entry| entry.version)
}

/// How long `cache` goes on to serve version 1.
async fn stale_for(cache: &RedisCache) -> Duration {
    let began = Instant::now();
    while version(cache).await == Some(1) {
        assert!(began.elapsed() < Duration::from_secs(10), "it stays stale");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn what_a_process_changed_while_it_was_cut_off_is_stale_elsewhere_for_less_than_the_bound() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.socket());
    let (a, b) = (options(&proxy.url()), options(&server.url()));
    let (a, b) = (RedisCache::open(a).await.unwrap(), RedisCache::open(b).await.unwrap());
    keep(&b, 1).await;
    assert_eq!((version(&a).await, version(&b).await), (Some(1), Some(1)));
    proxy.cut();
    a.forget(b"n:1", 2).await.unwrap_err();
    let stale = stale_for(&b).await;
    assert!(stale < MAX_STALE, "{stale:?}");
    eprintln!("stale for {stale:?} beside a process that is cut off");
    // It may bring what it loaded before the change neither then nor later.
    proxy.mend();
    let began = Instant::now();
    while !a.is_trusted() {
        assert!(began.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(version(&a).await, None);
    assert_eq!(version(&b).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_process_that_reaches_redis_again_makes_good_what_it_could_not_tell() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.socket());
    let (a, b) = (options(&proxy.url()), options(&server.url()));
    let (a, b) = (RedisCache::open(a).await.unwrap(), RedisCache::open(b).await.unwrap());
    keep(&b, 1).await;
    let before = b.mark();
    proxy.cut();
    a.forget(b"n:1", 2).await.unwrap_err();
    proxy.mend();
    assert_ne!(version(&a).await, Some(1), "own changes are seen at once");
    let stale = stale_for(&b).await;
    assert!(stale < Duration::from_secs(2), "{stale:?}");
    b.set_newer(&before, b"n:1", 1, "1".into(), None).await.unwrap();
    assert_eq!(version(&b).await, None, "a load from before the gap was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_process_that_vanishes_takes_with_it_all_that_it_may_have_changed() {
    let server = Server::start(&[]);
    let b = RedisCache::open(options(&server.url())).await.unwrap();
    let a = RedisCache::open(options(&server.url())).await.unwrap();
    keep(&b, 1).await;
    drop(a);
    let gone = stale_for(&b).await;
    assert!(gone < MAX_STALE, "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_process_that_leaves_takes_nothing_with_it() {
    let server = Server::start(&[]);
    let b = RedisCache::open(options(&server.url())).await.unwrap();
    let a = RedisCache::open(options(&server.url())).await.unwrap();
    keep(&a, 1).await;
    a.close().await.unwrap();
    drop(a);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(version(&b).await, Some(1));
}

/// The control: without eras the older value stays for as long as it was kept for.
#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_value_that_nobody_could_forget_is_still_in_redis() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.socket());
    let a = RedisCache::open(options(&proxy.url())).await.unwrap();
    keep(&a, 1).await;
    let key = server.key(b"n:1");
    proxy.cut();
    a.forget(b"n:1", 2).await.unwrap_err();
    proxy.mend();
    while !a.is_trusted() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(version(&a).await, None);
    let kept: Option<Vec<u8>> = redis::Commands::get(&mut server.connection(), key).unwrap();
    assert!(kept.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_redis_that_starts_from_an_old_snapshot_brings_nothing_back() {
    let mut server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    keep(&cache, 1).await;
    server.command(&["SAVE"]);
    cache.forget(b"n:1", 2).await.unwrap();
    keep(&cache, 2).await;
    server.kill();
    // A process that was not there before has no other way to know.
    drop(cache);
    server.restart();
    assert!(!server.key(b"n:1").is_empty());
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    assert_eq!(version(&cache).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_load_from_before_everything_was_flushed_is_refused() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    let mark = cache.mark();
    cache.remove(b"n:1").await.unwrap();
    server.command(&["FLUSHALL"]);
    cache.set_newer(&mark, b"n:1", 9, "9".into(), None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    cache.set_newer(&mark, b"n:1", 9, "9".into(), None).await.unwrap();
    assert_eq!(version(&cache).await, None);
    keep(&cache, 3).await;
    assert_eq!(version(&cache).await, Some(3));
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_load_that_takes_longer_than_a_tombstone_stays_is_refused() {
    let server = Server::start(&[]);
    let short = options(&server.url()).longest_load(Duration::from_millis(100));
    let cache = RedisCache::open(short).await.unwrap();
    let mark = cache.mark();
    cache.forget(b"n:1", 2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    cache.set_newer(&mark, b"n:1", 1, "1".into(), None).await.unwrap();
    assert_eq!(version(&cache).await, None);
}

/// The control of the fence by version: a plain SET puts the older value in the place of the newer.
#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_plain_set_replaces_a_newer_version() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    keep(&cache, 1).await;
    let key = server.key(b"n:1");
    let mut bare = server.connection();
    let older: Vec<u8> = redis::Commands::get(&mut bare, &key).unwrap();
    keep(&cache, 2).await;
    redis::cmd("SET").arg(key).arg(older).exec(&mut bare).unwrap();
    assert_eq!(version(&cache).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_value_that_could_not_be_set_does_not_leave_the_one_before_it() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.socket());
    let a = RedisCache::open(options(&proxy.url())).await.unwrap();
    a.set(b"n:1", "old".into(), None).await.unwrap();
    proxy.cut();
    a.set(b"n:1", "new".into(), None).await.unwrap_err();
    proxy.mend();
    while !a.is_trusted() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(a.get(b"n:1").await.unwrap(), None);
}

/// Says that a process vanished of which Redis was told that it lives until so many milliseconds from now.
fn vanish(server: &Server, lives: i64) {
    let redis::Value::Array(time) = server.command(&["TIME"]) else { panic!("TIME is a list") };
    let number = |place: usize| redis::from_redis_value::<i64>(time[place].clone()).unwrap();
    let until = (number(0) * 1_000 + number(1) / 1_000 + lives).to_string();
    server.command(&["ZADD", "jv:default:live", &until, "vanished"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_process_that_vanished_before_the_clock_of_the_server_was_put_back_or_on_is_missed() {
    const DAY: i64 = 86_400_000;
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    for lives in [DAY, -DAY] {
        keep(&cache, 1).await;
        assert_eq!(version(&cache).await, Some(1));
        // The clock of a server in use cannot be set, but what was written by it before looks so afterwards.
        vanish(&server, lives);
        let stale = stale_for(&cache).await;
        assert!(stale < MAX_STALE, "{stale:?}");
    }
    // The control: one that lives is not missed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    keep(&cache, 1).await;
    let lives = MAX_STALE.as_millis() as i64 * 2 / 5;
    vanish(&server, lives);
    tokio::time::sleep(MAX_STALE / 5).await;
    assert_eq!(version(&cache).await, Some(1));
}
