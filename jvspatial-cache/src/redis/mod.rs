//! A cache in Redis, which processes share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::Value;
use tokio::task::AbortHandle;

use crate::cache::{Cache, Entry};
use crate::error::Result;
use crate::mark::{Mark, Point};
use crate::statistics::{Event, Statistics};

mod answers;
mod batch;
pub mod bus;
mod envelope;
mod hearing;
mod keeper;
mod lease;
mod link;
mod options;
mod pulse;
mod scripts;
mod shared;

pub use answers::{Answer, Answers, Place, Sought};
pub use lease::Lease;
pub use options::{RedisOptions, RedisUrl, WhenAway};

use batch::{KEYS, batches};
use keeper::millis;
use shared::{News, Shared};

/// A cache in Redis, which all processes that open the same namespace share.
///
/// Every call is answered within [`timeout`](RedisOptions::timeout), and at once while Redis is known to be
/// away: with an error of the kind [`Unavailable`](crate::ErrorKind::Unavailable). Put it behind a
/// [`Layered`](crate::Layered) to go on without one.
///
/// It runs a task that tells Redis every tenth of [`max_stale`](RedisOptions::max_stale) that this process
/// lives. A process that ends without [`close`](Self::close) makes the others forget all that is kept. Redis 5
/// or later is needed; a cluster is not supported.
///
/// Clones share everything. The task ends with the last of them.
#[derive(Clone)]
pub struct RedisCache {
    shared: Arc<Shared>,
    keeper: Arc<Keeper>,
}

