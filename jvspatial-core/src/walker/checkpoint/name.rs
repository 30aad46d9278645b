//! The names of checkpoints, and the documents that stand for them.

use std::fmt::Write as _;

use jvspatial_db::{Collection, EntityName, Id};

use crate::__private::entity_name;
use crate::error::{Error, ErrorKind, Result};

/// The longest name in bytes: one of which every byte is spelled by three still makes an id.
const MAX_NAME_BYTES: usize = 60;

/// The type of the document that there is one of for each checkpoint.
pub(super) fn head_entity() -> EntityName {
    entity_name!("WalkCheckpoint")
}

/// The id of the head of the checkpoint called `name`, which may be any text of up to 60 bytes.
pub(super) fn head_id(name: &str) -> Result<Id> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        let kind = if name.is_empty() { ErrorKind::Invalid } else { ErrorKind::Limit };
        return Err(Error::new(kind, "name of a checkpoint is out of its range")
            .with("bytes", name.len())
            .with("smallest", 1)
            .with("largest", MAX_NAME_BYTES));
    }
    Ok(Id::with_key(Collection::System, head_entity(), &spelled(name))?)
}

/// The id of a part; `token` tells the parts of one walk from those of all others.
pub(super) fn part_id(token: &str, part: Part) -> Result<Id> {
    let key = match part {
        Part::Past(number) => format!("{token}.past.{number}"),
        Part::Now { generation, number } => format!("{token}.{generation}.{number}"),
    };
    Ok(Id::with_key(Collection::System, entity_name!("WalkCheckpointPart"), &key)?)
}

/// Which part.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// One of what was met, kept for as long as the checkpoint is.
    Past(u32),
    /// One of all else, which every checkpoint replaces.
    Now { generation: u64, number: u32 },
}

/// A key that no other name has: what a key must not hold is spelled by its bytes.
fn spelled(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '%' | '.' | '/' | '\\' | '"') || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing into a text does not fail.
                let _ = write!(key, "%{byte:02x}");
            }
        } else {
            key.push(character);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn any_text_of_sixty_bytes_is_a_name() {
        for name in ["a", "nightly/recount v1..2", "%2f", "/", "\u{0}\u{85}\\\"", "тур", " "] {
            head_id(name).unwrap();
        }
        for byte in ["/", "\u{1}", ".", "x"] {
            head_id(&byte.repeat(60)).unwrap();
            assert_eq!(head_id(&byte.repeat(61)).unwrap_err().kind(), ErrorKind::Limit);
        }
        assert_eq!(head_id("").unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn different_names_are_different_checkpoints() {
        let names = ["/", "%2f", "%252f", ".", "..", "%2e", "a.b", "a%2eb", "a\u{85}", "a%c2%85"];
        let mut ids: Vec<Id> = names.iter().map(|name| head_id(name).unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), names.len());
    }
}
