//! A model of the flights: every order of their steps that shuttle finds keeps their promises.
//!
//! The sources are taken in as they are, with the lock of shuttle in the place of the real one.

#![allow(missing_docs, dead_code, unused_imports, unreachable_pub, unused_qualifications)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicU64, Ordering};

mod sync {
    /// The lock of shuttle with the face of the one that the crate uses.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

#[path = "../src/flight/mod.rs"]
mod flight;

use flight::{How, LoadError, SingleFlight};
use sync::Mutex;

/// How many orders of the steps are tried of each model.
const ORDERS: usize = 10_000;

/// A source of one value, a cache of it, and flights between them.
#[derive(Debug)]
struct World {
    source: AtomicU64,
    cached: Mutex<Option<u64>>,
    flights: SingleFlight<u8, u64, ()>,
    loads: AtomicU64,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            source: AtomicU64::new(1),
            cached: Mutex::new(None),
            flights: SingleFlight::with_shards(1),
            loads: AtomicU64::new(0),
        })
    }

    async fn read(&self) -> u64 {
        if let Some(value) = *self.cached.lock() {
            return value;
        }
        let load = || async {
            let value = self.source.load(Ordering::SeqCst);
            self.loads.fetch_add(1, Ordering::SeqCst);
            shuttle::future::yield_now().await;
            Ok(value)
        };
        let store = |_: &u8, value: &u64| *self.cached.lock() = Some(*value);
        self.flights.run(&0, |_| *self.cached.lock(), load, store).await.unwrap().0
    }

    fn write(&self) -> u64 {
        let value = self.source.fetch_add(1, Ordering::SeqCst) + 1;
        self.flights.invalidate(&0);
        *self.cached.lock() = None;
        value
    }
}

fn spawn_read(world: &Arc<World>) -> shuttle::thread::JoinHandle<u64> {
    let world = Arc::clone(world);
    shuttle::thread::spawn(move || shuttle::future::block_on(world.read()))
}

#[test]
fn no_order_of_loads_and_writes_leaves_a_stale_value_or_shows_one_after_the_write() {
    shuttle::check_random(
        || {
            let world = World::new();
            let readers = [spawn_read(&world), spawn_read(&world)];
            let writer = {
                let world = Arc::clone(&world);
                shuttle::thread::spawn(move || {
                    let written = world.write();
                    let read = shuttle::future::block_on(world.read());
                    assert!(read >= written, "read {read} after {written} was written");
                })
            };
            readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() >= 1));
            writer.join().unwrap();
            let cached = *world.cached.lock();
            assert!(cached.is_none_or(|cached| cached == 2), "{cached:?} stayed");
        },
        ORDERS,
    );
}

/// The control: the same with the store of a plain insert, which some order leaves stale.
#[test]
fn an_insert_without_the_guard_is_stale_in_some_order() {
    let found = std::panic::catch_unwind(|| {
        shuttle::check_random(
            || {
                let world = World::new();
                let loader = {
                    let world = Arc::clone(&world);
                    shuttle::thread::spawn(move || {
                        let value = world.source.load(Ordering::SeqCst);
                        *world.cached.lock() = Some(value);
                    })
                };
                world.write();
                loader.join().unwrap();
                assert!(world.cached.lock().is_none_or(|cached| cached == 2));
            },
            ORDERS,
        );
    });
    assert!(found.is_err(), "the model sees no stale value where there is one");
}

#[test]
fn one_load_serves_all_in_every_order() {
    shuttle::check_random(
        || {
            let world = World::new();
            let readers = [spawn_read(&world), spawn_read(&world), spawn_read(&world)];
            readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 1));
            assert_eq!(world.loads.load(Ordering::SeqCst), 1);
        },
        ORDERS,
    );
}

#[test]
fn a_caller_that_is_dropped_hangs_nobody_in_any_order() {
    shuttle::check_random(
        || {
            let world = World::new();
            let dropped = {
                let world = Arc::clone(&world);
                shuttle::future::spawn(async move { world.read().await })
            };
            let readers = [spawn_read(&world), spawn_read(&world)];
            dropped.abort();
            readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 1));
            assert!(world.flights.is_empty());
        },
        ORDERS,
    );
}