/// Ends the task of the beats.
struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RedisCache {
    /// Connects to Redis and enters the namespace. It has to be called in a tokio runtime with time and IO.
    ///
    /// Dropping the future leaves nothing behind but an entry that Redis forgets soon.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) when an option makes no sense or Redis refuses the user;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached and
    /// [`when_away`](RedisOptions::when_away) is [`WhenAway::Fail`].
    pub async fn open(options: RedisOptions) -> Result<Self> {
        let shared = Arc::new(Shared::new(options)?);
        let first = keeper::beat(&shared).await;
        if shared.options.when_away == WhenAway::Fail {
            first?;
        }
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, keeper: Arc::new(Keeper(keeper)) })
    }

    /// Leaves the namespace, so that other processes need not wonder what this one may have changed.
    ///
    /// Call it last: what is changed afterwards is told, but a failure to tell it goes unnoticed.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached, or a change could not be
    /// told; other processes then forget all that is kept.
    pub async fn close(&self) -> Result<()> {
        let shared = &self.shared;
        if shared.pulse.has_open(shared.pulse.gaps()) {
            keeper::beat(shared).await?;
        }
        self.keeper.0.abort();
        let left = shared.link.call(|mut connection| async move {
            let mut script = scripts::LEAVE.prepare_invoke();
            script.key(&shared.names.state).key(&shared.names.live).arg(&shared.id[..]);
            script.invoke_async::<u64>(&mut connection).await
        });
        left.await.map(|_| ())
    }

    /// Whether Redis is known to be away, so that calls fail at once.
    pub fn is_away(&self) -> bool {
        self.shared.link.is_open()
    }

    /// How often Redis was away.
    pub fn outages(&self) -> u64 {
        self.shared.link.outages()
    }

    /// How often a change could not be told, so that all that was kept before is not trusted.
    pub fn gaps(&self) -> u64 {
        self.shared.pulse.gaps()
    }

    /// Whether values that are kept in Redis are read.
    pub fn is_trusted(&self) -> bool {
        self.trusted().is_some()
    }

    /// How long ago Redis was asked what goes on and answered; `None` before the first time.
    pub fn heartbeat_age(&self) -> Option<Duration> {
        self.shared.pulse.age()
    }

    fn trusted(&self) -> Option<Point> {
        self.shared.trusted()
    }

    fn opened(&self, key: &[u8], found: Value) -> Option<Entry> {
        let entry = match found {
            Value::BulkString(sealed) => {
                let entry = envelope::open(key, sealed, self.shared.options.max_value);
                if entry.is_err() {
                    self.shared.recorder.count(key, Event::Foreign);
                }
                entry.ok()
            }
            _ => None,
        };
        let event = if entry.is_some() { Event::Hit } else { Event::Miss };
        self.shared.recorder.count(key, event);
        entry
    }

    fn seal(&self, key: &[u8], version: u64, value: &[u8]) -> Vec<u8> {
        self.shared.recorder.add(key, Event::BytesWritten, value.len() as u64);
        envelope::seal(key, version, value, self.shared.options.compress_from)
    }

    fn is_oversize(&self, key: &[u8], value: &[u8]) -> bool {
        let oversize = value.len() > self.shared.options.max_value;
        if oversize {
            self.shared.recorder.count(key, Event::Oversize);
        }
        oversize
    }

    fn millis(&self, time_to_live: Option<Duration>) -> u64 {
        let bound = self.shared.options.time_to_live;
        millis(time_to_live.map_or(bound, |time| time.min(bound)))
    }

    async fn keep(
        &self,
        point: Point,
        entries: &[(&[u8], u64, Vec<u8>)],
        stays: u64,
    ) -> Result<()> {
        let shared = &self.shared;
        let refused: Vec<usize> = shared
            .link
            .call(|mut connection| async move {
                let mut script = scripts::KEEP.prepare_invoke();
                script.key(&shared.names.state).arg(&shared.names.prefix);
                script.arg(point.era).arg(point.seq);
                for (key, _, sealed) in entries {
                    script.arg(*key).arg(&sealed[..]).arg(stays);
                }
                script.invoke_async(&mut connection).await
            })
            .await?;
        for (key, ..) in refused.into_iter().filter_map(|place| entries.get(place)) {
            shared.recorder.count(key, Event::StaleRefused);
        }
        Ok(())
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache")
            .field("url", self.shared.link.url())
            .field("prefix", &self.shared.names.prefix)
            .field("away", &self.is_away())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Cache for RedisCache {
    /// The point is what the last beat brought, so a removal by another process since then makes a load
    /// refused that it did not overtake; never the other way round.
    fn mark(&self) -> Mark {
        Mark::now(self.trusted().unwrap_or_default())
    }

    async fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Entry>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let shared = &self.shared;
        let Some(point) = self.trusted() else {
            return Err(shared.untrusted(keys.iter().copied()));
        };
        let mut pipeline = redis::Pipeline::with_capacity(keys.len().div_ceil(KEYS));
        for chunk in keys.chunks(KEYS) {
            let command = pipeline.cmd("MGET");
            for key in chunk {
                command.arg(shared.names.value(point.era, key));
            }
        }
        let answer = shared.link.call(|mut connection| async move {
            pipeline.query_async::<Vec<Vec<Value>>>(&mut connection).await
        });
        let answer = answer.await.inspect_err(|_| {
            keys.iter().for_each(|key| shared.recorder.count(key, Event::Unavailable));
        })?;
        let values = keys.iter().zip(answer.into_iter().flatten());
        Ok(values.map(|(key, value)| self.opened(key, value)).collect())
    }

    async fn set_many(
        &self,
        entries: &[(&[u8], Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (oversize, kept): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, value)| self.is_oversize(key, value));
        if !oversize.is_empty() {
            let keys: Vec<&[u8]> = oversize.iter().map(|(key, _)| *key).collect();
            self.remove_many(&keys).await?;
        }
        if kept.is_empty() {
            return Ok(());
        }
        let stays = self.millis(time_to_live);
        let sealed = kept.iter().map(|(key, value)| (key.to_vec(), self.seal(key, 0, value)));
        self.shared.set(sealed.collect(), stays).await
    }

    async fn set_newer_many(
        &self,
        mark: &Mark,
        entries: &[(&[u8], u64, Bytes)],
        time_to_live: Option<Duration>,
    ) -> Result<()> {
        let shared = &self.shared;
        let keys = || entries.iter().map(|(key, ..)| *key);
        let (oversize, kept): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, _, value)| self.is_oversize(key, value));
        if !oversize.is_empty() {
            // What is there may be older than the value for which there is no room.
            let keys: Vec<_> = oversize.iter().map(|(key, version, _)| (*key, *version)).collect();
            self.forget_many(&keys).await?;
        }
        if kept.is_empty() {
            return Ok(());
        }
        if mark.taken().elapsed() > shared.options.longest_load {
            keys().for_each(|key| shared.recorder.count(key, Event::StaleRefused));
            return Ok(());
        }
        let Some(now) = self.trusted() else { return Err(shared.untrusted(keys())) };
        let point = mark.point();
        if point.era != now.era {
            keys().for_each(|key| shared.recorder.count(key, Event::StaleRefused));
            return Ok(());
        }
        let stays = self.millis(time_to_live);
        for chunk in batches(&kept, |(_, _, value)| value.len()) {
            let sealed: Vec<_> = chunk
                .iter()
                .map(|(key, version, value)| (*key, *version, self.seal(key, *version, value)))
                .collect();
            self.keep(point, &sealed, stays).await.inspect_err(|_| {
                chunk.iter().for_each(|(key, ..)| shared.recorder.count(key, Event::Unavailable));
            })?;
        }
        Ok(())
    }

    async fn forget_many(&self, keys: &[(&[u8], u64)]) -> Result<()> {
        let news = keys.chunks(KEYS).map(|chunk| {
            let forgotten = chunk.iter().map(|(key, version)| (key.to_vec(), *version)).collect();
            News { forgotten, ..News::default() }
        });
        self.shared.tell(news.collect()).await.map(|_| ())
    }

    async fn remove_many(&self, keys: &[&[u8]]) -> Result<()> {
        let news = keys.chunks(KEYS).map(|chunk| {
            let removed = chunk.iter().map(|key| key.to_vec()).collect();
            News { removed, ..News::default() }
        });
        self.shared.tell(news.collect()).await.map(|_| ())
    }

    async fn clear(&self) -> Result<()> {
        self.shared.clear().await
    }

    fn statistics(&self) -> Vec<Statistics> {
        self.shared.recorder.statistics()
    }
}
