//! The id of a document: `{n|e|o|j}.{Entity}.{key}` in sixteen bytes.

mod collection;
mod handle;
mod key;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use self::collection::Collection;
pub use self::handle::Handle;
#[cfg(feature = "json")]
pub(crate) use self::key::{KEY_TEXT, parse_hex};
use self::key::{hex, parse_key};

use crate::entity_name::{self, EntityName};
use crate::error::{Error, Result};
use crate::limits::MAX_ID_BYTES;

/// The id of a document: its collection, its entity name and a key, written `n.City.4b60c5d8224f4482a88b6829`.
///
/// A generated key is an ObjectId (time, process, counter) in 24 lower-case hex digits, so ids sort by
/// creation. A chosen key is any text without `/`, `\`, `"`, `..` and control characters, so an id stands
/// in JSON as it is. The whole id is at most 200 bytes.
///
/// An `Id` takes 16 bytes, and cloning it never allocates: a generated key is kept as its 12 bytes
/// beside the number of the interned entity name, anything else as shared text. Ids order as their
/// texts do, byte by byte, which is also how both backends sort them.
#[derive(Clone)]
pub struct Id(Repr);

#[derive(Clone)]
enum Repr {
    Generated { collection: Collection, entity: EntityName, key: [u8; 12] },
    Text { collection: Collection, text: Arc<Box<str>> },
}

static ROOT: LazyLock<Id> = LazyLock::new(|| {
    Id(Repr::Text { collection: Collection::Node, text: Arc::new(Box::from(Id::ROOT)) })
});

impl Id {
    /// The text of the root node's id.
    pub const ROOT: &'static str = "n.Root.root";

    /// The id of the root node, from which walks start when nothing else is said.
    pub fn root() -> Self {
        ROOT.clone()
    }

    /// What no id sorts before.
    pub(crate) fn least() -> Self {
        static LEAST: LazyLock<Id> = LazyLock::new(|| {
            Id(Repr::Text { collection: Collection::Edge, text: Arc::new(Box::from("e..")) })
        });
        LEAST.clone()
    }

    /// The id with a generated key; see [`IdGenerator`](crate::IdGenerator).
    pub const fn generated(collection: Collection, entity: EntityName, key: [u8; 12]) -> Self {
        Self(Repr::Generated { collection, entity, key })
    }

    /// The id with a key of the caller's choice.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when the key breaks the rule of [`Id`].
    pub fn with_key(collection: Collection, entity: EntityName, key: &str) -> Result<Self> {
        if let Some(key) = parse_key(key.as_bytes()) {
            return Ok(Self::generated(collection, entity, key));
        }
        let text = format!("{}.{entity}.{key}", collection.letter());
        check_key(&text, key)?;
        Ok(Self(Repr::Text { collection, text: Arc::new(text.into_boxed_str()) }))
    }

    /// Reads an id that a backend stored; unlike `parse` it interns the entity name.
    #[cfg(any(feature = "json", feature = "mongodb"))]
    pub(crate) fn parse_stored(text: &str) -> Result<Self> {
        let (collection, entity, key) = split(text)?;
        match (parse_key(key.as_bytes()), EntityName::of_stored(entity)) {
            (Some(key), Some(entity)) => Ok(Self::generated(collection, entity, key)),
            _ => Self::text(collection, text, entity, key),
        }
    }

    fn text(collection: Collection, text: &str, entity: &str, key: &str) -> Result<Self> {
        entity_name::check(entity)?;
        check_key(text, key)?;
        Ok(Self(Repr::Text { collection, text: Arc::new(Box::from(text)) }))
    }

    /// The collection the document is in.
    pub fn collection(&self) -> Collection {
        match &self.0 {
            Repr::Generated { collection, .. } | Repr::Text { collection, .. } => *collection,
        }
    }

    /// The entity name as text.
    pub fn entity(&self) -> &str {
        match &self.0 {
            Repr::Generated { entity, .. } => entity.as_str(),
            Repr::Text { text, .. } => parts(text).0,
        }
    }

