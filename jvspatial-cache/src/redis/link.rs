//! The connection to Redis, and the breaker that spares callers a Redis which does not answer.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, RedisResult};
use tokio::sync::Notify;

use super::options::RedisUrl;
use crate::error::{Error, ErrorKind, Result};

/// A connection that heals, behind a breaker.
///
/// A call that gets no answer in time opens the breaker. While it is open calls fail at once, and
/// [`probe`](Self::probe) alone reaches Redis; one that is answered closes it.
pub(super) struct Link {
    url: RedisUrl,
    client: Client,
    manager: Mutex<ConnectionManager>,
    timeout: Duration,
    open: AtomicBool,
    /// When the breaker was opened.
    since: Mutex<Option<Instant>>,
    outages: AtomicU64,
    /// Probes in a row that timed out without an error of the connection.
    silent: AtomicU64,
    /// Told when a probe is wanted soon.
    pub(super) wanted: Notify,
}

impl fmt::Debug for Link {
    /// Without the connection, whose settings have the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("url", &self.url)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// A connection may hang where packets vanish: after this many silent probes another is made.
const SILENT_PROBES: u64 = 3;

impl Link {
    /// Does not connect yet.
    pub(super) fn new(url: RedisUrl, timeout: Duration) -> Result<Self> {
        let client = Client::open(url.connection()).map_err(|error| invalid(&url, &error))?;
        let manager = manager(&client, timeout).map_err(|error| invalid(&url, &error))?;
        Ok(Self {
            url,
            client,
            manager: Mutex::new(manager),
            timeout,
            open: AtomicBool::new(false),
            since: Mutex::new(None),
            outages: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            wanted: Notify::new(),
        })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) const fn url(&self) -> &RedisUrl {
        &self.url
    }

    /// How often Redis was away.
    pub(super) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Asks Redis, unless the breaker is open.
    pub(super) async fn call<T, F>(&self, ask: impl FnOnce(ConnectionManager) -> F) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        if self.is_open() {
            return Err(self.away("it did not answer before and is being probed"));
        }
        match self.ask(ask).await {
            Ok(answer) => answer.map_err(|error| {
                if is_of_connection(&error) {
                    self.opened(&error);
                }
                self.failed(&error)
            }),
            Err(Silent) => {
                self.opened(&Silent);
                Err(self.away(Silent))
            }
        }
    }

    /// Asks Redis whatever the breaker says, and sets it by the answer.
    pub(super) async fn probe<T, F>(&self, ask: impl FnOnce(ConnectionManager) -> F) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        match self.ask(ask).await {
            Ok(Ok(answer)) => {
                self.closed();
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.silent.store(0, Ordering::Relaxed);
                self.opened(&error);
                Err(self.failed(&error))
            }
            Err(Silent) => {
                self.opened(&Silent);
                if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_PROBES {
                    self.silent.store(0, Ordering::Relaxed);
                    if let Ok(manager) = manager(&self.client, self.timeout) {
                        *self.manager.lock() = manager;
                    }
                }
                Err(self.away(Silent))
            }
        }
    }

    async fn ask<T, F>(
        &self,
        ask: impl FnOnce(ConnectionManager) -> F,
    ) -> Result<RedisResult<T>, Silent>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let manager = self.manager.lock().clone();
        tokio::time::timeout(self.timeout, ask(manager)).await.map_err(|_| Silent)
    }

    fn opened(&self, why: &dyn fmt::Display) {
        if self.open.swap(true, Ordering::AcqRel) {
            return;
        }
        *self.since.lock() = Some(Instant::now());
        self.outages.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(redis = %self.url, "the cache goes on without Redis: {why}");
        self.wanted.notify_one();
    }

    fn closed(&self) {
        self.silent.store(0, Ordering::Relaxed);
        if !self.open.swap(false, Ordering::AcqRel) {
            return;
        }
        let away = self.since.lock().take().map(|since| since.elapsed());
        tracing::info!(redis = %self.url, ?away, "the cache uses Redis again");
    }

    pub(super) fn away(&self, why: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Unavailable, format!("Redis at {}: {why}", self.url))
    }

    /// An error of Redis is told by its text, which repeats no password and no value.
    fn failed(&self, error: &RedisError) -> Error {
        let wrong = matches!(
            error.kind(),
            redis::ErrorKind::InvalidClientConfig | redis::ErrorKind::AuthenticationFailed
        ) || matches!(error.code(), Some("NOAUTH" | "NOPERM" | "WRONGPASS"));
        let kind = if wrong { ErrorKind::Invalid } else { ErrorKind::Unavailable };
        Error::new(kind, format!("Redis at {}: {error}", self.url))
    }
}

/// Redis gave no answer in time.
#[derive(Debug)]
struct Silent;

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer in time")
    }
}

/// Whether Redis could not be reached, rather than refused what was asked.
fn is_of_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error()
}

fn manager(client: &Client, timeout: Duration) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        // The probes try again, at a pace of their own.
        .set_number_of_retries(0)
        .set_pipeline_buffer_size(1_024);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

fn invalid(url: &RedisUrl, error: &RedisError) -> Error {
    Error::new(ErrorKind::Invalid, format!("Redis at {url}: {}", error.category()))
}
