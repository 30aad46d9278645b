//! An id as sixteen plain bytes.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::runs::{Key, Kind, id_of, keyed};
use crate::entity_name::EntityName;
use crate::id::{Collection, Id};

/// An id whose key was generated and whose name has a number, or the place of another among [`Texts`].
///
/// An id has one form only while it is stored: what is kept as text goes on being text, even if its name
/// gets a number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(in crate::json) struct PackedId {
    /// The key; or the place.
    head: u64,
    tail: u32,
    entity: u16,
    /// The letter of the collection; zero in a place.
    letter: u16,
}

/// The ids that are no generated keys.
#[derive(Debug, Default)]
pub(in crate::json) struct Texts {
    ids: Vec<Id>,
    /// Places to be used again.
    free: Vec<usize>,
}

impl PackedId {
    #[inline]
    pub(in crate::json) const fn of_key((collection, entity): Kind, key: Key) -> Self {
        let letter = collection.letter() as u16;
        Self { head: key.0, tail: key.1, entity: entity.number(), letter }
    }

    #[inline]
    pub(in crate::json) const fn is_text(&self) -> bool {
        self.letter == 0
    }

    /// The kind and key that it was made of, if it was.
    #[inline]
    pub(in crate::json) fn keyed(&self) -> Option<(Kind, Key)> {
        let collection = Collection::from_letter(self.letter as u8)?;
        Some(((collection, EntityName::from_number(self.entity)), (self.head, self.tail)))
    }
}

impl Texts {
    /// Packs `id`, which takes a place if it has no generated key.
    #[inline]
    pub(in crate::json) fn pack(&mut self, id: &Id) -> PackedId {
        match keyed(id) {
            Some((kind, key)) => PackedId::of_key(kind, key),
            None => self.place(id.clone()),
        }
    }

    #[cold]
    fn place(&mut self, id: Id) -> PackedId {
        let free = self.free.pop().and_then(|place| Some((place, self.ids.get_mut(place)?)));
        let place = match free {
            Some((place, freed)) => {
                *freed = id;
                place
            }
            None => {
                self.ids.push(id);
                self.ids.len() - 1
            }
        };
        PackedId { head: place as u64, tail: 0, entity: 0, letter: 0 }
    }

    /// The id that was packed.
    #[inline]
    pub(in crate::json) fn unpack(&self, packed: &PackedId) -> Option<Id> {
        match packed.keyed() {
            Some((kind, key)) => Some(id_of(kind, key)),
            None => self.ids.get(packed.head as usize).cloned(),
        }
    }

    /// Whether `packed` is `id`.
    #[inline]
    pub(in crate::json) fn is(&self, packed: &PackedId, id: &Id) -> bool {
        if packed.is_text() {
            return self.ids.get(packed.head as usize) == Some(id);
        }
        keyed(id).is_some_and(|(kind, key)| PackedId::of_key(kind, key) == *packed)
    }

    /// Lets go of the place that `packed` has, if any.
    pub(in crate::json) fn free(&mut self, packed: &PackedId) {
        if packed.is_text() {
            self.free.push(packed.head as usize);
        }
    }

    /// Lets go of all places.
    pub(in crate::json) fn clear(&mut self) {
        self.ids.clear();
        self.free.clear();
    }
}
