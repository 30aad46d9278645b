//! The parts of a graph that can change by themselves.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;
use jvspatial_db::{Collection, Id};

/// How many slots are for single documents and nodes.
const SINGLE: usize = 1 << 17;
/// How many are for types and tags.
const WHOLE: usize = 1 << 12;
/// How many there are.
pub(super) const SLOTS: usize = SINGLE + WHOLE;

/// The number of a part of a graph that can change by itself: a document, whether it exists, the edges of a node, all documents
/// of a type, a tag.
///
/// Many parts share a number, which makes a change of one look like a change of all of them: an answer is then computed
/// again without need, and never kept without right. Numbers are the same in every process of the same version.
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
        Self::whole(4, &(collection.letter(), entity))
    }

    /// All documents of a collection.
    pub(crate) fn collection(collection: Collection) -> Self {
        Self::whole(5, &collection.letter())
    }

    /// Edges of whatever node that were made by others, who did not tell of which.
    pub(crate) fn edges_made_elsewhere() -> Self {
        Self::whole(9, &())
    }

    /// Edges that went with their nodes, of which nobody told.
    pub(crate) fn edges_gone() -> Self {
        Self::whole(11, &())
    }

    /// What an application has marked with `tag`.
    pub(crate) fn tag(tag: &str) -> Self {
        Self::whole(7, &tag)
    }

    /// All answers of a query.
    pub(crate) fn query(name: &str, owner: &str) -> Self {
        Self::whole(8, &(name, owner))
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
        Self((hash(family, id) % SINGLE as u64) as u32)
    }

    fn whole(family: u64, what: &impl Hash) -> Self {
        Self((SINGLE as u64 + hash(family, what) % WHOLE as u64) as u32)
    }
}

/// A number of the document `id` that hardly any other shares; the same in every process.
pub(super) fn id_number(id: &Id) -> u64 {
    hash(10, id)
}

fn hash(family: u64, what: &impl Hash) -> u64 {
    FixedState::with_seed(family).hash_one(what)
}
