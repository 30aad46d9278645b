//! One process of many loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jvspatial_cache::{Cache, Entry, Layered, MemoryCache, ReadThrough, RedisCache};
use tokio::task::JoinSet;

use super::options;
use super::server::Server;
use super::stopwatch::Stopwatch;

const TIME: Duration = Duration::from_secs(5);

async fn process(server: &Server) -> Arc<ReadThrough<()>> {
    let far = RedisCache::open(options(&server.url())).await.unwrap();
    let cache = Layered::new(Arc::new(MemoryCache::default()), Arc::new(far.clone()));
    Arc::new(ReadThrough::new(Arc::new(cache) as Arc<dyn Cache>).leases(far, TIME))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_cold_key_is_loaded_once_by_four_processes() {
    let server = Server::start(&[]);
    let loads = Arc::new(AtomicU64::new(0));
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(process(&server).await);
    }
    for round in 0..20_u64 {
        let mut tasks = JoinSet::new();
        for process in &processes {
            for _ in 0..50 {
                let (process, loads) = (Arc::clone(process), Arc::clone(&loads));
                tasks.spawn(async move {
                    let load = || async {
                        loads.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        Ok(Entry { version: 1, value: "one".into() })
                    };
                    let key = format!("q:{round}");
                    process.get_or_load(key.as_bytes(), None, load).await.unwrap().version
                });
            }
        }
        while let Some(version) = tasks.join_next().await {
            assert_eq!(version.unwrap(), 1);
        }
        assert_eq!(loads.load(Ordering::SeqCst), round + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_lease_ends_when_it_is_dropped_and_when_its_time_is_up() {
    let server = Server::start(&[]);
    let a = RedisCache::open(options(&server.url())).await.unwrap();
    let b = RedisCache::open(options(&server.url())).await.unwrap();
    let lease = a.lease(b"k", TIME).await.unwrap().unwrap();
    assert!(b.lease(b"k", TIME).await.unwrap().is_none());
    assert!(b.lease(b"other", TIME).await.unwrap().is_some());
    drop(lease);
    let began = Instant::now();
    let short = loop {
        if let Some(lease) = b.lease(b"k", Duration::from_millis(100)).await.unwrap() {
            break lease;
        }
        assert!(began.elapsed() < Duration::from_secs(1));
    };
    tokio::time::sleep(Duration::from_millis(150)).await;
    let again = a.lease(b"k", TIME).await.unwrap().unwrap();
    // One whose time was up ends no lease of another.
    drop(short);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(b.lease(b"k", TIME).await.unwrap().is_none());
    drop(again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn without_redis_each_process_loads_for_itself() {
    let server = Server::start(&[]);
    let process = process(&server).await;
    server.freeze();
    let stopwatch = Stopwatch::start();
    let load = || async { Ok(Entry { version: 1, value: "one".into() }) };
    process.get_or_load(b"q:1", None, load).await.unwrap();
    let elapsed = stopwatch.stop();
    assert!(elapsed < Duration::from_millis(700), "{elapsed:?}");
}