    /// Whether the document is of the entity type `name`.
    pub fn is_entity(&self, name: EntityName) -> bool {
        match &self.0 {
            Repr::Generated { entity, .. } => *entity == name,
            Repr::Text { text, .. } => parts(text).0 == name.as_str(),
        }
    }

    /// The interned entity name, when the process knows it.
    pub fn entity_name(&self) -> Option<EntityName> {
        match &self.0 {
            Repr::Generated { entity, .. } => Some(*entity),
            Repr::Text { text, .. } => EntityName::lookup(parts(text).0),
        }
    }

    /// The twelve bytes of a generated key.
    pub fn generated_key(&self) -> Option<[u8; 12]> {
        match &self.0 {
            Repr::Generated { key, .. } => Some(*key),
            Repr::Text { text, .. } => parse_key(parts(text).1.as_bytes()),
        }
    }

    /// The order in which documents were made: generated keys by time and counter, then chosen keys
    /// by their text. Edges of one node are listed in this order on every backend.
    pub fn cmp_creation(&self, other: &Self) -> Ordering {
        match (self.generated_key(), other.generated_key()) {
            (Some(a), Some(b)) => a.cmp(&b).then_with(|| self.cmp(other)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.cmp(other),
        }
    }

    /// The order by collection and entity name.
    fn cmp_type(&self, other: &Self) -> Ordering {
        let by_collection = self.collection().cmp(&other.collection());
        by_collection.then_with(|| self.entity().cmp(other.entity()))
    }

    /// Appends the text to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Generated { collection, entity, key } => {
                out.extend_from_slice(&[collection.letter() as u8, b'.']);
                out.extend_from_slice(entity.as_str().as_bytes());
                out.push(b'.');
                out.extend_from_slice(&hex(key));
            }
            Repr::Text { text, .. } => out.extend_from_slice(text.as_bytes()),
        }
    }

    /// How many bytes the text has.
    pub fn text_len(&self) -> usize {
        match &self.0 {
            Repr::Generated { entity, .. } => 2 + entity.as_str().len() + 1 + 24,
            Repr::Text { text, .. } => text.len(),
        }
    }
}

/// Splits a text of the right shape; see `parts` for one already checked.
fn split(text: &str) -> Result<(Collection, &str, &str)> {
    let malformed = || {
        Error::invalid("id is not of the form n.Entity.key, e.Entity.key or o.Entity.key")
            .with("id", format_args!("{:?}", shorten(text)))
    };
    let bytes = text.as_bytes();
    let collection =
        bytes.first().copied().and_then(Collection::from_letter).ok_or_else(malformed)?;
    let rest = text.get(1..).and_then(|rest| rest.strip_prefix('.')).ok_or_else(malformed)?;
    let (entity, key) = rest.split_once('.').ok_or_else(malformed)?;
    Ok((collection, entity, key))
}

fn parts(text: &str) -> (&str, &str) {
    text.get(2..).and_then(|rest| rest.split_once('.')).unwrap_or_default()
}

fn check_key(text: &str, key: &str) -> Result<()> {
    if text.len() > MAX_ID_BYTES {
        return Err(Error::limit("id is too long")
            .with("id", format_args!("{:?}", shorten(text)))
            .with("bytes", text.len())
            .with("limit", MAX_ID_BYTES));
    }
    let bad = if key.is_empty() {
        "id has an empty key"
    } else if key.contains("..") {
        "id holds `..`"
    } else if key.contains(['/', '\\', '"']) {
        "id holds a slash, backslash or quotation mark"
    } else if key.chars().any(char::is_control) {
        "id holds a control character"
    } else {
        return Ok(());
    };
    Err(Error::invalid(bad).with("id", format_args!("{text:?}")))
}

/// Long enough to recognise an id in a message, short enough for a log line.
fn shorten(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}

impl FromStr for Id {
    type Err = Error;

