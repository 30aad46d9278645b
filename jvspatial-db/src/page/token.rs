//! The text that stands for a place in one answer.

use bson::{Bson, Document};
use xxhash_rust::xxh3::Xxh3;

use crate::codec::{Encoding, to_bson_document};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::limits::MAX_PAGE_TOKEN_BYTES;
use crate::query::Query;
use crate::sealed::{Seal, sealed_text};
use crate::sort::{Position, Sort};

/// Version, direction and question, then the place.
const SEAL: Seal =
    Seal { name: "page token", version: 1, head: 10, max_text: MAX_PAGE_TOKEN_BYTES };

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
        let mut bytes = vec![SEAL.version, flags(direction, position.is_inclusive())];
        bytes.extend_from_slice(&question.to_le_bytes());
        let mut place = Document::new();
        place.insert("i", position.id().to_string());
        place.insert("v", position.values().collect::<Vec<Bson>>());
        let encoded = place.to_vec().map_err(|error| {
            Error::invalid("sort value cannot be kept in a page token").with_source(error)
        })?;
        bytes.extend_from_slice(&encoded);
        SEAL.close(bytes).map(Self)
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
        let head = self.0.get(..SEAL.head).unwrap_or_default();
        let asked = head.get(2..).unwrap_or_default();
        if asked != question.to_le_bytes() {
            return Err(Error::invalid("page token is one of another filter, sort or collection"));
        }
        let malformed = || SEAL.malformed();
        let place = to_bson_document(Encoding::Bson, SEAL.place(&self.0))
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

sealed_text!(PageToken, SEAL);
