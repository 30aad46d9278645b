//! The name of an entity type, interned so that an id carries it in two bytes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use parking_lot::RwLock;

use crate::error::{Error, Result};
use crate::limits::MAX_ENTITY_NAME_BYTES;

const CHUNK: usize = 256;
const CAPACITY: usize = CHUNK * CHUNK;

/// How many names may come from stored documents. The rest is for the types of the application, which
/// cannot go on without, so no file can use their numbers up.
#[cfg(any(feature = "json", feature = "mongodb"))]
const STORED_CAPACITY: usize = CAPACITY / 2;

type Chunk = Box<[OnceLock<&'static str>; CHUNK]>;

/// The names by number. Reads take no lock, because every id that is printed passes here.
static NAMES: [OnceLock<Chunk>; CHUNK] = [const { OnceLock::new() }; CHUNK];
static NUMBERS: LazyLock<RwLock<HashMap<&'static str, u16>>> = LazyLock::new(RwLock::default);

/// The name of an entity type, such as `City`: a number that stands for an interned string.
///
/// A name is 1 to 64 bytes of letters, digits and underscores of any script and does not begin with
/// a digit. Names are kept for the life of the process and there is room for 65,536 of them; text
/// from outside is therefore only ever looked up ([`EntityName::lookup`]), never interned.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntityName(u16);

impl EntityName {
    /// The name `name`, interned.
    ///
    /// # Errors
    /// `Invalid` when the name breaks the rule above, `Limit` when it is too long or the process
    /// already knows 65,536 names.
    pub fn new(name: &str) -> Result<Self> {
        check(name)?;
        Self::intern(name, CAPACITY).ok_or_else(|| {
            Error::limit("too many entity names in one process")
                .with("entity", name)
                .with("limit", CAPACITY)
        })
    }

    /// The name `name` of a stored document, interned unless it breaks the rule or stored documents have
    /// used up their share of the numbers.
    #[cfg(any(feature = "json", feature = "mongodb"))]
    pub(crate) fn of_stored(name: &str) -> Option<Self> {
        Self::lookup(name)
            .or_else(|| check(name).is_ok().then(|| Self::intern(name, STORED_CAPACITY)).flatten())
    }

    /// The name `name`, which gets a number below `capacity` if it has none yet.
    fn intern(name: &str, capacity: usize) -> Option<Self> {
        if let Some(known) = Self::lookup(name) {
            return Some(known);
        }
        let mut numbers = NUMBERS.write();
        if let Some(&number) = numbers.get(name) {
            return Some(Self(number));
        }
        let number = u16::try_from(numbers.len()).ok().filter(|_| numbers.len() < capacity)?;
        let name: &'static str = Box::leak(Box::from(name));
        let (chunk, slot) = split(number);
        let chunk = NAMES[chunk].get_or_init(|| Box::new([const { OnceLock::new() }; CHUNK]));
        chunk[slot].get_or_init(|| name);
        numbers.insert(name, number);
        Some(Self(number))
    }

    /// The name `name` when some entity type or stored document already has it.
    pub fn lookup(name: &str) -> Option<Self> {
        NUMBERS.read().get(name).copied().map(Self)
    }

    /// The number that stands for the name in this process.
    #[cfg(feature = "json")]
    pub(crate) const fn number(self) -> u16 {
        self.0
    }

    /// The name with this [number](Self::number).
    #[cfg(feature = "json")]
    pub(crate) const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// Whether there may be stored documents whose name is not interned.
    #[cfg(feature = "json")]
    pub(crate) fn misses_stored() -> bool {
        NUMBERS.read().len() >= STORED_CAPACITY
    }

    /// The name as text.
    pub fn as_str(self) -> &'static str {
        let (chunk, slot) = split(self.0);
        NAMES[chunk].get().and_then(|chunk| chunk[slot].get()).copied().unwrap_or_default()
    }
}

fn split(number: u16) -> (usize, usize) {
    (usize::from(number) / CHUNK, usize::from(number) % CHUNK)
}

/// Checks the rule for entity names.
pub(crate) fn check(name: &str) -> Result<()> {
    if name.len() > MAX_ENTITY_NAME_BYTES {
        return Err(Error::limit("entity name is too long")
            .with("bytes", name.len())
            .with("limit", MAX_ENTITY_NAME_BYTES));
    }
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    if !first || !letters.all(|letter| letter.is_alphanumeric() || letter == '_') {
        return Err(Error::invalid(
            "entity name is not a letter or underscore followed by letters, digits, underscores",
        )
        .with("entity", format_args!("{name:?}")));
    }
    Ok(())
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityName({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_same_name_is_the_same_number() {
        let city = EntityName::new("City").unwrap();
        assert_eq!(EntityName::new("City").unwrap(), city);
        assert_ne!(EntityName::new("Town").unwrap(), city);
        assert_eq!(city.as_str(), "City");
        assert_eq!(EntityName::lookup("City"), Some(city));
        assert_eq!(EntityName::lookup("NobodyInternedThis"), None);
    }

    #[test]
    fn names_with_separators_or_control_characters_are_refused() {
        for bad in ["", "a.b", "a/b", "a\\b", "a\0b", "..", "a b", "a\nb", "1a", "a-b"] {
            assert_eq!(EntityName::new(bad).unwrap_err().kind(), ErrorKind::Invalid, "{bad:?}");
        }
        assert_eq!(EntityName::new(&"x".repeat(65)).unwrap_err().kind(), ErrorKind::Limit);
    }

    #[cfg(feature = "json")]
    #[test]
    fn stored_names_leave_room_for_the_types_of_the_application() {
        let stored = (0..CAPACITY).filter_map(|n| EntityName::of_stored(&format!("Stored{n}")));
        assert!((STORED_CAPACITY / 2..=STORED_CAPACITY).contains(&stored.count()));
        assert!(EntityName::misses_stored());
        assert_eq!(EntityName::new("DeclaredAfterwards").unwrap().as_str(), "DeclaredAfterwards");
        assert_eq!(EntityName::of_stored("Stored/0"), None);
    }

    #[test]
    fn names_of_any_script_are_kept() {
        for name in ["Straße", "都市", "_Hidden", "V2"] {
            assert_eq!(EntityName::new(name).unwrap().as_str(), name);
        }
    }
}
