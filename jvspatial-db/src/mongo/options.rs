//! How a MongoDB database is opened.

use std::time::Duration;

use crate::limits::MAX_SORT_BYTES;

/// How [`MongoDb::open`](super::MongoDb::open) opens a database, beside what its URL says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MongoDbOptions {
    /// How long a call may take, the search for a server included. Each batch of a find has its own. A read that
    /// takes longer is reported as `Unavailable`. Default: 10 s.
    pub deadline: Duration,
    /// How much memory the keys of one sort may take in this process, which sorts only what is read from the end
    /// of an order. The server has a bound of its own, of 100 MB unless it was told otherwise.
    /// Default: 100 MiB.
    pub max_sort_bytes: usize,
}

impl Default for MongoDbOptions {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), max_sort_bytes: MAX_SORT_BYTES }
    }
}

impl MongoDbOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a call may take; at least a millisecond.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        // To a server, no milliseconds mean no bound.
        self.deadline = if deadline.as_millis() == 0 { Duration::from_millis(1) } else { deadline };
        self
    }

    /// Sets how much memory the keys of one sort may take.
    #[must_use]
    pub const fn max_sort_bytes(mut self, bytes: usize) -> Self {
        self.max_sort_bytes = bytes;
        self
    }
}
