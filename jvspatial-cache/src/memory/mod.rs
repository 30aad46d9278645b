//! A cache in the memory of this process.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use foldhash::fast::RandomState;
use moka::ops::compute::Op;

use crate::cache::{Cache, Entry};
use crate::error::Result;
use crate::mark::{Mark, Point};
use crate::stamps::Stamps;
use crate::statistics::{Event, Recorder, Statistics};

mod options;
mod slot;

pub use options::MemoryOptions;

use slot::{OwnTime, Slot};

type Key = Box<[u8]>;

/// A cache in the memory of this process, bounded by bytes and by time.
///
/// Its calls never wait and never fail. Time is the monotonic clock's.
pub struct MemoryCache {
    slots: moka::sync::Cache<Key, Slot, RandomState>,
    stamps: Stamps,
    era: AtomicU64,
    options: MemoryOptions,
    recorder: Arc<Recorder>,
}

impl MemoryCache {
    /// An empty cache within the bounds of `options`.
    pub fn new(options: MemoryOptions) -> Self {
        let recorder = Arc::new(Recorder::default());
        let counted = Arc::clone(&recorder);
        let mut builder = moka::sync::Cache::builder()
            .max_capacity(options.capacity)
            .weigher(|key: &Key, slot: &Slot| slot.weight(key))
            .expire_after(OwnTime)
            .eviction_listener(move |key: Arc<Key>, slot: Slot, cause| {
                counted.subtract(&key, Event::Bytes, slot.len());
                if cause.was_evicted() && slot.value.is_some() {
                    counted.count(&key, Event::Evicted);
                }
            });
        if let Some(time) = options.time_to_live {
            builder = builder.time_to_live(time);
        }
        if let Some(time) = options.time_to_idle {
            builder = builder.time_to_idle(time);
        }
        Self {
            slots: builder.build_with_hasher(RandomState::default()),
            stamps: Stamps::new(),
            era: AtomicU64::new(0),
            options,
            recorder,
        }
    }

    /// The value of `key`, as [`get`](Cache::get) without a future.
    pub fn get_now(&self, key: &[u8]) -> Option<Entry> {
        let slot = self.slots.get(key).filter(|slot| slot.era == self.era());
        let found =
            slot.and_then(|slot| slot.value.map(|value| Entry { version: slot.version, value }));
        self.recorder.count(key, if found.is_some() { Event::Hit } else { Event::Miss });
        found
    }

    /// Keeps one value unless it may be stale, as [`set_newer`](Cache::set_newer) without a future.
    pub fn set_newer_now(
        &self,
        mark: &Mark,
        key: &[u8],
        version: u64,
        value: Bytes,
        time_to_live: Option<Duration>,
    ) {
        if self.is_oversize(key, version, &value) {
            return;
        }
        let point = mark.point();
        let len = value.len() as u64;
        let mut kept = false;
        self.slots.entry(key.into()).and_compute_with(|entry| {
            let newer_is_there = entry.is_some_and(|entry| {
                entry.value().era == self.era() && entry.value().version > version
            });
            // Asked in here, where no removal of this key can come between question and answer.
            if newer_is_there || point.era != self.era() || self.stamps.moved_since(key, point.seq)
            {
                return Op::Nop;
            }
            kept = true;
            Op::Put(Slot::value(point.era, version, value, time_to_live))
        });
        self.note_kept(key, len, kept);
    }

    /// Keeps one value that was just written to its source, as [`write_many`](Cache::write_many) without a
    /// future.
    pub fn write_now(
        &self,
        mark: &Mark,
        key: &[u8],
        version: u64,
        value: Bytes,
        time_to_live: Option<Duration>,
    ) {
        if self.is_oversize(key, version, &value) {
            return;
        }
        let point = mark.point();
        let len = value.len() as u64;
        let mut kept = false;
        self.slots.entry(key.into()).and_compute_with(|entry| {
            let era = self.era();
            // Another write that came between may be the newer one, and its value is gone by now.
            let alone = point.era == era && !self.stamps.moved_since(key, point.seq);
            self.stamps.advance(key);
            match entry {
                Some(entry) if entry.value().era == era && entry.value().version > version => {
                    Op::Nop
                }
                _ if alone => {
                    kept = true;
                    Op::Put(Slot::value(point.era, version, value, time_to_live))
                }
                _ => Op::Put(Slot::tombstone(era, version)),
            }
        });
        self.note_kept(key, len, kept);
    }

