//! The contract of a cache.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::mark::Mark;
use crate::statistics::Statistics;

/// A value that a cache keeps, and the version it was kept with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The version; 0 where the value was kept without one.
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

/// A cache of encoded values by key: memory, Redis, or one in front of the other.
///
/// A cache may forget anything at any time, so nothing but speed can hang on it. A key is any bytes; those
/// before the first `:` name the row of [`statistics`](Self::statistics) in which it counts.
///
/// Values with a version come by [`set_newer_many`](Self::set_newer_many), and an older one never replaces a
/// newer one. [`forget_many`](Self::forget_many) and [`remove_many`](Self::remove_many) hold also against
/// loads that are under way: what was loaded before is refused when it comes in afterwards.
///
/// Dropping the future of any call is safe: what it wrote of one key is there whole or not at all.
#[async_trait]
pub trait Cache: fmt::Debug + Send + Sync + 'static {
    /// A mark to take before a load; see [`Mark`]. It costs no round trip.
    fn mark(&self) -> Mark;

    /// The values of `keys`, one place for each key in order; `None` where there is none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached.
    async fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Entry>>>;

    /// Keeps values without a version in the place of those before, for `time_to_live` at the longest if one
    /// is given.
    ///
    /// This asks nothing: a value that was loaded before its key was removed takes the place of nothing, and
    /// is stale. Use [`set_newer_many`](Self::set_newer_many) for what was loaded.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; none, some or
    /// all of the values are then kept.
    async fn set_many(
        &self,
        entries: &[(&[u8], Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()>;

    /// Keeps each value unless a newer version is there, or was to be forgotten, or the key was forgotten in
    /// any way since `mark` was taken. One of the same version is replaced. A refused value is no error.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; none, some or
    /// all of the values are then kept.
    async fn set_newer_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()>;

    /// Forgets each value that is older than the version beside its key, and refuses such values that come
    /// in later, for longer than any load lasts. After it returns no call reads one of them.
    ///
    /// Versions of a key have to grow. Where they began anew, use [`remove_many`](Self::remove_many).
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; some of the values
    /// may then still be kept, and the cache itself sees to it that they are not read for long.
    async fn forget_many(&self, keys: &[(&[u8], u64)]) -> Result<()>;

    /// Forgets the values of `keys`, whatever their version. After it returns no call reads one that was kept
    /// before, nor one whose [`Mark`] was taken before.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; some of the values
    /// may then still be kept, and the cache itself sees to it that they are not read for long.
    async fn remove_many(&self, keys: &[&[u8]]) -> Result<()>;

    /// Keeps values that were just written to their source, and forgets what is older as
    /// [`forget_many`](Self::forget_many) does. `mark` has to be from before the write.
    ///
    /// Where another write came between, nothing is kept and the older value is forgotten all the same.
    ///
    /// # Errors
    /// Those of [`forget_many`](Self::forget_many).
    async fn write_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        let keys: Vec<_> = entries.iter().map(|(key, version, _)| (*key, *version)).collect();
        self.forget_many(&keys).await?;
        self.set_newer_many(mark, entries, time_to_live).await
    }

    /// Forgets everything, also what is being loaded. Takes the same time however much there is.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the cache cannot be reached; the values may then
    /// still be kept, and the cache itself sees to it that they are not read for long.
    async fn clear(&self) -> Result<()>;

    /// What was counted since this cache was made, by prefix of the keys in the order of their first use.
    fn statistics(&self) -> Vec<Statistics>;

    /// The value of one key; see [`get_many`](Self::get_many).
    ///
    /// # Errors
    /// Those of [`get_many`](Self::get_many).
    async fn get(&self, key: &[u8]) -> Result<Option<Entry>> {
        Ok(self.get_many(&[key]).await?.pop().flatten())
    }

    /// Keeps one value without a version; see [`set_many`](Self::set_many).
    ///
    /// # Errors
    /// Those of [`set_many`](Self::set_many).
    async fn set(&self, key: &[u8], value: Bytes, time_to_live: Option<Duration>) -> Result<()> {
        self.set_many(&[(key, value)], time_to_live).await
    }

    /// Keeps one value unless it may be stale; see [`set_newer_many`](Self::set_newer_many).
    ///
    /// # Errors
    /// Those of [`set_newer_many`](Self::set_newer_many).
    async fn set_newer(
        &self,
        mark: &Mark,
        key: &[u8],
        version: u64,
        value: Bytes,
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        self.set_newer_many(mark, &[(key, version, value)], time_to_live).await
    }

    /// Forgets one value that is older than `version`; see [`forget_many`](Self::forget_many).
    ///
    /// # Errors
    /// Those of [`forget_many`](Self::forget_many).
    async fn forget(&self, key: &[u8], version: u64) -> Result<()> {
        self.forget_many(&[(key, version)]).await
    }

    /// Forgets one value; see [`remove_many`](Self::remove_many).
    ///
    /// # Errors
    /// Those of [`remove_many`](Self::remove_many).
    async fn remove(&self, key: &[u8]) -> Result<()> {
        self.remove_many(&[key]).await
    }
}
