//! A hash table of ordinals that never looks at what the ordinals stand for, unless it may be what is
//! asked for.

use std::hash::{BuildHasher, RandomState};

use crate::id::Id;

/// What an id is looked up by: 32 bits of a hash that nobody outside can foresee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::json) struct Tag(u32);

/// The secret of one table's hash.
#[derive(Clone, Debug)]
pub(in crate::json) struct Seed {
    first: u64,
    second: u64,
    factors: [u64; 2],
    texts: RandomState,
}

impl Seed {
    pub(in crate::json) fn new() -> Self {
        let texts = RandomState::new();
        let [first, second, factor, other] = [0_u8, 1, 2, 3].map(|draw| texts.hash_one(draw));
        Self { first, second, factors: [factor | 1, other | 1], texts }
    }

    /// The tag of `id`; equal ids have equal tags, however they are kept.
    #[inline]
    pub(in crate::json) fn tag(&self, id: &Id) -> Tag {
        let Some(key) = id.generated_key() else {
            return Tag((self.texts.hash_one(id) >> 32) as u32);
        };
        let [a, b, c, d, e, f, g, h, rest @ ..] = key;
        let head = u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ self.first;
        let tail = u64::from(u32::from_le_bytes(rest)) ^ self.second;
        // Keys of one process differ in their last bytes alone, and one product would keep their order.
        let mixed = fold(fold(tail, self.factors[0]) ^ head, self.factors[1]);
        Tag((mixed >> 32) as u32)
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::new()
    }
}

/// Both halves of a product in one number.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Ordinals by tag.
///
/// One array in the order of the tags, as far as collisions allow: a slot's home is its tag scaled to
/// the length. So growing reads and writes from front to back, and a look-up that fails touches one or
/// two cache lines. A slot holds the tag above the ordinal plus one; zero is empty.
#[derive(Debug, Default)]
pub(in crate::json) struct Slots {
    slots: Vec<u64>,
    len: usize,
}

const EMPTY: u64 = 0;

const fn pack(tag: Tag, ordinal: u32) -> u64 {
    ((tag.0 as u64) << 32) | (ordinal as u64 + 1)
}

const fn unpack(slot: u64) -> (Tag, u32) {
    (Tag((slot >> 32) as u32), (slot as u32).wrapping_sub(1))
}

impl Slots {
    #[inline]
    fn home(&self, tag: Tag) -> usize {
        home(tag, self.slots.len())
    }

    #[inline]
    fn after(&self, position: usize) -> usize {
        if position + 1 == self.slots.len() { 0 } else { position + 1 }
    }

    /// The ordinal with this tag that `is_it` says is the one.
    #[inline]
    pub(in crate::json) fn find(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let position = self.position(tag, is_it)?;
        Some(unpack(*self.slots.get(position)?).1)
    }

    #[inline]
    fn position(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let mut position = self.home(tag);
        loop {
            let slot = *self.slots.get(position)?;
            if slot == EMPTY {
                return None;
            }
            let (other, ordinal) = unpack(slot);
            if other == tag && is_it(ordinal) {
                return Some(position);
            }
            position = self.after(position);
        }
    }

    /// The first ordinal with this tag, which need not be the one that is looked for.
    #[inline]
    pub(in crate::json) fn candidate(&self, tag: Tag) -> Option<u32> {
        self.find(tag, |_| true)
    }

    /// Adds an ordinal below `u32::MAX` that is not there yet.
    #[inline]
    pub(in crate::json) fn insert(&mut self, tag: Tag, ordinal: u32) {
        if self.len + 1 > full(self.slots.len()) {
            self.grow(self.slots.len() / 2 * 3 + 16);
        }
        self.put(pack(tag, ordinal));
        self.len += 1;
    }

    /// Makes room for `additional` ordinals.
    pub(in crate::json) fn reserve(&mut self, additional: usize) {
        let wanted = self.len + additional;
        if wanted > full(self.slots.len()) {
            self.grow(wanted + wanted / 2 + 16);
        }
    }