    /// Forgets one value that is older than `version`, as [`forget`](Cache::forget) without a future.
    pub fn forget_now(&self, key: &[u8], version: u64) {
        // First the stamp: a load that is refused by nothing yet is in time to be removed below.
        self.stamps.advance(key);
        let era = self.era();
        self.slots.entry(key.into()).and_compute_with(|entry| match entry {
            Some(entry) if entry.value().era == era && entry.value().version >= version => Op::Nop,
            _ => Op::Put(Slot::tombstone(era, version)),
        });
    }

    /// Forgets one value, as [`remove`](Cache::remove) without a future.
    pub fn remove_now(&self, key: &[u8]) {
        self.stamps.advance(key);
        // By the same call as a value comes in, because only such calls wait for each other.
        self.slots.entry(key.into()).and_compute_with(|_| Op::Remove);
    }

    /// Forgets everything, as [`clear`](Cache::clear) without a future.
    pub fn clear_now(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
        // The era alone hides the slots; this gives their room back.
        self.slots.invalidate_all();
    }

    /// How many bytes keys, values and bookkeeping take now.
    ///
    /// Reading it does the clean-up that is due, so it does not belong on a hot path.
    pub fn weight(&self) -> u64 {
        self.slots.run_pending_tasks();
        self.slots.weighted_size()
    }

    fn set_now(&self, key: &[u8], value: Bytes, time_to_live: Option<Duration>) {
        if value.len() > self.options.max_value {
            self.recorder.count(key, Event::Oversize);
            return self.remove_now(key);
        }
        let len = value.len() as u64;
        self.slots
            .entry(key.into())
            .and_compute_with(|_| Op::Put(Slot::value(self.era(), 0, value, time_to_live)));
        self.wrote(key, len);
    }

    /// Whether there is no room for a value. What is there instead may be older, and is forgotten.
    fn is_oversize(&self, key: &[u8], version: u64, value: &Bytes) -> bool {
        let is = value.len() > self.options.max_value;
        if is {
            self.recorder.count(key, Event::Oversize);
            self.forget_now(key, version);
        }
        is
    }

    fn note_kept(&self, key: &[u8], len: u64, kept: bool) {
        if kept {
            self.wrote(key, len);
        } else {
            self.recorder.count(key, Event::StaleRefused);
        }
    }

    fn wrote(&self, key: &[u8], len: u64) {
        self.recorder.add(key, Event::BytesWritten, len);
        self.recorder.add(key, Event::Bytes, len);
    }

    fn era(&self) -> u64 {
        self.era.load(Ordering::SeqCst)
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new(MemoryOptions::default())
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache").field("options", &self.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Cache for MemoryCache {
    fn mark(&self) -> Mark {
        Mark::now(Point { era: self.era(), seq: self.stamps.now() })
    }

    async fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Entry>>> {
        Ok(keys.iter().map(|key| self.get_now(key)).collect())
    }

    async fn set_many(
        &self,
        entries: &[(&[u8], Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        for (key, value) in entries {
            self.set_now(key, value.clone(), time_to_live);
        }
        Ok(())
    }

    async fn set_newer_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        for (key, version, value) in entries {
            self.set_newer_now(mark, key, *version, value.clone(), time_to_live);
        }
        Ok(())
    }

    async fn forget_many(&self, keys: &[(&[u8], u64)]) -> Result<()> {
        for (key, version) in keys {
            self.forget_now(key, *version);
        }
        Ok(())
    }

    async fn remove_many(&self, keys: &[&[u8]]) -> Result<()> {
        for key in keys {
            self.remove_now(key);
        }
        Ok(())
    }

    async fn write_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        for (key, version, value) in entries {
            self.write_now(mark, key, *version, value.clone(), time_to_live);
        }
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        self.clear_now();
        Ok(())
    }

    fn statistics(&self) -> Vec<Statistics> {
        self.recorder.statistics()
    }
}
