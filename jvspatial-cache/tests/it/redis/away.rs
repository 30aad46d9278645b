//! Redis frozen, killed, full and slow: calls go on, at once from the second on, and answers stay right.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jvspatial_cache::{Cache, ErrorKind, Layered, MemoryCache, RedisCache, RedisOptions, WhenAway};

use super::options;
use super::server::Server;
use super::stopwatch::Stopwatch;

/// Calls of which none may fail, on keys whose versions are known.
#[derive(Debug)]
struct World {
    far: RedisCache,
    cache: Layered,
    source: Vec<AtomicU64>,
}

impl World {
    async fn open(server: &Server) -> Self {
        let far = RedisCache::open(options(&server.url())).await.unwrap();
        // A near tier that forgets at once, so that the far one is asked each time.
        let near = Arc::new(MemoryCache::default());
        let cache =
            Layered::new(near, Arc::new(far.clone())).near_time_to_live(Duration::from_nanos(1));
        let source = (0..20).map(|_| AtomicU64::new(1)).collect();
        Self { far, cache, source }
    }

    /// One write and one read through the cache of each key.
    async fn round(&self) {
        for (place, source) in self.source.iter().enumerate() {
            let key = format!("n:{place}");
            let version = source.fetch_add(1, Ordering::SeqCst) + 1;
            self.cache.forget(key.as_bytes(), version).await.unwrap();
            self.read(key.as_bytes(), version).await;
        }
    }

    async fn read(&self, key: &[u8], version: u64) {
        let mark = self.cache.mark();
        match self.cache.get(key).await.unwrap() {
            Some(entry) => assert_eq!(entry.version, version, "a stale value"),
            None => {
                let value = version.to_string().into();
                self.cache.set_newer(&mark, key, version, value, None).await.unwrap();
            }
        }
    }

    /// Every key that is there has the newest version.
    async fn check(&self) -> usize {
        let mut there = 0;
        for (place, source) in self.source.iter().enumerate() {
            let entry = self.cache.get(format!("n:{place}").as_bytes()).await.unwrap();
            let newest = source.load(Ordering::SeqCst);
            assert!(entry.as_ref().is_none_or(|entry| entry.version == newest), "{entry:?}");
            there += usize::from(entry.is_some());
        }
        there
    }

