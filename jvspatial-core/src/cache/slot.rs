//! The parts of a graph that can change by themselves.

use jvspatial_db::{Collection, Id};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How many slots are for single documents and nodes.
const SINGLE: usize = 1 << 17;
/// How many are for types and tags.
const WHOLE: usize = 1 << 12;
/// The way in which parts are numbered, for who shares numbers with other processes.
#[cfg(feature = "redis")]
pub(super) const SCHEME: u8 = 2;

/// How many there are.
pub(super) const SLOTS: usize = SINGLE + WHOLE;

/// The number of a part of a graph that can change by itself: a document, whether it exists, the edges of a node, all documents
/// of a type, a tag.
///
/// Many parts share a number, which makes a change of one look like a change of all of them: an answer is then computed
/// again without need, and never kept without right. Numbers are the same in every process and build: what follows from them
/// is kept in Redis, and another way to number is another [`SCHEME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// The document `id`.
    pub(crate) fn document(id: &Id) -> Self {
        Self::single(1, id)
    }

    /// Whether the document `id` exists.
    pub(crate) fn existence(id: &Id) -> Self {
        Self::single(2, id)
    }

    /// The edges that touch the node `id`.
    pub(crate) fn edges_of(id: &Id) -> Self {
        Self::single(3, id)
    }

    /// All documents of a type.
    pub(crate) fn kind(collection: Collection, entity: &str) -> Self {
        Self::whole(seed(4, collection), entity)
    }

    /// All documents of a collection.
    pub(crate) fn collection(collection: Collection) -> Self {
        Self::whole(seed(5, collection), "")
    }

    /// Edges of whatever node that were made by others, who did not tell of which.
    pub(crate) fn edges_made_elsewhere() -> Self {
        Self::whole(9, "")
    }

    /// Edges that went with their nodes, of which nobody told.
    pub(crate) fn edges_gone() -> Self {
        Self::whole(11, "")
    }

    /// What an application has marked with `tag`.
    pub(crate) fn tag(tag: &str) -> Self {
        Self::whole(7, tag)
    }

    /// All answers of a query.
    pub(crate) fn query(name: &str, owner: &str) -> Self {
        Self::whole(xxh3_64_with_seed(owner.as_bytes(), 8), name)
    }

    /// Its number, for other processes of the same version.
    #[cfg(feature = "redis")]
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    /// The slot with a number, if there is one.
    #[cfg(feature = "redis")]
    pub(super) fn numbered(number: u32) -> Option<Self> {
        ((number as usize) < SLOTS).then_some(Self(number))
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    fn single(family: u64, id: &Id) -> Self {
        Self((hash_of(family, id) % SINGLE as u64) as u32)
    }

    fn whole(seed: u64, name: &str) -> Self {
        let hash = xxh3_64_with_seed(name.as_bytes(), seed);
        Self((SINGLE as u64 + hash % WHOLE as u64) as u32)
    }
}

/// A number of the document `id` that hardly any other shares; the same in every process and build.
pub(super) fn id_number(id: &Id) -> u64 {
    hash_of(10, id)
}

/// Equal ids have equal keys, whichever way they are kept.
fn hash_of(family: u64, id: &Id) -> u64 {
    match id.generated_key() {
        Some(key) => xxh3_64_with_seed(&key, family),
        None => {
            let mut text = Vec::with_capacity(id.text_len());
            id.write_to(&mut text);
            xxh3_64_with_seed(&text, family)
        }
    }
}

/// What tells a family of a collection from every other.
fn seed(family: u64, collection: Collection) -> u64 {
    family << 32 | u64::from(u32::from(collection.letter()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A process of another build reads these from Redis: a change here asks for another `SCHEME`.
    #[test]
    fn numbers_are_the_same_in_every_process_and_build() {
        let generated: Id = "n.City.0123456789abcdef01234567".parse().unwrap();
        let chosen: Id = "n.City.oslo".parse().unwrap();
        let slots = [
            Slot::document(&generated),
            Slot::existence(&generated),
            Slot::edges_of(&generated),
            Slot::document(&chosen),
            Slot::existence(&Id::root()),
            Slot::kind(Collection::Node, "City"),
            Slot::kind(Collection::Object, "City"),
            Slot::collection(Collection::Edge),
            Slot::edges_made_elsewhere(),
            Slot::tag("towns"),
            Slot::query("towns::large", "Towns"),
        ];
        // By the xxh3 of another language.
        let expected = [
            70_268, 9_106, 96_357, 47_137, 87_300, 134_124, 132_216, 131_918, 134_437, 133_587,
            133_634,
        ];
        assert_eq!(slots.map(|slot| slot.0), expected);
    }
}
