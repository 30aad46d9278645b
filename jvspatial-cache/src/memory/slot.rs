//! What the memory of a cache holds for one key.

use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;

use super::Key;

/// What one entry costs beside its key and value: what moka and the allocator keep of it.
const BOOKKEEPING: usize = 192;

/// How long a versioned tombstone stays if nothing needs its room. The stamps hold without it; it refuses
/// values that a replica still served after the write.
const TOMBSTONE_TIME: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The era of the mark it was stored with: one of an era before is not there.
    pub(super) era: u64,
    pub(super) version: u64,
    /// `None` of a tombstone.
    pub(super) value: Option<Bytes>,
    time_to_live: Option<Duration>,
}

impl Slot {
    pub(super) const fn value(
        era: u64,
        version: u64,
        value: Bytes,
        time_to_live: Option<Duration>,
    ) -> Self {
        Self { era, version, value: Some(value), time_to_live }
    }

    pub(super) const fn tombstone(era: u64, version: u64) -> Self {
        Self { era, version, value: None, time_to_live: Some(TOMBSTONE_TIME) }
    }

    /// The bytes of the value.
    pub(super) fn len(&self) -> u64 {
        self.value.as_ref().map_or(0, |value| value.len() as u64)
    }

    pub(super) fn weight(&self, key: &[u8]) -> u32 {
        let bytes = BOOKKEEPING + key.len() + self.value.as_ref().map_or(0, Bytes::len);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// Each slot lives for its own time.
#[derive(Debug)]
pub(super) struct OwnTime;

impl Expiry<Key, Slot> for OwnTime {
    fn expire_after_create(&self, _: &Key, slot: &Slot, _: Instant) -> Option<Duration> {
        slot.time_to_live
    }

    fn expire_after_update(
        &self,
        _: &Key,
        slot: &Slot,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        slot.time_to_live
    }
}
