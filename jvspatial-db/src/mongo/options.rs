//! How a MongoDB database is opened.

use std::path::PathBuf;
use std::time::Duration;

use super::observer::{CommandObserver, SentCommand};
use crate::config::{Compression, DatabaseConfig};
use crate::limits::MAX_SORT_BYTES;

/// How [`MongoDb::open`](super::MongoDb::open) opens a database, beside what its URL says.
///
/// What is `None` is left to the URL, and else to the default. What both say must be the same.
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
    /// How long a connection may take; never more than a call. Default: 2 s.
    pub connect_timeout: Option<Duration>,
    /// How many connections to each server there may be. Default: 10.
    pub pool_max: Option<u32>,
    /// How many connections to each server are kept open. Default: 0.
    pub pool_min: Option<u32>,
    /// For how long a connection may lie idle. Default: without end.
    pub pool_idle: Option<Duration>,
    /// Whether connections are encrypted. Default: no.
    pub tls: Option<bool>,
    /// The file with the certificates of the authorities that a server is trusted by. Default: those that come with
    /// the library.
    pub tls_ca_file: Option<PathBuf>,
    /// The file with the certificate and key that this client shows. Default: none.
    pub tls_certificate_key_file: Option<PathBuf>,
    /// How messages are compressed; the first that the server knows. Default: not at all.
    pub compression: Option<Vec<Compression>>,
    /// Who is told of every command that is sent. Default: nobody.
    pub command_observer: Option<CommandObserver>,
}

impl Default for MongoDbOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            max_sort_bytes: MAX_SORT_BYTES,
            connect_timeout: None,
            pool_max: None,
            pool_min: None,
            pool_idle: None,
            tls: None,
            tls_ca_file: None,
            tls_certificate_key_file: None,
            compression: None,
            command_observer: None,
        }
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

    /// Sets how long a connection may take.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets how many connections to each server there may be; at least 1.
    #[must_use]
    pub const fn pool_max(mut self, connections: u32) -> Self {
        self.pool_max = Some(connections);
        self
    }

    /// Sets how many connections to each server are kept open.
    #[must_use]
    pub const fn pool_min(mut self, connections: u32) -> Self {
        self.pool_min = Some(connections);
        self
    }

    /// Sets for how long a connection may lie idle.
    #[must_use]
    pub const fn pool_idle(mut self, time: Duration) -> Self {
        self.pool_idle = Some(time);
        self
    }

    /// Sets whether connections are encrypted.
    #[must_use]
    pub const fn tls(mut self, enabled: bool) -> Self {
        self.tls = Some(enabled);
        self
    }

    /// Sets the file with the certificates of the authorities that a server is trusted by.
    #[must_use]
    pub fn tls_ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_ca_file = Some(file.into());
        self
    }

    /// Sets the file with the certificate and key that this client shows.
    #[must_use]
    pub fn tls_certificate_key_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_certificate_key_file = Some(file.into());
        self
    }

    /// Sets how messages are compressed; each way once.
    #[must_use]
    pub fn compression(mut self, ways: impl IntoIterator<Item = Compression>) -> Self {
        self.compression = Some(ways.into_iter().collect());
        self
    }

    /// Sets who is told of every command that is sent, those of this library's own making included. It is called where
    /// the command is sent, so it must not block; a panic of it goes no further.
    #[must_use]
    pub fn command_observer(
        mut self,
        observer: impl Fn(&SentCommand) + Send + Sync + 'static,
    ) -> Self {
        self.command_observer = Some(CommandObserver::new(observer));
        self
    }

    /// What a deployment has configured, beside its URL. The concerns have one value each, by which this backend goes
    /// anyway; settings of other backends are passed over.
    pub fn configured(config: &DatabaseConfig) -> Self {
        let mut options = Self {
            connect_timeout: config.connect_timeout,
            pool_max: config.pool_max,
            pool_min: config.pool_min,
            pool_idle: config.pool_idle,
            tls: config.tls,
            tls_ca_file: config.tls_ca_file.clone(),
            tls_certificate_key_file: config.tls_certificate_key_file.clone(),
            compression: config.compression.clone(),
            ..Self::default()
        };
        if let Some(deadline) = config.operation_timeout {
            options = options.deadline(deadline);
        }
        if let Some(bytes) = config.sort_bytes {
            options = options.max_sort_bytes(bytes);
        }
        options
    }
}
