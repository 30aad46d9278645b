//! What a commit changes of the secondary indexes.

use std::ops::Range;

use parking_lot::RwLock;

use super::secondary::{KeyChange, KeyChanges, ORDINAL, push_entry, split_entry};
use super::{HELD, Index};
use crate::id::Collection;

/// From how many new keys on they are put in order first, so that each block of an index is filled once.
const MANY: usize = 256;

/// How many keys in order are added while the index is held: some microseconds.
const HELD_IN_ORDER: usize = 512;

/// An ordinal that no document has.
const NOBODY: u32 = u32::MAX;

/// A new key of an index.
#[derive(Clone, Copy)]
struct NewKey {
    /// The bytes that it begins with, which mostly decide between two.
    first: [u64; 2],
    /// Its number in [`KeyChanges::keys`].
    number: u32,
    /// The number of the document that it belongs to.
    of: u32,
}

/// The new entries of each index, in the order of their keys and without ordinals yet.
pub(super) struct InOrder(Vec<Entries>);

/// Entries one behind the other.
#[derive(Default)]
struct Entries {
    bytes: Vec<u8>,
    /// Where each ends, and the number of the document that it belongs to: among those created, and behind
    /// them the changes.
    ends: Vec<(usize, u32)>,
}

/// The ordinal of a document that changes keys, and whether it may have existed before.
pub(super) type Holder = (u32, bool);

impl KeyChanges {
    /// The numbers of the keys that the created document number `at` gets.
    fn of_created(&self, at: usize) -> Range<usize> {
        let end = |at: usize| self.created.get(at).copied();
        let start = at.checked_sub(1).and_then(end).unwrap_or_default();
        start..end(at).unwrap_or(start)
    }

    /// How many keys change.
    pub(super) fn count(&self) -> usize {
        self.created.last().copied().unwrap_or_default() + self.changes.len()
    }

    /// Puts the new keys of so many indexes in order, which takes some time and needs no ordinals; `None` when
    /// they are few, or others are taken away.
    pub(super) fn in_order(&self, indexes: usize) -> Option<InOrder> {
        let is_countable = self.keys.len().max(self.count()) < u32::MAX as usize;
        if self.count() < MANY || !is_countable || self.changes.iter().any(|change| !change.added) {
            return None;
        }
        let share = self.count() / indexes.max(1);
        let mut all: Vec<Vec<NewKey>> = (0..indexes).map(|_| Vec::with_capacity(share)).collect();
        let mut add = |number: usize, of: usize| {
            if let Some((place, key)) = self.keys.get(number)
                && let Some(all) = all.get_mut(usize::from(place))
            {
                all.push(NewKey::new(key, number, of));
            }
        };
        for of in 0..self.created.len() {
            self.of_created(of).for_each(|number| add(number, of));
        }
        for (of, change) in (self.created.len()..).zip(&self.changes) {
            add(change.key, of);
        }
        Some(InOrder(all.into_iter().map(|keys| self.entries_of(keys)).collect()))
    }

    /// The entries of one index in order.
    fn entries_of(&self, mut new: Vec<NewKey>) -> Entries {
        let key = |new: &NewKey| self.keys.get(new.number as usize).map_or(&[][..], |(_, key)| key);
        // Two steps, as the first does without a branch.
        new.sort_unstable_by_key(NewKey::first);
        for alike in new.chunk_by_mut(|a, b| a.first == b.first) {
            if alike.len() > 1 {
                alike.sort_unstable_by(|a, b| key(a).cmp(key(b)).then(a.of.cmp(&b.of)));
            }
        }
        let bytes = new.iter().map(|new| key(new).len() + ORDINAL).sum();
        let mut entries =
            Entries { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(new.len()) };
        for new in &new {
            push_entry(&mut entries.bytes, key(new), NOBODY);
            entries.ends.push((entries.bytes.len(), new.of));
        }
        entries
    }
}

impl NewKey {
    const fn first(&self) -> u128 {
        (self.first[0] as u128) << 64 | self.first[1] as u128
    }

