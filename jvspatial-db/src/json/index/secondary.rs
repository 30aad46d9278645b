//! Secondary indexes: the keys of documents in order, for readers at any commit that somebody still reads.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;

use super::key_set::KeySet;
use super::table::Table;
use super::{History, Index, Snapshot};
use crate::id::Id;
use crate::indexes::{Candidate, Definition, IndexSpec, KeyList, KeyRange};

/// The indexes of a store, in an order that changes only when one is made or dropped.
pub(in crate::json) type Definitions = Arc<[Arc<Definition>]>;

/// One index.
///
/// An entry is a key and the ordinal of a document. Those that are not the same for all readers are in
/// `lives`: an entry that was taken away stays in `keys` until nobody reads an earlier commit, and one that
/// a document got anew is passed over by those who do. The entries of a new document need no mention,
/// since its record already says that it did not exist.
#[derive(Debug)]
pub(in crate::json) struct Secondary {
    pub definition: Arc<Definition>,
    pub keys: KeySet,
    /// A bit for each field that has led through an array.
    pub multikey: u32,
    lives: HashMap<Box<[u8]>, Vec<Life>, RandomState>,
    /// The entries of `lives` by the commit that touched them.
    touched: VecDeque<(u64, Box<[u8]>)>,
    pub uses: AtomicU64,
}

/// The commits at which an entry is there: from the first on and before the second.
#[derive(Clone, Copy, Debug)]
struct Life {
    from: u64,
    until: u64,
}

/// A key that a document gets or loses.
#[derive(Clone, Debug)]
pub(in crate::json) struct KeyChange {
    /// The number of the key in [`KeyChanges::keys`].
    pub key: usize,
    pub id: Id,
    pub added: bool,
}

/// What one batch changes of the indexes.
#[derive(Debug, Default)]
pub(in crate::json) struct KeyChanges {
    /// Keys with the places of their indexes among the [`Definitions`].
    pub keys: KeyList,
    /// Where the keys end that each of the first documents gets, one behind the other: all that changes when
    /// a batch only creates documents.
    pub created: Vec<usize>,
    /// The other changes, in the order of the operations.
    pub changes: Vec<KeyChange>,
    /// For each index, the fields that have led through an array.
    pub multikey: Vec<u32>,
}

/// The bytes of an ordinal at the end of an entry.
pub(in crate::json) const ORDINAL: usize = 4;

/// An entry: the key and the ordinal.
pub(in crate::json) fn entry_of(key: &[u8], ordinal: u32) -> Vec<u8> {
    let mut entry = Vec::with_capacity(key.len() + ORDINAL);
    push_entry(&mut entry, key, ordinal);
    entry
}

/// Appends an entry.
pub(super) fn push_entry(out: &mut Vec<u8>, key: &[u8], ordinal: u32) {
    out.extend_from_slice(key);
    out.extend_from_slice(&ordinal.to_be_bytes());
}

/// The key and the ordinal of an entry.
pub(in crate::json) fn split_entry(entry: &[u8]) -> (&[u8], u32) {
    entry
        .split_last_chunk::<ORDINAL>()
        .map_or((entry, u32::MAX), |(key, ordinal)| (key, u32::from_be_bytes(*ordinal)))
}

impl Secondary {
    pub(in crate::json) fn new(definition: Arc<Definition>, keys: KeySet, multikey: u32) -> Self {
        Self {
            definition,
            keys,
            multikey,
            lives: HashMap::default(),
            touched: VecDeque::new(),
            uses: AtomicU64::new(0),
        }
    }

