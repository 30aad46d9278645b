//! One load for all who want the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use jvspatial_cache::{Cache, Entry, How, LoadError, MemoryCache, ReadThrough, SingleFlight};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

type Flights = SingleFlight<u32, u64, &'static str>;

fn nothing(_: &u32) -> Option<u64> {
    None
}

fn nowhere(_: &u32, _: &u64) {}

/// Gives the other tasks of a test with one thread every chance to get where they wait.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_misses_at_once_are_one_load() {
    for round in 0..1_000 {
        let flights = Arc::new(Flights::new());
        let loads = Arc::new(AtomicU64::new(0));
        let stored = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let (flights, loads) = (Arc::clone(&flights), Arc::clone(&loads));
            let stored = Arc::clone(&stored);
            tasks.spawn(async move {
                let lookup = |_: &u32| Some(stored.load(Ordering::SeqCst)).filter(|n| *n > 0);
                let load = || async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok(7)
                };
                let store = |_: &u32, value: &u64| stored.store(*value, Ordering::SeqCst);
                flights.run(&1, lookup, load, store).await.unwrap().0
            });
        }
        while let Some(value) = tasks.join_next().await {
            assert_eq!(value.unwrap(), 7);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1, "round {round}");
        assert!(flights.is_empty());
    }
}

#[tokio::test]
async fn a_load_may_borrow() {
    let flights = Flights::new();
    let text = String::from("borrowed");
    let load = || async { Ok(text.len() as u64) };
    assert_eq!(flights.run(&1, nothing, load, nowhere).await.unwrap(), (8, How::Loaded));
}

#[tokio::test]
async fn when_the_caller_that_loads_is_dropped_one_that_waits_takes_over() {
    let flights = Arc::new(Flights::new());
    let loads = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let call = || {
        let (flights, loads) = (Arc::clone(&flights), Arc::clone(&loads));
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                Ok(7)
            };
            flights.run(&1, nothing, load, nowhere).await.unwrap()
        })
    };
    let first = call();
    settle().await;
    let others: Vec<_> = (0..5).map(|_| call()).collect();
    settle().await;
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    first.abort();
    settle().await;
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    gate.add_permits(1);
    let mut how = Vec::new();
    for other in others {
        let (value, came) = other.await.unwrap();
        assert_eq!(value, 7);
        how.push(came);
    }
    assert_eq!(how.iter().filter(|how| **how == How::Loaded).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_are_dropped_at_random_hang_nobody() {
    for round in 0..1_000_u64 {
        let flights = Arc::new(Flights::new());
        let call = |_| {
            let flights = Arc::clone(&flights);
            tokio::spawn(async move {
                let load = || async {
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                    Ok(7)
                };
                flights.run(&1, nothing, load, nowhere).await.unwrap().0
            })
        };
        let calls: Vec<_> = (0..8).map(call).collect();
        for (place, call) in calls.iter().enumerate() {
            if (round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (place + 20)) & 1 == 1 {
                call.abort();
            }
        }
        for call in calls {
            let end = tokio::time::timeout(Duration::from_secs(10), call).await;
            match end.expect("a caller hangs") {
                Ok(value) => assert_eq!(value, 7),
                Err(error) => assert!(error.is_cancelled()),
            }
        }
        assert!(flights.is_empty(), "round {round}");
    }
}

#[tokio::test]
async fn when_a_load_panics_those_who_wait_get_an_error_and_the_next_call_loads() {
    let flights = Arc::new(Flights::new());
    let gate = Arc::new(Barrier::new(2));
    let first = {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        tokio::spawn(async move {
            let load = || async {
                gate.wait().await;
                panic!("the loader fails on purpose")
            };
            flights.run(&1, nothing, load, nowhere).await
        })
    };
    settle().await;
    let waits = {
        let flights = Arc::clone(&flights);
        tokio::spawn(async move { flights.run(&1, nothing, || async { Ok(1) }, nowhere).await })
    };
    settle().await;
    gate.wait().await;
    assert!(first.await.unwrap_err().is_panic());
    assert!(matches!(waits.await.unwrap(), Err(LoadError::Panicked)));
    let next = flights.run(&1, nothing, || async { Ok(2) }, nowhere).await;
    assert_eq!(next.unwrap(), (2, How::Loaded));
}

#[tokio::test]
async fn an_error_reaches_all_who_wait_and_is_not_kept() {
    let flights = Arc::new(Flights::new());
    let gate = Arc::new(Barrier::new(2));
    let call = |answer: Result<u64, &'static str>| {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        tokio::spawn(async move {
            let load = || async {
                gate.wait().await;
                answer
            };
            flights.run(&1, nothing, load, |_, _| panic!("an error was stored")).await
        })
    };
    let first = call(Err("away"));
    settle().await;
    let second = call(Ok(1));
    settle().await;
    gate.wait().await;
    for call in [first, second] {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(&error, LoadError::Failed(error) if **error == "away"));
        assert_eq!(error.to_string(), "away");
    }
    let next = flights.run(&1, nothing, || async { Ok(2) }, nowhere).await;
    assert_eq!(next.unwrap(), (2, How::Loaded));
}

