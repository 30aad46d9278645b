//! What a commit changes of the secondary indexes.

use std::ops::Range;

use parking_lot::RwLock;

use super::secondary::{KeyChange, KeyChanges, push_entry};
use super::{HELD, Index};
use crate::id::Collection;

/// From how many new keys on they are put in order first, so that each block of an index is filled once.
const MANY: usize = 256;

/// How many keys in order are added while the index is held: some microseconds.
const HELD_IN_ORDER: usize = 256;

/// New entries of one index, one behind the other.
struct Entries {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Whether one is of a document that may have existed before, without this key.
    had_past: bool,
}

/// An entry and the bytes it begins with, which mostly decide between two.
#[derive(Clone, Copy)]
struct Span {
    first: [u64; 2],
    start: usize,
    len: usize,
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
}

/// Applies changes of keys, after those of their documents; `created` are the first of these. The index is held for a few of them at a time.
pub(super) fn change_keys(
    index: &RwLock<Index>,
    sequence: u64,
    keys: &KeyChanges,
    created: &[Holder],
) {
    let count = keys.created.last().copied().unwrap_or_default() + keys.changes.len();
    if count < MANY || keys.changes.iter().any(|change| !change.added) {
        for (from, some) in (0..).step_by(HELD).zip(created.chunks(HELD)) {
            index.write().create_keys(sequence, keys, from, some);
        }
        for some in keys.changes.chunks(HELD) {
            index.write().change_keys(sequence, keys, some);
        }
        return;
    }
    // Only the writer changes ordinals, and it is the one to ask.
    let entries = index.read().entries_of(keys, created);
    for (place, mut entries) in entries.into_iter().enumerate() {
        entries.sort();
        let sorted: Vec<&[u8]> = entries.iter().collect();
        for some in sorted.chunks(HELD_IN_ORDER) {
            index.write().add_keys(place, sequence, some, entries.had_past);
        }
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

    /// The new entries of each index.
    fn entries_of(&self, keys: &KeyChanges, created: &[Holder]) -> Vec<Entries> {
        let share = |of_all: usize| of_all / self.secondary.len().max(1);
        let empty = || Entries {
            bytes: Vec::with_capacity(share(keys.keys.bytes_len()) * 5 / 4),
            spans: Vec::with_capacity(share(keys.keys.len())),
            had_past: false,
        };
        let mut all: Vec<Entries> = self.secondary.iter().map(|_| empty()).collect();
        for (at, (ordinal, had_past)) in created.iter().enumerate() {
            for (place, key) in keys.keys.range(keys.of_created(at)) {
                if let Some(entries) = all.get_mut(usize::from(place)) {
                    entries.push(key, *ordinal);
                    entries.had_past |= had_past;
                }
            }
        }
        let mut last: Option<(&KeyChange, Holder)> = None;
        for change in &keys.changes {
            let found = match last {
                // Mostly a document gets keys in several indexes.
                Some((before, found)) if before.id == change.id => Some(found),
                _ => self.holder_of(change),
            };
            let Some((ordinal, had_past)) = found else { continue };
            last = Some((change, (ordinal, had_past)));
            let Some((place, key)) = keys.keys.get(change.key) else { continue };
            if let Some(entries) = all.get_mut(usize::from(place)) {
                entries.push(key, ordinal);
                entries.had_past |= had_past;
            }
        }
        all
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

impl Entries {
    fn push(&mut self, key: &[u8], ordinal: u32) {
        let start = self.bytes.len();
        push_entry(&mut self.bytes, key, ordinal);
        let entry = self.bytes.get(start..).unwrap_or_default();
        let mut first = [0; 16];
        let len = entry.len().min(first.len());
        if let (Some(room), Some(bytes)) = (first.get_mut(..len), entry.get(..len)) {
            room.copy_from_slice(bytes);
        }
        let first = u128::from_be_bytes(first);
        let first = [(first >> 64) as u64, first as u64];
        self.spans.push(Span { first, start, len: entry.len() });
    }

    fn sort(&mut self) {
        let Self { bytes, spans, .. } = self;
        let entry = |span: &Span| bytes.get(span.start..span.start + span.len);
        spans.sort_unstable_by(|a, b| a.first.cmp(&b.first).then_with(|| entry(a).cmp(&entry(b))));
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let entry = |span: &Span| self.bytes.get(span.start..span.start + span.len);
        self.spans.iter().filter_map(entry)
    }
}
