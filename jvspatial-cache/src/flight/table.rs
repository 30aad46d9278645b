//! Which keys are being loaded, and whether what comes of it may be stored.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::flight::{Flight, Landing};
use crate::sync::Mutex;

type Flights<K, V, E> = HashMap<K, Arc<Flight<V, E>>, RandomState>;

/// The flights under way, by key.
///
/// A flight is *current* while the table has it. An invalidation takes it out: its value is for those who
/// already wait, is stored nowhere, and who asks next begins another flight.
#[derive(Debug)]
pub(super) struct Table<K, V, E> {
    hasher: RandomState,
    shards: Box<[Mutex<Flights<K, V, E>>]>,
}

/// What a caller is to do.
pub(super) enum Role<'a, K: Hash + Eq, V: Clone, E> {
    /// The value is stored already.
    Found(V),
    /// Another loads it.
    Waits(Arc<Flight<V, E>>),
    /// The caller loads it.
    Leads(Lead<'a, K, V, E>),
}

impl<K, V, E> Table<K, V, E>
where
    K: Hash + Eq,
    V: Clone,
{
    pub(super) fn new(shards: usize) -> Self {
        let shard = || Mutex::new(Flights::default());
        let shards = std::iter::repeat_with(shard).take(shards.max(1)).collect();
        Self { hasher: RandomState::default(), shards }
    }

    /// What the next caller for `key` is to do. `lookup` is asked under the lock, so that a value which was
    /// stored a moment ago is not loaded again.
    pub(super) fn enter(&self, key: &K, lookup: impl FnOnce(&K) -> Option<V>) -> Role<'_, K, V, E>
    where
        K: Clone,
    {
        let mut flights = self.shard(key).lock();
        if let Some(flight) = flights.get(key) {
            return Role::Waits(Arc::clone(flight));
        }
        if let Some(value) = lookup(key) {
            return Role::Found(value);
        }
        let flight = Arc::new(Flight::new());
        flights.insert(key.clone(), Arc::clone(&flight));
        Role::Leads(Lead { table: self, key: key.clone(), flight: Some(flight) })
    }

    pub(super) fn invalidate(&self, key: &K) {
        self.shard(key).lock().remove(key);
    }

    pub(super) fn invalidate_all(&self) {
        for shard in &self.shards {
            shard.lock().clear();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn shard(&self, key: &K) -> &Mutex<Flights<K, V, E>> {
        &self.shards[self.hasher.hash_one(key) as usize % self.shards.len()]
    }
}

/// The duty to end a flight. Dropped without an end, it leaves the load to one who waits.
pub(super) struct Lead<'a, K: Hash + Eq, V: Clone, E> {
    table: &'a Table<K, V, E>,
    key: K,
    /// `None` once ended.
    flight: Option<Arc<Flight<V, E>>>,
}

impl<K: Hash + Eq, V: Clone, E> Lead<'_, K, V, E> {
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    /// Ends the flight with a value, and stores it if nobody invalidated the key since the flight began.
    pub(super) fn loaded(mut self, value: &V, store: impl FnOnce(&K, &V)) {
        self.end(Landing::Loaded(value.clone()), |key| store(key, value));
    }

    pub(super) fn failed(mut self, error: Arc<E>) {
        self.end(Landing::Failed(error), |_| ());
    }

    pub(super) fn panicked(mut self) {
        self.end(Landing::Panicked, |_| ());
    }

    /// `store` runs under the lock of the table: an invalidation that comes first keeps it from running, and
    /// one that comes later returns after it, so that what the invalidator removes next is really gone.
    fn end(&mut self, landing: Landing<V, E>, store: impl FnOnce(&K)) {
        let Some(flight) = &self.flight else { return };
        {
            let mut flights = self.table.shard(&self.key).lock();
            // A second owner of the name may have come after an invalidation.
            if flights.get(&self.key).is_some_and(|current| Arc::ptr_eq(current, flight)) {
                store(&self.key);
                flights.remove(&self.key);
            }
        }
        flight.land(landing);
        self.flight = None;
    }
}

impl<K: Hash + Eq, V: Clone, E> Drop for Lead<'_, K, V, E> {
    fn drop(&mut self) {
        self.end(Landing::Dropped, |_| ());
    }
}
