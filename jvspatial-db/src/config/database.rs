//! The settings of a database.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use super::{bytes, duration};
use crate::durability::Durability;
use crate::error::{Error, ErrorKind, Result};

/// What a deployment says of its database; [`open_with`](crate::open_with) opens it.
///
/// What is `None` is left to the URL, and else to the default. A setting that the backend of the URL has no use for is
/// refused, except for limits; so is one that contradicts an option of the URL. `Debug` shows no password.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// Where the database is, as for [`open`](crate::open). Default: none; it must be given.
    pub url: Option<String>,
    /// Whether a missing JSON database is made. Default: yes.
    pub create: Option<bool>,
    /// When an acknowledged write of a JSON database is on disk. Default: [`Durability::Sync`].
    pub durability: Option<Durability>,
    /// How long a call may take. Default: 10 s.
    #[serde(deserialize_with = "duration")]
    pub operation_timeout: Option<Duration>,
    /// How much memory the keys of one sort may take in this process. Default: 100 MiB.
    #[serde(deserialize_with = "bytes")]
    pub sort_bytes: Option<usize>,
    /// How long a connection to a MongoDB server may take. Default: 2 s; never more than a call may take.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Option<Duration>,
    /// How many connections to each MongoDB server there may be. Default: 10.
    pub pool_max: Option<u32>,
    /// How many connections to each MongoDB server are kept open. Default: 0.
    pub pool_min: Option<u32>,
    /// For how long a connection to a MongoDB server may lie idle. Default: without end.
    #[serde(deserialize_with = "duration")]
    pub pool_idle: Option<Duration>,
    /// What reads from MongoDB see. Default: [`ReadConcern::Snapshot`].
    pub read_concern: Option<ReadConcern>,
    /// When MongoDB acknowledges a write. Default: [`WriteConcern::Majority`].
    pub write_concern: Option<WriteConcern>,
    /// Which MongoDB servers are read from. Default: [`ReadPreference::Primary`].
    pub read_preference: Option<ReadPreference>,
    /// Whether connections to MongoDB are encrypted. Default: as the URL says, otherwise no.
    pub tls: Option<bool>,
    /// The file with the certificates of the authorities that a MongoDB server is trusted by. Default: those that come
    /// with the library.
    pub tls_ca_file: Option<PathBuf>,
    /// The file with the certificate and key that this client shows to a MongoDB server. Default: none.
    pub tls_certificate_key_file: Option<PathBuf>,
    /// How messages to and from MongoDB are compressed; the first that the server knows. Default: not at all.
    #[serde(deserialize_with = "list")]
    pub compression: Option<Vec<Compression>>,
}

/// What reads from MongoDB see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReadConcern {
    /// One point in time, at which a majority of the servers was. Weaker ones would break what a find promises.
    Snapshot,
}

/// When MongoDB acknowledges a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WriteConcern {
    /// When it is on a majority of the servers. By weaker ones an acknowledged write could be lost.
    Majority,
}

/// Which MongoDB servers are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReadPreference {
    /// The one that takes writes. From others a read could miss a write that was acknowledged before.
    Primary,
}

/// How messages to and from MongoDB are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compression {
    /// Quick, and not much smaller.
    Snappy,
    /// Slower, and smaller.
    Zlib,
}

impl DatabaseConfig {
    /// The defaults for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }

    /// Refuses what a backend has no use for.
    ///
    /// # Errors
    /// `Unsupported`, naming the setting and the backend that has a use for it.
    pub(crate) fn check_for(&self, backend: &'static str) -> Result<()> {
        let mongodb = [
            ("connect_timeout", self.connect_timeout.is_some()),
            ("pool_max", self.pool_max.is_some()),
            ("pool_min", self.pool_min.is_some()),
            ("pool_idle", self.pool_idle.is_some()),
            ("read_concern", self.read_concern.is_some()),
            ("write_concern", self.write_concern.is_some()),
            ("read_preference", self.read_preference.is_some()),
            ("tls", self.tls.is_some()),
            ("tls_ca_file", self.tls_ca_file.is_some()),
            ("tls_certificate_key_file", self.tls_certificate_key_file.is_some()),
            ("compression", self.compression.is_some()),
        ];
        let json = [("create", self.create.is_some()), ("durability", self.durability.is_some())];
        for (owner, settings) in [("mongodb", &mongodb[..]), ("json", &json[..])] {
            let given = settings.iter().find(|(_, is_given)| *is_given);
            if let Some((key, _)) = given.filter(|_| owner != backend) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "this database has no use for a setting",
                )
                .with("setting", format_args!("database.{key}"))
                .with("database", backend)
                .with("known by", owner));
            }
        }
        Ok(())
    }
}