    fn new(key: &[u8], number: usize, of: usize) -> Self {
        let mut first = [0; 16];
        let len = key.len().min(first.len());
        if let (Some(room), Some(bytes)) = (first.get_mut(..len), key.get(..len)) {
            room.copy_from_slice(bytes);
        }
        let first = u128::from_be_bytes(first);
        let first = [(first >> 64) as u64, first as u64];
        Self { first, number: number as u32, of: of as u32 }
    }
}

/// Applies changes of keys, after those of their documents; `created` are the first of these. The index is
/// held for a few of them at a time.
pub(super) fn change_keys(
    index: &RwLock<Index>,
    sequence: u64,
    keys: &KeyChanges,
    created: &[Holder],
    in_order: Option<InOrder>,
) {
    let Some(InOrder(in_order)) = in_order else {
        for (from, some) in (0..).step_by(HELD).zip(created.chunks(HELD)) {
            index.write().create_keys(sequence, keys, from, some);
        }
        for some in keys.changes.chunks(HELD) {
            index.write().change_keys(sequence, keys, some);
        }
        return;
    };
    // Only the writer changes ordinals, and it is the one to ask.
    let holders = index.read().holders_of(keys, created);
    let had_past = holders.iter().flatten().any(|(_, had_past)| *had_past);
    for (place, mut entries) in in_order.into_iter().enumerate() {
        for some in entries.with_ordinals(&holders).chunks(HELD_IN_ORDER) {
            index.write().add_keys(place, sequence, some, had_past);
        }
    }
}

impl Entries {
    /// The entries with the ordinals of those they belong to, in order.
    fn with_ordinals(&mut self, holders: &[Option<Holder>]) -> Vec<&[u8]> {
        for (end, of) in &self.ends {
            let room = self.bytes.get_mut(..*end).and_then(<[u8]>::last_chunk_mut);
            let holder = holders.get(*of as usize).copied().flatten();
            if let (Some(room), Some((ordinal, _))) = (room, holder) {
                let room: &mut [u8; ORDINAL] = room;
                *room = ordinal.to_be_bytes();
            }
        }
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        let spans = starts.zip(&self.ends);
        let entries = spans.filter_map(|(start, (end, _))| self.bytes.get(start..*end));
        let entries = entries.filter(|entry| split_entry(entry).1 != NOBODY);
        let mut entries: Vec<&[u8]> = entries.collect();
        if !holders.is_sorted() {
            // Those of one key are in the order of the documents.
            entries.sort_unstable();
        }
        entries
    }
}

impl Index {
    /// Adds the keys of created documents, the first of which has the number `from`.
    pub(super) fn create_keys(
        &mut self,
        sequence: u64,
        keys: &KeyChanges,
        from: usize,
        created: &[Holder],
    ) {
        let keeping = self.history.is_keeping();
        let mut entry = Vec::new();
        for (at, (ordinal, had_past)) in (from..).zip(created) {
            for (place, key) in keys.keys.range(keys.of_created(at)) {
                let Some(index) = self.secondary.get_mut(usize::from(place)) else { continue };
                entry.clear();
                push_entry(&mut entry, key, *ordinal);
                index.add(&entry, sequence, keeping, *had_past);
            }
        }
    }

    /// Applies some of the changes of keys, after those of their documents.
    pub(super) fn change_keys(&mut self, sequence: u64, keys: &KeyChanges, some: &[KeyChange]) {
        let keeping = self.history.is_keeping();
        let mut entry = Vec::new();
        for change in some {
            let Some((place, key)) = keys.keys.get(change.key) else { continue };
            let Some((ordinal, had_past)) = self.holder_of(change) else { continue };
            let Some(index) = self.secondary.get_mut(usize::from(place)) else { continue };
            entry.clear();
            push_entry(&mut entry, key, ordinal);
            if change.added {
                index.add(&entry, sequence, keeping, had_past);
            } else {
                index.remove(&entry, sequence, keeping);
            }
        }
    }

