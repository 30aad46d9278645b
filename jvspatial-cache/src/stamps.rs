//! When each key was last forgotten, in constant memory.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;

/// How many stamps the keys share. Two keys that share one cost a value now and then that was not kept,
/// never one that is stale.
const STAMPS: usize = 1 << 14;

/// The order in which keys were forgotten.
///
/// Unlike a tombstone in a bounded cache, a stamp is never evicted and never expires.
#[derive(Debug)]
pub(crate) struct Stamps {
    hasher: RandomState,
    last: AtomicU64,
    stamps: Box<[AtomicU64]>,
}

impl Stamps {
    pub(crate) fn new() -> Self {
        let stamps = std::iter::repeat_with(AtomicU64::default).take(STAMPS).collect();
        Self { hasher: RandomState::default(), last: AtomicU64::new(0), stamps }
    }

    /// The place in the order that was taken last.
    pub(crate) fn now(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Takes the next place in the order for `key`.
    pub(crate) fn advance(&self, key: &[u8]) {
        let place = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.stamp(key).fetch_max(place, Ordering::SeqCst);
    }

    /// Whether `key` took a place after `place`.
    pub(crate) fn moved_since(&self, key: &[u8], place: u64) -> bool {
        self.stamp(key).load(Ordering::SeqCst) > place
    }

    fn stamp(&self, key: &[u8]) -> &AtomicU64 {
        &self.stamps[self.hasher.hash_one(key) as usize % STAMPS]
    }
}