/// Whether nothing in a URL of this scheme is secret.
fn is_plain(url: &str) -> bool {
    url.starts_with("json:") || url.starts_with("memory:")
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands before the colon of a URL that is none may be anything.
        let known = ["mongodb", "mongodb+srv"];
        let url = self.url.as_deref().map(|url| match url.split_once(':') {
            _ if is_plain(url) => url.to_owned(),
            Some((scheme, _)) if known.contains(&scheme) => format!("{scheme}:***"),
            _ => "***".to_owned(),
        });
        f.debug_struct("DatabaseConfig")
            .field("url", &url)
            .field("create", &self.create)
            .field("durability", &self.durability)
            .field("operation_timeout", &self.operation_timeout)
            .field("sort_bytes", &self.sort_bytes)
            .field("connect_timeout", &self.connect_timeout)
            .field("pool_max", &self.pool_max)
            .field("pool_min", &self.pool_min)
            .field("pool_idle", &self.pool_idle)
            .field("read_concern", &self.read_concern)
            .field("write_concern", &self.write_concern)
            .field("read_preference", &self.read_preference)
            .field("tls", &self.tls)
            .field("tls_ca_file", &self.tls_ca_file)
            .field("tls_certificate_key_file", &self.tls_certificate_key_file)
            .field("compression", &self.compression)
            .finish()
    }
}

/// A list, or the text of one with commas, which is how a variable has it.
fn list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<Compression>>, D::Error> {
    deserializer.deserialize_any(List).map(Some)
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Vec<Compression>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of snappy and zlib")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        let mut list = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let way = match name {
                "snappy" => Compression::Snappy,
                "zlib" => Compression::Zlib,
                _ => return Err(E::unknown_variant(name, &["snappy", "zlib"])),
            };
            if list.contains(&way) {
                return Err(E::custom("a way of compression is named twice"));
            }
            list.push(way);
        }
        Ok(list)
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut items: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.contains(&item) {
                return Err(A::Error::custom("a way of compression is named twice"));
            }
            list.push(item);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for url in ["mongodb://me:canary@host/db", "canary", "json//canary:canary"] {
            assert!(!format!("{:?}", DatabaseConfig::new(url)).contains("canary"), "{url}");
        }
        assert!(format!("{:?}", DatabaseConfig::new("json:./air.db")).contains("json:./air.db"));
    }

    #[test]
    fn a_way_of_compression_is_named_once_in_a_list_and_in_a_text() {
        for twice in [r#""zlib, zlib""#, r#"["zlib", "zlib"]"#] {
            let config = format!(r#"{{ "compression": {twice} }}"#);
            let error = serde_json::from_str::<DatabaseConfig>(&config).unwrap_err();
            assert!(error.to_string().contains("named twice"), "{error}");
        }
    }

    #[test]
    fn a_setting_that_a_backend_has_no_use_for_names_the_one_that_has() {
        let config: DatabaseConfig = serde_json::from_str(r#"{ "pool_max": 5 }"#).unwrap();
        let error = config.check_for("json").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("setting"), Some("database.pool_max"));
        assert_eq!(error.context("known by"), Some("mongodb"));
        config.check_for("mongodb").unwrap();
        let config: DatabaseConfig = serde_json::from_str(r#"{ "durability": "os" }"#).unwrap();
        assert_eq!(config.check_for("memory").unwrap_err().context("known by"), Some("json"));
        let limits = r#"{ "operation_timeout": "2s", "sort_bytes": "1MiB" }"#;
        serde_json::from_str::<DatabaseConfig>(limits).unwrap().check_for("memory").unwrap();
    }
}
