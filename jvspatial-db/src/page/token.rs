//! The text that stands for a place in one answer.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bson::{Bson, Document};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::codec::{Encoding, to_bson_document};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::limits::MAX_PAGE_TOKEN_BYTES;
use crate::query::Query;
use crate::sort::{Position, Sort};

/// The form of the text; tokens of other forms are refused.
const VERSION: u8 = 1;

/// Where version, direction and question stand, and how long the checksum at the end is.
const HEAD: usize = 10;
const CHECKSUM: usize = 8;

/// The way to one page of one question: opaque text for URLs, at most
/// [`MAX_PAGE_TOKEN_BYTES`] long.
///
/// It holds where the page begins: the sort values and the id of a document beside it. It is tied to
/// collection, filter (with its values) and sort, and is refused with any other. Its checksum finds
/// accidents and edits; it is no signature, but all that a forged token can choose is where in the
/// same answer to begin.
///
/// ```
/// use jvspatial_db::PageToken;
///
/// assert!("AQ".parse::<PageToken>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PageToken(Box<[u8]>);

/// Where a page lies from the place in its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageDirection {
    /// After it, in the order of the sort.
    Forward,
    /// Before it.
    Backward,
}

/// What a token is tied to: the collection, the filter, the sort, and the scope.
pub(super) fn question(query: &Query, scope: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[query.collection.letter() as u8]);
    for part in [query.filter.to_document(), query.sort.to_document()] {
        // What cannot be encoded is printed, which tells it apart as well.
        let bytes = part.to_vec().unwrap_or_else(|_| part.to_string().into_bytes());
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
    }
    hash.update(scope);
    hash.digest()
}

impl PageToken {
    pub(super) fn new(
        direction: PageDirection,
        question: u64,
        position: &Position,
    ) -> Result<Self> {
        let mut bytes = vec![VERSION, flags(direction, position.is_inclusive())];
        bytes.extend_from_slice(&question.to_le_bytes());
        let mut place = Document::new();
        place.insert("i", position.id().to_string());
        place.insert("v", position.values().collect::<Vec<Bson>>());
        let encoded = place.to_vec().map_err(|error| {
            Error::invalid("sort value cannot be kept in a page token").with_source(error)
        })?;
        bytes.extend_from_slice(&encoded);
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        if bytes.len() > MAX_PAGE_TOKEN_BYTES / 4 * 3 {
            return Err(Error::limit("sort values are too large for a page token")
                .with("bytes", bytes.len())
                .with("limit", MAX_PAGE_TOKEN_BYTES / 4 * 3));
        }
        Ok(Self(bytes.into()))
    }

    /// Where the page lies.
    pub fn direction(&self) -> PageDirection {
        match self.0.get(1) {
            Some(flags) if flags & BACKWARD != 0 => PageDirection::Backward,
            _ => PageDirection::Forward,
        }
    }

    /// The place, if the token is one of this question.
    ///
    /// # Errors
    /// `Invalid` when it is one of another.
    pub(super) fn position(&self, question: u64, sort: &Sort) -> Result<Position> {
        let (head, place) = self.0.split_at_checked(HEAD).ok_or_else(malformed)?;
        let asked = head.get(2..).unwrap_or_default();
        if asked != question.to_le_bytes() {
            return Err(Error::invalid("page token is one of another filter, sort or collection"));
        }
        let place = place.len().checked_sub(CHECKSUM).and_then(|end| place.get(..end));
        let place = to_bson_document(Encoding::Bson, place.ok_or_else(malformed)?)
            .map_err(|error| malformed().with_source(error))?;
        let id: Id = place.get_str("i").map_err(|_| malformed())?.parse()?;
        let values = place.get_array("v").map_err(|_| malformed())?.iter().cloned();
        let inclusive = head.get(1).is_some_and(|flags| flags & INCLUSIVE != 0);
        Ok(Position::new(sort, values, id)?.inclusive(inclusive))
    }
}

const BACKWARD: u8 = 1;
const INCLUSIVE: u8 = 2;

const fn flags(direction: PageDirection, inclusive: bool) -> u8 {
    let direction = match direction {
        PageDirection::Forward => 0,
        PageDirection::Backward => BACKWARD,
    };
    if inclusive { direction | INCLUSIVE } else { direction }
}

#[cold]
fn malformed() -> Error {
    Error::invalid("text is not a page token")
}

impl FromStr for PageToken {
    type Err = Error;

    /// Reads a token from text of any origin.
    ///
    /// # Errors
    /// `Invalid` for text that is no token, was changed, or is of another version of tokens; `Limit`
    /// when it is too long.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_PAGE_TOKEN_BYTES {
            return Err(Error::limit("page token is too long")
                .with("bytes", text.len())
                .with("limit", MAX_PAGE_TOKEN_BYTES));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        match bytes.first() {
            Some(&VERSION) => {}
            Some(version) => {
                return Err(Error::new(ErrorKind::Invalid, "page token is of another version")
                    .with("expected", VERSION)
                    .with("found", version));
            }
            None => return Err(malformed()),
        }
        let sealed = bytes.len().checked_sub(CHECKSUM).filter(|end| *end >= HEAD);
        let (content, checksum) = bytes.split_at(sealed.ok_or_else(malformed)?);
        if xxh3_64(content).to_le_bytes() != checksum {
            return Err(Error::invalid("page token was changed"));
        }
        Ok(Self(bytes.into()))
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

/// As text.
impl Serialize for PageToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text, with every check of [`FromStr`].
impl<'de> Deserialize<'de> for PageToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageToken({self})")
    }
}