    pub(in crate::json) fn note_use(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    /// The ordinal of the document that has `key` now, in a unique index.
    pub(in crate::json) fn owner(&self, key: &[u8]) -> Option<u32> {
        if self.keys.is_empty() {
            return None;
        }
        let own = self.keys.from(key).map(|entry| (entry, split_entry(entry)));
        let mut own = own.take_while(|(_, (of, _))| *of == key);
        own.find(|(entry, _)| !self.is_gone(entry)).map(|(_, (_, ordinal))| ordinal)
    }

    /// Whether only readers of the past see an entry.
    fn is_gone(&self, entry: &[u8]) -> bool {
        self.lives(entry).and_then(<[Life]>::last).is_some_and(|life| life.until != u64::MAX)
    }

    fn lives(&self, entry: &[u8]) -> Option<&[Life]> {
        if self.lives.is_empty() { None } else { self.lives.get(entry).map(Vec::as_slice) }
    }

    /// Whether all entries are there for readers of the present.
    pub(in crate::json) fn is_settled(&self) -> bool {
        self.lives.is_empty()
    }

    /// Whether a reader of the commit `sequence` sees an entry, whose document exists then.
    pub(in crate::json) fn shows(&self, entry: &[u8], sequence: u64) -> bool {
        self.lives(entry).is_none_or(|lives| {
            lives.iter().any(|life| life.from <= sequence && sequence < life.until)
        })
    }

    /// Takes an entry away, at once unless somebody may still read it.
    pub(in crate::json) fn remove(&mut self, entry: &[u8], sequence: u64, keeping: bool) {
        if !keeping {
            self.lives.remove(entry);
            self.keys.remove(entry);
            return;
        }
        let lives = self.lives.entry(entry.into()).or_default();
        match lives.last_mut() {
            Some(life) => life.until = life.until.min(sequence),
            None => lives.push(Life { from: 0, until: sequence }),
        }
        self.touched.push_back((sequence, entry.into()));
    }

    /// Adds an entry. `had_past` says that the document may have existed before, without this key.
    pub(in crate::json) fn add(
        &mut self,
        entry: &[u8],
        sequence: u64,
        keeping: bool,
        had_past: bool,
    ) {
        let is_new = self.keys.insert(entry);
        if let Some(lives) = self.lives.get_mut(entry) {
            lives.push(Life { from: sequence, until: u64::MAX });
        } else if keeping && had_past && is_new {
            self.lives.insert(entry.into(), vec![Life { from: sequence, until: u64::MAX }]);
        } else {
            return;
        }
        self.touched.push_back((sequence, entry.into()));
    }

    /// Forgets some differences that nobody can see any more, when all read the commit `oldest` or a later
    /// one; `false` when there are none left.
    pub(in crate::json) fn settle_some(&mut self, oldest: u64, count: usize) -> bool {
        for _ in 0..count {
            if self.touched.front().is_none_or(|(sequence, _)| *sequence > oldest) {
                return false;
            }
            let Some((_, entry)) = self.touched.pop_front() else { return false };
            let Some(lives) = self.lives.get_mut(&entry) else { continue };
            lives.retain(|life| life.until > oldest);
            match lives.as_slice() {
                [] => drop(self.keys.remove(&entry)),
                [life] if life.from <= oldest && life.until == u64::MAX => {}
                _ => continue,
            }
            self.lives.remove(&entry);
        }
        true
    }

    /// All keys of one document: for when its line cannot be read.
    pub(in crate::json) fn keys_of(&self, ordinal: u32) -> Vec<Box<[u8]>> {
        let mut keys = Vec::new();
        self.keys.scan((&[], &[u8::MAX]), false, |entry| {
            let (key, of) = split_entry(entry);
            if of == ordinal && !self.is_gone(entry) {
                keys.push(key.into());
            }
            true
        });
        keys
    }
}

impl Candidate for Secondary {
    fn spec(&self) -> &IndexSpec {
        &self.definition.spec
    }

    fn entity(&self) -> Option<crate::EntityName> {
        self.definition.entity
    }

    fn multikey(&self) -> u32 {
        self.multikey
    }

    fn estimate(&self, ranges: &[KeyRange]) -> u64 {
        const ENOUGH: u64 = 4096;
        let mut count = 0;
        for (start, end) in ranges {
            count += self.keys.count((start, end), ENOUGH);
            if count >= ENOUGH {
                // Exact figures matter among small ones; of large ones the share of the index is enough.
                return count.max(self.keys.len() / 4);
            }
        }
        count
    }
}

impl Index {
    /// The place of an index.
    pub(in crate::json) fn place_of(&self, definition: &Definition) -> Option<usize> {
        self.secondary.iter().position(|index| index.definition.is_called_as(definition))
    }

    /// Adds an index that holds every document there is.
    pub(in crate::json) fn add_secondary(&mut self, secondary: Secondary) {
        self.secondary.push(secondary);
        self.note_definitions();
    }

    /// Forgets an index.
    pub(in crate::json) fn remove_secondary(&mut self, definition: &Definition) {
        self.secondary.retain(|index| !index.definition.is_called_as(definition));
        self.note_definitions();
    }

    fn note_definitions(&mut self) {
        self.definitions =
            self.secondary.iter().map(|index| Arc::clone(&index.definition)).collect();
    }

    pub(super) fn note_multikey(&mut self, multikey: &[u32]) {
        for (index, bits) in self.secondary.iter_mut().zip(multikey) {
            index.multikey |= bits;
        }
    }

    /// Forgets differences between commits that nobody can see any more; `false` when none are left.
    pub(super) fn settle_some(&mut self, count: usize) -> bool {
        let oldest =
            self.history.oldest().map_or(self.sequence, |oldest| oldest.min(self.sequence));
        let settle = |index: &mut Secondary| index.settle_some(oldest, count);
        self.secondary.iter_mut().map(settle).fold(false, |more, settled| more | settled)
    }

    /// Whether every entry of an index is there for a reader at `snapshot`, whose documents all exist.
    pub(in crate::json) fn shows_all(&self, index: &Secondary, snapshot: &Snapshot) -> bool {
        index.is_settled() && !self.is_ahead() && snapshot.sequence() == self.sequence
    }
}

/// The ordinals of documents that have changed since a commit, and their states then.
pub(in crate::json) fn changed_since<'a>(
    table: &'a Table,
    history: &'a History,
    sequence: u64,
) -> impl Iterator<Item = (u32, Id, Option<super::State>, super::State)> {
    (0..table.len() as u32).filter_map(move |ordinal| {
        let state = table.row(ordinal)?.state;
        let changed = state.sequence > sequence;
        let before = changed.then(|| table.state_at(ordinal, sequence, history))?;
        Some((ordinal, table.id(ordinal)?, before, state))
    })
}
