//! The text that stands for a place in a change feed.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::WatchOptions;
use crate::error::{Error, Result};
use crate::limits::MAX_RESUME_TOKEN_BYTES;
use crate::sealed::{Seal, sealed_text};

/// Version, database and selection, then the place.
const SEAL: Seal = Seal {
    name: "resume token",
    version: 1,
    head: SELECTION.end,
    max_text: MAX_RESUME_TOKEN_BYTES,
};
const DATABASE: std::ops::Range<usize> = 1..9;
const SELECTION: std::ops::Range<usize> = 9..17;

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
        let mut token = vec![SEAL.version];
        token.extend_from_slice(&self.database.to_le_bytes());
        token.extend_from_slice(&self.selection.to_le_bytes());
        token.extend_from_slice(place);
        SEAL.close(token).map(ResumeToken)
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
        Ok(SEAL.place(&token.0))
    }
}

#[cold]
pub(crate) fn malformed() -> Error {
    SEAL.malformed()
}

sealed_text!(ResumeToken, SEAL);

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
