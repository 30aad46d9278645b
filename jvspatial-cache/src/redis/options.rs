//! Where a cache in Redis is, and what it is bounded by.

use std::fmt;
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::error::{Error, ErrorKind, Result};

/// The address of a Redis, whose password nothing ever prints.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

impl RedisUrl {
    /// Reads `redis://[user:password@]host[:port][/database]` or `redis+unix:///path`.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for anything else. The error does not repeat the text.
    pub fn parse(text: &str) -> Result<Self> {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        if matches!(scheme, Some("rediss" | "valkeys")) {
            let why = "this build has no TLS for Redis, so its URL cannot begin with `rediss:`";
            return Err(Error::new(ErrorKind::Invalid, why));
        }
        text.into_connection_info().map(Self).map_err(|error| {
            // The category alone: a detail may quote the text.
            let why = format!(
                "the URL of Redis is not `redis://[user:password@]host[:port][/database]`: {}",
                error.category()
            );
            Error::new(ErrorKind::Invalid, why)
        })
    }

    pub(super) fn connection(&self) -> ConnectionInfo {
        self.0.clone()
    }
}

impl fmt::Display for RedisUrl {
    /// Host and port, or the path of the socket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.addr().fmt(f)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// What to do when Redis cannot be reached as a cache is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenAway {
    /// Fail.
    #[default]
    Fail,
    /// Open all the same, and use Redis as soon as it is there.
    Degrade,
}

/// Where a [`RedisCache`](crate::RedisCache) is, and its bounds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisOptions {
    /// The address.
    pub url: RedisUrl,
    /// The first part of every key in Redis. Default `jv`.
    pub key_prefix: String,
    /// The second part: caches of one namespace share their values and nothing else. Default `default`.
    pub namespace: String,
    /// What opening does when Redis cannot be reached. Default [`WhenAway::Fail`].
    pub when_away: WhenAway,
    /// How long a call waits for Redis. Default 500 ms.
    pub timeout: Duration,
    /// How long a process may serve what another one changed, whatever happens. Default 5 s. Every process
    /// of a namespace has to have the same.
    pub max_stale: Duration,
    /// How long a value is kept at the longest. Default 1 hour.
    pub time_to_live: Duration,
    /// The longest load: a value whose mark is older is refused. Tombstones stay twice as long.
    /// Default 30 s. Every process of a namespace has to have the same.
    pub longest_load: Duration,
    /// The longest value that is kept, before it is compressed. Default 1 MiB.
    pub max_value: usize,
    /// From which length on values are compressed. Default 1 KiB.
    pub compress_from: usize,
}

impl RedisOptions {
    /// The Redis at `url`, with the defaults of everything else.
    ///
    /// # Errors
    /// Those of [`RedisUrl::parse`].
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self {
            url: RedisUrl::parse(url)?,
            key_prefix: "jv".to_owned(),
            namespace: "default".to_owned(),
            when_away: WhenAway::Fail,
            timeout: Duration::from_millis(500),
            max_stale: Duration::from_secs(5),
            time_to_live: Duration::from_secs(3_600),
            longest_load: Duration::from_secs(30),
            max_value: 1 << 20,
            compress_from: 1_024,
        })
    }

    /// With another first part of the keys.
    #[must_use]
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// With another namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// With another choice for a Redis that cannot be reached.
    #[must_use]
    pub const fn when_away(mut self, choice: WhenAway) -> Self {
        self.when_away = choice;
        self
    }

    /// With another bound on what calls wait.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// With another bound on how stale a value may be.
    #[must_use]
    pub const fn max_stale(mut self, time: Duration) -> Self {
        self.max_stale = time;
        self
    }

    /// With another bound on how long values are kept.
    #[must_use]
    pub const fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// With another bound on how long loads take.
    #[must_use]
    pub const fn longest_load(mut self, time: Duration) -> Self {
        self.longest_load = time;
        self
    }

    /// With another bound on the length of values.
    #[must_use]
    pub const fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// With another length from which on values are compressed.
    #[must_use]
    pub const fn compress_from(mut self, bytes: usize) -> Self {
        self.compress_from = bytes;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        for (name, part) in [("key prefix", &self.key_prefix), ("namespace", &self.namespace)] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            if part.is_empty() || part.len() > 64 || !part.bytes().all(plain) {
                let why = format!(
                    "the {name} has to be 1 to 64 letters, digits, `_`, `-` and `.`, not {part:?}"
                );
                return Err(Error::new(ErrorKind::Invalid, why));
            }
        }
        let bounds = [
            ("timeout", self.timeout, Duration::from_millis(1), Duration::from_secs(60)),
            ("max_stale", self.max_stale, Duration::from_secs(1), Duration::from_secs(3_600)),
            ("time_to_live", self.time_to_live, Duration::from_millis(1), Duration::MAX),
            (
                "longest_load",
                self.longest_load,
                Duration::from_millis(100),
                Duration::from_secs(86_400),
            ),
        ];
        for (name, time, least, most) in bounds {
            if time < least || time > most {
                let why = format!("{name} is {time:?}, which is not from {least:?} to {most:?}");
                return Err(Error::new(ErrorKind::Invalid, why));
            }
        }
        if self.max_value > 256 << 20 {
            let why = format!("max_value is {} bytes, more than 256 MiB", self.max_value);
            return Err(Error::new(ErrorKind::Invalid, why));
        }
        Ok(())
    }

    /// How often a process says that it lives.
    pub(super) fn beat(&self) -> Duration {
        self.max_stale / 10
    }

    /// After which silence a process is given up.
    pub(super) fn given_up(&self) -> Duration {
        self.max_stale * 2 / 5
    }

    /// For how long a process believes what its last beat brought. Together with the silence after which
    /// another is given up, and a beat to find that, it stays below `max_stale`.
    pub(super) fn trust(&self) -> Duration {
        self.max_stale * 3 / 10
    }
}
