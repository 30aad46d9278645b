//! The contract of a cache.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

/// A cache of encoded values by key: memory, Redis, or one in front of the other.
///
/// A cache may forget anything at any time, so nothing but speed can hang on it. A key is any text.
///
/// Dropping the future of any call is safe: what it wrote is there whole or not at all.
#[async_trait]
pub trait Cache: fmt::Debug + Send + Sync + 'static {
    /// The values of `keys`, one place for each key in order; `None` where there is none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>>;

    /// Keeps values in the place of those before, for `time_to_live` at the longest if one is given.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; none, some or
    /// all of the values are then kept.
    async fn set_many(
        &self,
        entries: &[(&str, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()>;

    /// Forgets the values of `keys`. After it returns no call reads one that was kept before.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; some of the values
    /// may then still be kept.
    async fn remove_many(&self, keys: &[&str]) -> Result<()>;
}
