//! Reading the ids of a journal, of which there are many and few kinds.

use crate::entity_name::EntityName;
use crate::error::Result;
use crate::id::{Collection, Id, KEY_TEXT, parse_hex};

/// Reads the ids of a backend as [`Id::parse_stored`] does, faster when few entity names occur.
#[derive(Debug)]
pub(crate) struct StoredIds {
    /// The names met last, by a few of their bytes.
    names: [Option<(EntityName, &'static str)>; 32],
}

impl StoredIds {
    pub(crate) const fn new() -> Self {
        Self { names: [None; 32] }
    }

    /// Reads an id.
    ///
    /// # Errors
    /// Those of [`Id::parse_stored`].
    #[inline]
    pub(crate) fn parse(&mut self, text: &str) -> Result<Id> {
        match self.parse_known(text) {
            Some(id) => Ok(id),
            None => self.parse_new(text),
        }
    }

    /// Reads a generated id whose entity name was met before.
    #[inline]
    fn parse_known(&self, text: &str) -> Option<Id> {
        let (head, key) = text.as_bytes().split_last_chunk::<KEY_TEXT>()?;
        let [letter, b'.', entity @ .., b'.'] = head else { return None };
        let (name, known) = self.names[Self::place(entity)]?;
        if known.as_bytes() != entity {
            return None;
        }
        Some(Id::generated(Collection::from_letter(*letter)?, name, parse_hex(key)?))
    }

    #[cold]
    fn parse_new(&mut self, text: &str) -> Result<Id> {
        let id = Id::parse_stored(text)?;
        if let (Some(entity), Some(_)) = (id.entity_name(), id.generated_key()) {
            let name = entity.as_str();
            self.names[Self::place(name.as_bytes())] = Some((entity, name));
        }
        Ok(id)
    }

    #[inline]
    fn place(name: &[u8]) -> usize {
        match name {
            [first, .., last] => {
                (name.len() + 5 * usize::from(*first) + 3 * usize::from(*last)) % 32
            }
            _ => 0,
        }
    }
}
