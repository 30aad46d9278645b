//! What a cache in memory is bounded by.

use std::time::Duration;

/// The bounds of a [`MemoryCache`](crate::MemoryCache).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryOptions {
    /// The most bytes that keys, values and their bookkeeping take. Default 64 MiB.
    pub capacity: u64,
    /// The longest value that is kept. Default 1 MiB.
    pub max_value: usize,
    /// How long a value is kept at the longest. Default 1 hour; `None` for no bound.
    pub time_to_live: Option<Duration>,
    /// How long a value is kept that nobody reads. Default `None`, for no bound.
    pub time_to_idle: Option<Duration>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            capacity: 64 << 20,
            max_value: 1 << 20,
            time_to_live: Some(Duration::from_secs(3_600)),
            time_to_idle: None,
        }
    }
}

impl MemoryOptions {
    /// With at most `bytes` in all.
    #[must_use]
    pub const fn capacity(mut self, bytes: u64) -> Self {
        self.capacity = bytes;
        self
    }

    /// With no value longer than `bytes`.
    #[must_use]
    pub const fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// With values kept for `time` at the longest.
    #[must_use]
    pub const fn time_to_live(mut self, time: Option<Duration>) -> Self {
        self.time_to_live = time;
        self
    }

    /// With values forgotten that nobody read for `time`.
    #[must_use]
    pub const fn time_to_idle(mut self, time: Option<Duration>) -> Self {
        self.time_to_idle = time;
        self
    }
}
