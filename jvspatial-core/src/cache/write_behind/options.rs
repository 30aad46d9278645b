//! How writes are acknowledged before they are written.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jvspatial_db::{Error, Id};

/// What is done with what the database refuses.
pub(super) type Handler = Arc<dyn Fn(RefusedWrite) + Send + Sync>;

/// How a graph acknowledges writes before they are written: [`Strategy::WriteBehind`](crate::Strategy::WriteBehind).
///
/// ```
/// use std::time::Duration;
/// use jvspatial_core::{CacheOptions, Strategy, WriteBehind};
///
/// let behind = WriteBehind::new().operations(1_000).on_refused(|write| eprintln!("{}", write.error));
/// let options = CacheOptions::new().strategy(Strategy::WriteBehind(behind));
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until they are handed to `CacheOptions`"]
pub struct WriteBehind {
    pub(super) operations: usize,
    pub(super) bytes: usize,
    pub(super) patience: Duration,
    pub(super) handler: Option<Handler>,
}

/// A write that was acknowledged and that the database refused.
#[derive(Debug)]
#[non_exhaustive]
pub struct RefusedWrite {
    /// The document that was to be written.
    pub id: Id,
    /// Why it was not: of kind `Conflict` or `NotFound` when another process was faster, `Duplicate` for a unique key,
    /// otherwise what the database refused the whole batch with.
    pub error: Error,
}

impl Default for WriteBehind {
    fn default() -> Self {
        Self {
            operations: 10_000,
            bytes: 16 << 20,
            patience: Duration::from_secs(10),
            handler: None,
        }
    }
}

impl WriteBehind {
    /// Up to 10,000 operations or 16 MiB wait to be written.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations may wait to be written; with more, writers wait. Default: 10,000. A larger batch waits alone.
    pub const fn operations(mut self, count: usize) -> Self {
        self.operations = count;
        self
    }

    /// How many bytes of encoded fields may wait to be written; with more, writers wait. Default: 16 MiB.
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// For how long a call waits for what was acknowledged before it to be written, or for room. After that it fails with
    /// `Unavailable`. Default: 10 s.
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// What is done with each write that the database refuses after it was acknowledged, besides counting and logging it. It is
    /// called in the order of the writes by the task that writes, and must not block. Default: nothing.
    pub fn on_refused(mut self, handler: impl Fn(RefusedWrite) + Send + Sync + 'static) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }
}

impl fmt::Debug for WriteBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind")
            .field("operations", &self.operations)
            .field("bytes", &self.bytes)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
