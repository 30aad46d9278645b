//! Random documents as they are stored.

use bson::{Bson, Document, doc};

use super::value::fields;
use crate::random::Random;

/// The entity of all documents.
pub(crate) const ENTITY: &str = "Thing";

/// Under which name a document keeps the fields of its user.
pub(crate) const CONTEXT: &str = "context";

/// The id of document number `number`.
pub(crate) fn id(number: usize) -> String {
    format!("o.{ENTITY}.{number}")
}

/// A name of a field: one of few, so that paths meet fields; some look like positions in a list.
pub(crate) fn name(random: &mut Random) -> &'static str {
    const NAMES: [&str; 12] = ["a", "a", "a", "a", "b", "b", "b", "c", "c", "0", "1", "2"];
    const ODD: [&str; 10] = ["00", "01", "-1", "A", "é", "a b", "\"", "a$", "_id", "context"];
    let names: &[&str] = if random.one_in(25) { &ODD } else { &NAMES };
    names[random.below(names.len())]
}

/// The fields of one document, at times none.
pub(crate) fn context(random: &mut Random) -> Document {
    if random.one_in(20) { Document::new() } else { fields(random, 3, 5) }
}

/// A document as a server keeps it, with the envelope that a new document has.
pub(crate) fn stored(number: usize, context: &Document) -> Document {
    doc! { "_id": id(number), "_version": Bson::Int64(1), "entity": ENTITY, CONTEXT: context }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_ones_that_can_be_stored() {
        let mut random = Random::new(1);
        for _ in 0..1_000 {
            let name = name(&mut random);
            assert!(!name.is_empty() && !name.starts_with('$') && !name.contains(['.', '\0']));
        }
    }
}
