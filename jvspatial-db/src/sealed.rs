//! Bytes as text that is handed out and comes back from anywhere: a version before them, a checksum behind them.
//!
//! The checksum finds accidents and edits; it is no signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};

/// How long the checksum is.
const CHECKSUM: usize = 8;

/// A form of such text.
#[derive(Debug)]
pub(crate) struct Seal {
    /// What errors call it.
    pub name: &'static str,
    /// The first byte; text with another is refused.
    pub version: u8,
    /// How many bytes there are at the least, with the version and without the checksum.
    pub head: usize,
    /// How long the text may be.
    pub max_text: usize,
}

impl Seal {
    /// Seals `content`, whose first byte is the version.
    ///
    /// # Errors
    /// `Limit` when it is too long.
    pub(crate) fn close(&self, mut content: Vec<u8>) -> Result<Box<[u8]>> {
        content.extend_from_slice(&xxh3_64(&content).to_le_bytes());
        let most = self.max_text / 4 * 3;
        if content.len() > most {
            return Err(Error::limit(format!("{} would be too long", self.name))
                .with("bytes", content.len())
                .with("limit", most));
        }
        Ok(content.into())
    }

    /// Reads text, and keeps the seal with what it holds.
    ///
    /// # Errors
    /// `Invalid` for text that is no such text, was changed, or is of another version; `Limit` when it is too
    /// long.
    pub(crate) fn open(&self, text: &str) -> Result<Box<[u8]>> {
        if text.len() > self.max_text {
            return Err(Error::limit(format!("{} is too long", self.name))
                .with("bytes", text.len())
                .with("limit", self.max_text));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| self.malformed())?;
        match bytes.first() {
            Some(version) if *version == self.version => {}
            Some(version) => {
                return Err(Error::invalid(format!("{} is of another version", self.name))
                    .with("expected", self.version)
                    .with("found", version));
            }
            None => return Err(self.malformed()),
        }
        let sealed = bytes.len().checked_sub(CHECKSUM).filter(|end| *end >= self.head);
        let (content, checksum) = bytes.split_at(sealed.ok_or_else(|| self.malformed())?);
        if xxh3_64(content).to_le_bytes() != checksum {
            return Err(Error::invalid(format!("{} was changed", self.name)));
        }
        Ok(bytes.into())
    }

    /// What stands behind the head in bytes with their seal.
    pub(crate) fn place<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.head..bytes.len().saturating_sub(CHECKSUM)).unwrap_or_default()
    }

    #[cold]
    pub(crate) fn malformed(&self) -> Error {
        Error::invalid(format!("text is not a {}", self.name))
    }
}

/// The text of bytes with their seal.
pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Gives a type around bytes with their seal its text, for people and for serde.
macro_rules! sealed_text {
    ($token:ident, $seal:expr) => {
        impl std::str::FromStr for $token {
            type Err = crate::error::Error;

            /// Reads a token from text of any origin.
            ///
            /// # Errors
            /// `Invalid` for text that is no token, was changed, or is of another version of tokens; `Limit`
            /// when it is too long.
            fn from_str(text: &str) -> crate::error::Result<Self> {
                $seal.open(text).map(Self)
            }
        }

        impl std::fmt::Display for $token {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&crate::sealed::text(&self.0))
            }
        }

        impl std::fmt::Debug for $token {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($token))
            }
        }

        /// As text.
        impl serde::Serialize for $token {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        /// From text, with every check of [`FromStr`](std::str::FromStr).
        impl<'de> serde::Deserialize<'de> for $token {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use sealed_text;