    async fn back(&self) -> Duration {
        let began = Instant::now();
        while !self.far.is_trusted() {
            assert!(began.elapsed() < Duration::from_secs(10), "it does not come back");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }
}

/// The first call while Redis is away, less what the machine was late meanwhile, and the average of a thousand rounds
/// of two after it.
async fn waits(cache: &Layered) -> (Duration, Duration) {
    let stopwatch = Stopwatch::start();
    cache.get(b"n:0").await.unwrap();
    let first = stopwatch.stop();
    let began = Instant::now();
    for _ in 0..1_000 {
        cache.get(b"n:0").await.unwrap();
        cache.remove(b"other").await.unwrap();
    }
    (first, began.elapsed() / 1_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_frozen_redis_costs_one_wait_and_comes_back_without_what_is_old() {
    let server = Server::start(&[]);
    let world = World::open(&server).await;
    for _ in 0..3 {
        world.round().await;
        assert_eq!(world.check().await, 20);
        server.freeze();
        let (first, later) = waits(&world.cache).await;
        assert!(first <= Duration::from_millis(600), "the first call took {first:?}");
        assert!(later <= Duration::from_millis(1), "later calls took {later:?}");
        assert!(world.far.is_away());
        world.round().await;
        server.thaw();
        let back = world.back().await;
        assert!(back <= Duration::from_secs(2), "it was back after {back:?}");
        assert_eq!(world.check().await, 0, "what was kept before the gap is read");
        world.round().await;
        assert_eq!(world.check().await, 20);
    }
    assert_eq!(world.far.outages(), 3);
    assert!(world.far.gaps() >= 60);
    let rows = world.cache.statistics();
    assert!(rows.iter().any(|row| row.prefix == b"n" && row.unavailable >= 1_000), "{rows:?}");
}

/// The control: the driver alone makes every call wait.
#[tokio::test]
#[ignore = "needs a Redis server"]
async fn without_a_breaker_every_call_waits_for_a_frozen_redis() {
    let server = Server::start(&[]);
    let config = redis::aio::ConnectionManagerConfig::new()
        .set_response_timeout(Some(Duration::from_millis(500)));
    let client = redis::Client::open(server.url()).unwrap();
    let mut bare = redis::aio::ConnectionManager::new_with_config(client, config).await.unwrap();
    server.freeze();
    for _ in 0..2 {
        let began = Instant::now();
        let answer: redis::RedisResult<Option<String>> =
            redis::cmd("GET").arg("key").query_async(&mut bare).await;
        assert!(answer.is_err());
        assert!(began.elapsed() >= Duration::from_millis(400));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_killed_redis_is_used_again_when_it_is_started() {
    let mut server = Server::start(&[]);
    let world = World::open(&server).await;
    for _ in 0..3 {
        world.round().await;
        server.kill();
        let (first, later) = waits(&world.cache).await;
        assert!(first <= Duration::from_millis(600), "the first call took {first:?}");
        assert!(later <= Duration::from_millis(1), "later calls took {later:?}");
        world.round().await;
        server.restart();
        let back = world.back().await;
        assert!(back <= Duration::from_secs(2), "it was back after {back:?}");
        world.round().await;
        assert_eq!(world.check().await, 20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_full_redis_fails_nobody_and_shows_nothing_old() {
    let server = Server::start(&[]);
    let world = World::open(&server).await;
    world.round().await;
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..3 {
        world.round().await;
        world.check().await;
    }
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let back = world.back().await;
    assert!(back <= Duration::from_secs(2), "it was back after {back:?}");
    world.check().await;
    world.round().await;
    assert_eq!(world.check().await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_redis_that_sleeps_makes_no_call_wait_longer_than_the_bound() {
    let server = Server::start(&[]);
    let world = World::open(&server).await;
    world.round().await;
    let sleeping = {
        let mut connection = server.connection();
        std::thread::spawn(move || {
            redis::cmd("DEBUG").arg(&["SLEEP", "0.7"]).exec(&mut connection).unwrap();
        })
    };
    std::thread::sleep(Duration::from_millis(50));
    let (first, later) = waits(&world.cache).await;
    assert!(first <= Duration::from_millis(600), "the first call took {first:?}");
    assert!(later <= Duration::from_millis(1), "later calls took {later:?}");
    world.round().await;
    sleeping.join().unwrap();
    assert!(world.back().await <= Duration::from_secs(2));
    world.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_caller_that_gives_up_has_told_all_the_same() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    for round in 0..200_u64 {
        let key = format!("n:{round}");
        cache.set_newer(&cache.mark(), key.as_bytes(), 1, "one".into(), None).await.unwrap();
        // Polled once, which is enough to begin.
        let mut forget = Box::pin(cache.forget(key.as_bytes(), 2));
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(forget.as_mut().poll(context).is_pending())
        });
        once.await;
        drop(forget);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let deadline = Instant::now() + Duration::from_secs(5);
        while cache.get(key.as_bytes()).await.unwrap().is_some() {
            assert!(Instant::now() < deadline, "round {round}");
        }
    }
    assert_eq!(cache.gaps(), 0);
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_at_once_or_is_waited_for_by_choice() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("nobody");
    let url = format!("redis+unix://{}", socket.display());
    let stopwatch = Stopwatch::start();
    let error = RedisCache::open(RedisOptions::new(&url).unwrap()).await.unwrap_err();
    let elapsed = stopwatch.stop();
    assert!(elapsed <= Duration::from_millis(600), "{elapsed:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&socket.display().to_string()), "{error}");

    let degraded = RedisOptions::new(&url).unwrap().when_away(WhenAway::Degrade);
    let far = RedisCache::open(degraded).await.unwrap();
    assert!(far.is_away());
    assert_eq!(far.get(b"n:1").await.unwrap_err().kind(), ErrorKind::Unavailable);
    let cache = Layered::new(Arc::new(MemoryCache::default()), Arc::new(far));
    cache.set_newer(&cache.mark(), b"n:1", 1, "one".into(), None).await.unwrap();
    assert_eq!(cache.get(b"n:1").await.unwrap().unwrap().version, 1);
}
