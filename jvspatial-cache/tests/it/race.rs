//! Loads beside writes, in real threads: with the guard nothing is stale at rest, without it much is.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jvspatial_cache::{Cache, MemoryCache, SingleFlight};
use tokio::runtime::Builder;

const RACES: u64 = 10_000;

/// How many of the races between one load and one write leave the older value.
///
/// `load` is given the source and calls its second argument between reading it and keeping what it read.
fn stale(
    load: impl Fn(&AtomicU64, &dyn Fn()) + Sync,
    invalidate: impl Fn() + Sync,
    cached: impl Fn() -> Option<u64>,
    races: u64,
    forced: bool,
) -> u64 {
    let source = AtomicU64::new(0);
    let (start, between) = (Barrier::new(2), Barrier::new(2));
    let mut stale = 0;
    for race in 0..races {
        source.store(race * 2, Ordering::SeqCst);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                load(&source, &|| {
                    if forced {
                        between.wait();
                        between.wait();
                    }
                });
            });
            start.wait();
            if forced {
                between.wait();
            }
            source.fetch_add(1, Ordering::SeqCst);
            invalidate();
            if forced {
                between.wait();
            }
        });
        stale += u64::from(cached().is_some_and(|cached| cached != race * 2 + 1));
        invalidate();
    }
    stale
}

fn guarded(races: u64, forced: bool) -> u64 {
    let cache = MemoryCache::default();
    let flights = SingleFlight::<u8, u64, ()>::new();
    stale(
        |source, between| {
            let load = || async {
                let mark = cache.mark();
                let value = source.load(Ordering::SeqCst);
                between();
                cache.set_newer_now(&mark, b"k", value, Bytes::from(value.to_string()), None);
                Ok(value)
            };
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(flights.run(&0, |_| None, load, |_, _| ())).unwrap();
        },
        || {
            flights.invalidate(&0);
            cache.remove_now(b"k");
        },
        || cache.get_now(b"k").map(|entry| entry.version),
        races,
        forced,
    )
}

#[test]
fn no_race_between_a_load_and_a_write_leaves_a_stale_value() {
    assert_eq!(guarded(RACES, false), 0);
    assert_eq!(guarded(1_000, true), 0);
}

/// The control: the cache below invalidates nothing of what its own `get_with` is loading.
#[test]
fn the_loads_of_moka_itself_are_stored_though_they_were_invalidated() {
    let cache: moka::sync::Cache<u8, u64> = moka::sync::Cache::new(100);
    let found = stale(
        |source, between| {
            cache.get_with(0, || {
                let value = source.load(Ordering::SeqCst);
                between();
                value
            });
        },
        || cache.invalidate(&0),
        || cache.get(&0),
        100,
        true,
    );
    assert_eq!(found, 100);
}

/// The control: an insert that asks nothing.
#[test]
fn a_plain_insert_is_stale_after_such_a_race() {
    let cache = MemoryCache::default();
    let runtime = Builder::new_current_thread().build().unwrap();
    let found = stale(
        |source, between| {
            let value = source.load(Ordering::SeqCst);
            between();
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(cache.set(b"k", value.to_string().into(), None)).unwrap();
        },
        || cache.remove_now(b"k"),
        || {
            let entry = runtime.block_on(cache.get(b"k")).unwrap()?;
            std::str::from_utf8(&entry.value).unwrap().parse().ok()
        },
        100,
        true,
    );
    assert_eq!(found, 100);
}