    #[inline]
    fn put(&mut self, slot: u64) {
        let mut position = self.home(unpack(slot).0);
        while let Some(found) = self.slots.get_mut(position) {
            if *found == EMPTY {
                *found = slot;
                return;
            }
            position = self.after(position);
        }
    }

    #[cold]
    fn grow(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        for slot in old {
            if slot != EMPTY {
                self.put(slot);
            }
        }
    }

    /// Removes an ordinal.
    pub(in crate::json) fn remove(&mut self, tag: Tag, ordinal: u32) -> bool {
        let Some(mut hole) = self.position(tag, |other| other == ordinal) else { return false };
        self.len -= 1;
        // What stands behind the hole moves up, unless that would put it before its home.
        let mut position = hole;
        loop {
            position = self.after(position);
            let slot = self.slots.get(position).copied().unwrap_or_default();
            if slot == EMPTY {
                break;
            }
            let home = self.home(unpack(slot).0);
            let distance = |from: usize| (position + self.slots.len() - from) % self.slots.len();
            if distance(home) >= distance(hole) {
                self.set(hole, slot);
                hole = position;
            }
        }
        self.set(hole, EMPTY);
        true
    }

    fn set(&mut self, position: usize, slot: u64) {
        if let Some(found) = self.slots.get_mut(position) {
            *found = slot;
        }
    }
}

#[inline]
fn home(tag: Tag, slots: usize) -> usize {
    ((u64::from(tag.0) * slots as u64) >> 32) as usize
}

/// How many ordinals so many slots may hold: with a quarter free, runs of taken slots stay short.
const fn full(slots: usize) -> usize {
    slots / 4 * 3
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds_however_tags_collide(
            steps in prop::collection::vec((0_u32..200, any::<bool>(), 0_u32..4), 0..600),
        ) {
            let mut slots = Slots::default();
            let mut expected: HashMap<u32, Tag> = HashMap::new();
            for (ordinal, removes, spread) in steps {
                // A few homes, among them the last, so that runs are long and go around the end.
                let tag = Tag([0, u32::MAX, u32::MAX - 1, ordinal << 24][spread as usize]);
                match expected.get(&ordinal) {
                    Some(&tag) if removes => {
                        prop_assert!(slots.remove(tag, ordinal));
                        expected.remove(&ordinal);
                    }
                    None => {
                        prop_assert!(!slots.remove(tag, ordinal));
                        slots.insert(tag, ordinal);
                        expected.insert(ordinal, tag);
                    }
                    Some(_) => {}
                }
                prop_assert_eq!(slots.len, expected.len());
            }
            for ordinal in 0..200 {
                for tag in [0, u32::MAX, u32::MAX - 1, ordinal << 24].map(Tag) {
                    let found = slots.find(tag, |other| other == ordinal);
                    let known = expected.get(&ordinal) == Some(&tag);
                    prop_assert_eq!(found, known.then_some(ordinal));
                }
            }
        }
    }

    #[test]
    fn equal_ids_have_equal_tags_and_consecutive_ones_spread() {
        let seed = Seed::new();
        let text = "n.TaggedLate.4b60c5d8224f4482a88b6829";
        let before: Id = text.parse().unwrap();
        crate::EntityName::new("TaggedLate").unwrap();
        let after: Id = text.parse().unwrap();
        assert_eq!(seed.tag(&before), seed.tag(&after));
        let mut slots = Slots::default();
        for ordinal in 0..100_000_u32 {
            let id: Id = format!("n.TaggedLate.4b60c5d8224f4482{ordinal:08x}").parse().unwrap();
            slots.insert(seed.tag(&id), ordinal);
        }
        let longest = slots.slots.split(|slot| *slot == EMPTY).map(<[u64]>::len).max().unwrap();
        assert!(longest < 600, "{longest} slots in a row are taken");
    }
}
