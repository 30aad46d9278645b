//! The text that stands for a place in a change feed.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::WatchOptions;
use crate::error::{Error, Result};
use crate::limits::MAX_RESUME_TOKEN_BYTES;

/// The form of the text; tokens of other forms are refused.
const VERSION: u8 = 1;

/// Where version, database and selection stand, and how long the checksum at the end is.
const DATABASE: std::ops::Range<usize> = 1..9;
const SELECTION: std::ops::Range<usize> = 9..17;
const HEAD: usize = SELECTION.end;
const CHECKSUM: usize = 8;

/// A place in the changes of one database: opaque text to be kept for a later [`WatchOptions::after`], at most
/// [`MAX_RESUME_TOKEN_BYTES`] long.
///
/// It is tied to the database, and to the collection and type that were watched, and is refused with any other. Its
/// checksum finds accidents and edits; it is no signature.
///
/// ```
/// use jvspatial_db::ResumeToken;
///
/// assert!("AQ".parse::<ResumeToken>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ResumeToken(Box<[u8]>);

/// What the tokens of one watch are tied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    database: u64,
    selection: u64,
}

impl Origin {
    /// The origin of tokens that a watch of `options` gives out on the database that `name` tells from any other.
    pub(crate) fn new(name: &str, options: &WatchOptions) -> Self {
        let mut selection = Xxh3::new();
        let letter = options.collection.map_or('*', |collection| collection.letter());
        selection.update(&(letter as u32).to_le_bytes());
        selection.update(options.entity.map_or("", |entity| entity.as_str()).as_bytes());
        Self { database: xxh3_64(name.as_bytes()), selection: selection.digest() }
    }

    /// A token for `place`, in the backend's own form.
    ///
    /// # Errors
    /// `Limit` when the place is too long to be kept.
    pub(crate) fn token(self, place: &[u8]) -> Result<ResumeToken> {
        let bytes = HEAD + place.len() + CHECKSUM;
        if bytes > MAX_RESUME_TOKEN_BYTES / 4 * 3 {
            return Err(Error::limit("place in the change feed is too long for a token")
                .with("bytes", bytes)
                .with("limit", MAX_RESUME_TOKEN_BYTES / 4 * 3));
        }
        let mut token = Vec::with_capacity(bytes);
        token.push(VERSION);
        token.extend_from_slice(&self.database.to_le_bytes());
        token.extend_from_slice(&self.selection.to_le_bytes());
        token.extend_from_slice(place);
        token.extend_from_slice(&xxh3_64(&token).to_le_bytes());
        Ok(ResumeToken(token.into()))
    }

    /// The place in `token`, if it has this origin.
    ///
    /// # Errors
    /// `Invalid` when it has another.
    pub(crate) fn place(self, token: &ResumeToken) -> Result<&[u8]> {
        let part = |range| token.0.get(range).unwrap_or_default();
        if part(DATABASE) != self.database.to_le_bytes() {
            return Err(Error::invalid("resume token is one of another database"));
        }
        if part(SELECTION) != self.selection.to_le_bytes() {
            return Err(Error::invalid("resume token is one of another collection or type"));
        }
        Ok(part(HEAD..token.0.len().saturating_sub(CHECKSUM)))
    }
}

#[cold]
pub(crate) fn malformed() -> Error {
    Error::invalid("text is not a resume token")
}

impl FromStr for ResumeToken {
    type Err = Error;

    /// Reads a token from text of any origin.
    ///
    /// # Errors
    /// `Invalid` for text that is no token, was changed, or is of another version of tokens; `Limit`
    /// when it is too long.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_RESUME_TOKEN_BYTES {
            return Err(Error::limit("resume token is too long")
                .with("bytes", text.len())
                .with("limit", MAX_RESUME_TOKEN_BYTES));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        match bytes.first() {
            Some(&VERSION) => {}
            Some(version) => {
                return Err(Error::invalid("resume token is of another version")
                    .with("expected", VERSION)
                    .with("found", version));
            }
            None => return Err(malformed()),
        }
        let sealed = bytes.len().checked_sub(CHECKSUM).filter(|end| *end >= HEAD);
        let (content, checksum) = bytes.split_at(sealed.ok_or_else(malformed)?);
        if xxh3_64(content).to_le_bytes() != checksum {
            return Err(Error::invalid("resume token was changed"));
        }
        Ok(Self(bytes.into()))
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

/// As text.
impl Serialize for ResumeToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text, with every check of [`FromStr`].
impl<'de> Deserialize<'de> for ResumeToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumeToken({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::entity_name::EntityName;
    use crate::error::ErrorKind;
    use crate::id::Collection;

    fn origin(name: &str, options: &WatchOptions) -> Origin {
        Origin::new(name, options)
    }

    #[test]
    fn a_token_comes_back_from_its_text_with_its_place() {
        let own = origin("json:1", &WatchOptions::new());
        let token = own.token(b"place").unwrap();
        let again: ResumeToken = token.to_string().parse().unwrap();
        assert_eq!(again, token);
        assert_eq!(own.place(&again).unwrap(), b"place");
        let json = serde_json::to_string(&token).unwrap();
        assert_eq!(serde_json::from_str::<ResumeToken>(&json).unwrap(), token);
    }

    #[test]
    fn a_token_of_another_database_or_selection_is_refused() {
        let token = origin("json:1", &WatchOptions::new()).token(b"place").unwrap();
        let city = EntityName::new("City").unwrap();
        for other in [
            origin("json:2", &WatchOptions::new()),
            origin("json:1", &WatchOptions::new().collection(Collection::Node)),
            origin("json:1", &WatchOptions::new().entity(city)),
        ] {
            assert_eq!(other.place(&token).unwrap_err().kind(), ErrorKind::Invalid);
        }
        let same = WatchOptions::new().ids_only().after(token.clone());
        assert_eq!(origin("json:1", &same).place(&token).unwrap(), b"place");
    }

    #[test]
    fn text_that_was_changed_cut_or_made_up_is_no_token() {
        let text = origin("json:1", &WatchOptions::new()).token(b"place").unwrap().to_string();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let error = changed.parse::<ResumeToken>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{changed}");
            assert!(text[..at].parse::<ResumeToken>().is_err());
        }
        let long = "A".repeat(MAX_RESUME_TOKEN_BYTES + 1);
        assert_eq!(long.parse::<ResumeToken>().unwrap_err().kind(), ErrorKind::Limit);
        let place = vec![0; MAX_RESUME_TOKEN_BYTES];
        let error = origin("json:1", &WatchOptions::new()).token(&place).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}