    /// Reads an id from text of any origin: nothing is interned, and every rule of [`Id`] is checked.
    fn from_str(text: &str) -> Result<Self> {
        let (collection, entity, key) = split(text)?;
        match (parse_key(key.as_bytes()), EntityName::lookup(entity)) {
            (Some(key), Some(entity)) => Ok(Self::generated(collection, entity, key)),
            _ => Self::text(collection, text, entity, key),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Generated { collection, entity, key } => {
                let digits = hex(key);
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                write!(f, "{}.{entity}.{digits}", collection.letter())
            }
            Repr::Text { text, .. } => f.write_str(text),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (
                Repr::Generated { collection, entity, key },
                Repr::Generated { collection: collection2, entity: entity2, key: key2 },
            ) => key == key2 && entity == entity2 && collection == collection2,
            (Repr::Text { text, .. }, Repr::Text { text: text2, .. }) => text == text2,
            // One text was read before its entity name was known to the process.
            _ => self.cmp(other) == Ordering::Equal,
        }
    }
}

impl Eq for Id {}

impl Hash for Id {
    /// Hashes a generated key alone, whichever way it is kept: equal ids must hash alike, and the
    /// number of an entity name says nothing about an id that was read before the name was known.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match (&self.0, self.generated_key()) {
            (_, Some(key)) => {
                let [a, b, c, d, e, f, g, h, rest @ ..] = key;
                state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
                state.write_u32(u32::from_le_bytes(rest));
            }
            (Repr::Text { text, .. }, None) => state.write(text.as_bytes()),
            (Repr::Generated { .. }, None) => {}
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    /// The order of the texts. Comparing part by part gives the same, because `.` sorts before
    /// every character that an entity name may hold.
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (
                Repr::Generated { collection, entity, key },
                Repr::Generated { collection: collection2, entity: entity2, key: key2 },
            ) if collection == collection2 && entity == entity2 => key.cmp(key2),
            (Repr::Generated { .. }, Repr::Generated { .. }) => self.cmp_type(other),
            (Repr::Text { text, .. }, Repr::Text { text: text2, .. }) => text.cmp(text2),
            (Repr::Generated { key, .. }, Repr::Text { text, .. }) => {
                self.cmp_type(other).then_with(|| hex(key).as_slice().cmp(parts(text).1.as_bytes()))
            }
            (Repr::Text { .. }, Repr::Generated { .. }) => other.cmp(self).reverse(),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id such as n.City.4b60c5d8224f4482a88b6829")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl AsRef<Id> for Id {
    fn as_ref(&self) -> &Id {
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn an_id_takes_sixteen_bytes() {
        assert_eq!(size_of::<Id>(), 16);
        assert_eq!(size_of::<Option<Id>>(), 16);
        assert_eq!(size_of::<Handle>(), 24);
    }

    #[test]
    fn text_survives_a_round_trip() {
        EntityName::new("IdCity").unwrap();
        for text in [
            "n.IdCity.4b60c5d8224f4482a88b6829",
            "n.Unknown1.4b60c5d8224f4482a88b6829",
            "n.Root.root",
            "o.U.custom-1",
            "e.Road.東京.1",
            "n.IdCity.4B60C5D8224F4482A88B6829",
        ] {
            let id: Id = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(id.text_len(), text.len());
            let mut bytes = Vec::new();
            id.write_to(&mut bytes);
            assert_eq!(bytes, text.as_bytes());
        }
    }

    #[cfg(feature = "json")]
    proptest::proptest! {
        #[test]
        fn ids_read_fast_are_those_read_slowly(
            texts in proptest::collection::vec(
                "([nejox]\\.(City|Town|A|Ä|é|City2)\\.([0-9a-f]{24}|[0-9a-f]{23}[g/:`@A-F0]|[0-9a-f]{22}[é\u{80}]|[0-9a-f.]{24}|.{0,30}))|.{0,40}",
                1..8,
            ),
        ) {
            let mut stored = crate::stored_ids::StoredIds::new();
            for text in texts.iter().chain(&texts) {
                let (fast, slow) = (stored.parse(text), Id::parse_stored(text));
                let show = |id: Result<Id>| id.map_err(|error| error.to_string());
                let (fast, slow) = (show(fast), show(slow));
                if let (Ok(fast), Ok(slow)) = (&fast, &slow) {
                    let generated = |id: &Id| matches!(id.0, Repr::Generated { .. });
                    proptest::prop_assert_eq!(generated(fast), generated(slow));
                }
                proptest::prop_assert_eq!(fast, slow);
            }
        }
    }

    #[test]
    fn malformed_ids_are_refused_and_name_the_limit() {
        for bad in [
            "",
            "n",
            "n.",
            "n.City",
            "n.City.",
            "x.City.1",
            "City.1",
            "n.Ci/ty.1",
            "n.City.a/b",
            "n.City.a\\b",
            "n.City.a\"b",
            "n.City.a\0b",
            "n.City.a..b",
            "n.City.a\u{85}b",
            "n..1",
            "n1.City.1",
            "€.City.1",
        ] {
            assert_eq!(bad.parse::<Id>().unwrap_err().kind(), ErrorKind::Invalid, "{bad:?}");
        }
        let long = format!("n.City.{}", "x".repeat(200)).parse::<Id>().unwrap_err();
        assert_eq!((long.kind(), long.context("limit")), (ErrorKind::Limit, Some("200")));
    }

    #[test]
    fn an_id_read_before_its_entity_was_known_equals_the_one_read_after() {
        let text = "n.LateCity.4b60c5d8224f4482a88b6829";
        let before: Id = text.parse().unwrap();
        EntityName::new("LateCity").unwrap();
        let after: Id = text.parse().unwrap();
        assert!(matches!(before.0, Repr::Text { .. }) && matches!(after.0, Repr::Generated { .. }));
        let hasher = RandomState::new();
        assert_eq!(before, after);
        assert_eq!(hasher.hash_one(&before), hasher.hash_one(&after));
        assert_eq!(before.generated_key(), after.generated_key());
        assert_eq!(before.entity_name(), after.entity_name());
    }

    #[test]
    fn ids_order_as_their_texts() {
        for name in ["Aa", "Aab", "B"] {
            EntityName::new(name).unwrap();
        }
        let mut texts = vec![
            "n.Aa.4b60c5d8224f4482a88b6829",
            "n.Aa.4b60c5d8224f4482a88b682a",
            "n.Aa.root",
            "n.Aab.4b60c5d8224f4482a88b6829",
            "n.Aab.1",
            "n.B.4b60c5d8224f4482a88b6829",
            "e.B.4b60c5d8224f4482a88b6829",
            "o.B.ffffffffffffffffffffffff",
            "n.Aa.~",
            "j.B.x",
            "n.Unseen.4b60c5d8224f4482a88b6829",
            "n.Aa_.000000000000000000000000",
        ];
        let mut ids: Vec<Id> = texts.iter().map(|text| text.parse().unwrap()).collect();
        texts.sort_unstable();
        ids.sort();
        let sorted: Vec<String> = ids.iter().map(Id::to_string).collect();
        assert_eq!(sorted, texts);
    }

    #[test]
    fn creation_order_ignores_the_entity_name() {
        let older: Id = "e.Zz.000000010000000000000001".parse().unwrap();
        let newer: Id = "e.Aa.000000020000000000000000".parse().unwrap();
        let chosen: Id = "e.Aa.0".parse().unwrap();
        assert_eq!(older.cmp_creation(&newer), Ordering::Less);
        assert_eq!(newer.cmp_creation(&chosen), Ordering::Less);
    }

    #[test]
    fn serde_reads_what_it_wrote_and_refuses_the_rest() {
        let id: Id = "o.U.custom-1".parse().unwrap();
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<Id>(&text).unwrap(), id);
        assert!(serde_json::from_str::<Id>("\"../../etc/passwd\"").is_err());
        assert!(serde_json::from_str::<Id>("{\"$ne\":null}").is_err());
    }
}