#[tokio::test]
async fn a_load_that_an_invalidation_overtook_is_not_stored_and_nobody_joins_it() {
    let flights = Arc::new(Flights::new());
    let gate = Arc::new(Semaphore::new(0));
    let stored = Arc::new(AtomicU64::new(0));
    let call = |value: u64| {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        let stored = Arc::clone(&stored);
        tokio::spawn(async move {
            let load = || async {
                gate.acquire().await.unwrap().forget();
                Ok(value)
            };
            let store = |_: &u32, value: &u64| stored.store(*value, Ordering::SeqCst);
            flights.run(&1, nothing, load, store).await.unwrap()
        })
    };
    let old = call(1);
    settle().await;
    let beside_old = call(100);
    settle().await;
    flights.invalidate(&1);
    let new = call(2);
    settle().await;
    gate.add_permits(1);
    assert_eq!(old.await.unwrap(), (1, How::Loaded));
    assert_eq!(beside_old.await.unwrap(), (1, How::Joined));
    assert_eq!(stored.load(Ordering::SeqCst), 0);
    let beside_new = call(200);
    settle().await;
    gate.add_permits(1);
    assert_eq!(new.await.unwrap(), (2, How::Loaded));
    assert_eq!(beside_new.await.unwrap(), (2, How::Joined));
    assert_eq!(stored.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn many_keys_share_the_loads_that_are_under_way() {
    let flights = Arc::new(Flights::new());
    let gate = Arc::new(Semaphore::new(0));
    let asked = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let call = |keys: &'static [u32]| {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        let asked = Arc::clone(&asked);
        tokio::spawn(async move {
            let load = |keys: Vec<u32>| {
                let (gate, asked) = (&gate, &asked);
                async move {
                    asked.lock().push(keys.clone());
                    gate.acquire().await.unwrap().forget();
                    Ok(keys.into_iter().map(|key| u64::from(key) * 10).collect())
                }
            };
            let lookup = |key: &u32| Some(1).filter(|_| *key == 9);
            let values = flights.run_many(keys, lookup, load, nowhere).await.unwrap();
            values.into_iter().map(|(value, _)| value).collect::<Vec<_>>()
        })
    };
    let first = call(&[1, 2, 1]);
    settle().await;
    let second = call(&[3, 2, 9]);
    let third = call(&[2, 1]);
    settle().await;
    assert_eq!(*asked.lock(), [vec![1, 2], vec![3]]);
    first.abort();
    settle().await;
    // One of the two that wait loads what the dropped one was to load.
    gate.add_permits(9);
    assert_eq!(second.await.unwrap(), [30, 20, 1]);
    assert_eq!(third.await.unwrap(), [20, 10]);
    let mut keys: Vec<u32> = asked.lock().iter().skip(2).flatten().copied().collect();
    keys.sort_unstable();
    assert_eq!(keys, [1, 2]);
}

#[tokio::test]
async fn a_load_of_many_that_brings_too_few_is_an_error() {
    let flights = Flights::new();
    let answer = flights.run_many(&[1, 2], nothing, |_| async { Ok(vec![1]) }, nowhere).await;
    assert!(matches!(answer, Err(LoadError::Miscounted { keys: 2, values: 1 })));
    assert!(flights.is_empty());
}

#[tokio::test]
async fn a_cache_is_filled_once_and_a_load_that_was_overtaken_leaves_it_empty() {
    let cache: Arc<dyn Cache> = Arc::new(MemoryCache::default());
    let through: Arc<ReadThrough<&'static str>> = Arc::new(ReadThrough::new(Arc::clone(&cache)));
    let gate = Arc::new(Semaphore::new(0));
    let call = || {
        let (through, gate) = (Arc::clone(&through), Arc::clone(&gate));
        tokio::spawn(async move {
            let load = || async {
                gate.acquire().await.unwrap().forget();
                Ok(Entry { version: 1, value: "one".into() })
            };
            through.get_or_load(b"n:1", None, load).await.unwrap().version
        })
    };
    let (first, second) = (call(), call());
    settle().await;
    through.invalidate(b"n:1").await.unwrap();
    gate.add_permits(1);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (1, 1));
    assert_eq!(cache.get(b"n:1").await.unwrap(), None);

    let overtaken = call();
    settle().await;
    through.invalidate(b"n:1").await.unwrap();
    let after = call();
    settle().await;
    gate.add_permits(2);
    assert_eq!((overtaken.await.unwrap(), after.await.unwrap()), (1, 1));
    assert_eq!(call().await.unwrap(), 1);
    let row = &through.statistics()[0];
    assert_eq!((row.loads, row.coalesced, row.stale_refused), (3, 1, 2));
}