    fn holder_of(&self, change: &KeyChange) -> Option<Holder> {
        let collection = change.id.collection();
        let ordinal = self.table(collection).ordinal(&change.id)?;
        Some(self.holder(collection, ordinal))
    }

    /// The document at `ordinal`, which has changed.
    pub(super) fn holder(&self, collection: Collection, ordinal: u32) -> Holder {
        let row = self.table(collection).row(ordinal);
        (ordinal, row.is_some_and(|row| row.state.older != 0))
    }

    /// Whom the new keys belong to: the created documents, or those of the changes.
    fn holders_of(&self, keys: &KeyChanges, created: &[Holder]) -> Vec<Option<Holder>> {
        let mut holders: Vec<Option<Holder>> = created.iter().copied().map(Some).collect();
        holders.reserve(keys.changes.len());
        let mut last: Option<&KeyChange> = None;
        for change in &keys.changes {
            let known = match last.replace(change) {
                // Mostly a document gets keys in several indexes.
                Some(before) if before.id == change.id => holders.last().copied().flatten(),
                _ => self.holder_of(change),
            };
            holders.push(known);
        }
        holders
    }

    /// Adds entries, which are in order, to the index at `place`.
    fn add_keys(&mut self, place: usize, sequence: u64, entries: &[&[u8]], had_past: bool) {
        let keeping = self.history.is_keeping();
        let Some(index) = self.secondary.get_mut(place) else { return };
        if index.is_settled() && !(keeping && had_past) {
            index.keys.extend_sorted(entries);
            return;
        }
        entries.iter().for_each(|entry| index.add(entry, sequence, keeping, had_past));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_entries_are_in_order_whatever_ordinals_their_documents_get() {
        const DOCUMENTS: usize = 300;
        let mut keys = KeyChanges::default();
        for document in 0..DOCUMENTS {
            // Some keys are the same, and some differ behind the bytes that are compared first.
            let same = format!("{}\0", document % 7);
            let long = format!("as long as many a name {}\0", document * 37 % 100);
            keys.keys.push((0, same.as_bytes()));
            keys.keys.push((1, long.as_bytes()));
            keys.created.push(keys.keys.len());
        }
        let ascending = |at: usize| Some((at as u32 + 5, false));
        let scattered = |at: usize| Some(((at * 101 % DOCUMENTS) as u32, false));
        let gone = |at: usize| ascending(at).filter(|_| at.is_multiple_of(2));
        let all: [&dyn Fn(usize) -> Option<Holder>; 3] = [&ascending, &scattered, &gone];
        for holder in all {
            let holders: Vec<Option<Holder>> = (0..DOCUMENTS).map(holder).collect();
            let in_order = keys.in_order(2).map(|InOrder(all)| all).unwrap_or_default();
            assert_eq!(in_order.len(), 2);
            for (place, mut entries) in in_order.into_iter().enumerate() {
                let key = |at: usize| keys.keys.get(2 * at + place).map(|(_, key)| key);
                let entry = |(at, holder): (usize, &Option<Holder>)| {
                    let (ordinal, _) = (*holder)?;
                    let mut entry = key(at)?.to_vec();
                    entry.extend_from_slice(&ordinal.to_be_bytes());
                    Some(entry)
                };
                let mut expected: Vec<Vec<u8>> =
                    holders.iter().enumerate().filter_map(entry).collect();
                expected.sort();
                assert_eq!(entries.with_ordinals(&holders), expected);
            }
        }
    }

    #[test]
    fn few_keys_and_those_that_are_taken_away_are_not_put_in_order() {
        let mut keys = KeyChanges::default();
        for _ in 0..MANY - 1 {
            keys.keys.push((0, b"k\0"));
            keys.created.push(keys.keys.len());
        }
        assert!(keys.in_order(1).is_none());
        let id = crate::id::Id::root();
        keys.changes.push(KeyChange { key: 0, id: id.clone(), added: true });
        assert!(keys.in_order(1).is_some());
        keys.changes.push(KeyChange { key: 0, id, added: false });
        assert!(keys.in_order(1).is_none());
    }
}
