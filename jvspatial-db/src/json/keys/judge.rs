//! Whether the keys of a batch are taken, and what the batch changes in the indexes.

use super::{DraftKeys, IndexKey, Map, OldKeys, is_unique};
use crate::id::Id;
use crate::indexes::{KeyList, PlacedKey};
use crate::json::index::{Index, KeyChange, KeyChanges};
use crate::write::Outcome;

/// Who has a key of a unique index, by the place of the index and the key.
#[derive(Debug, Default)]
pub(in crate::json) struct Owners(Map<u16, Map<Box<[u8]>, Option<Id>>>);

impl Owners {
    fn get(&self, (place, key): PlacedKey<'_>) -> Option<&Option<Id>> {
        self.0.get(&place)?.get(key)
    }

    /// Adds those of the next batch.
    pub(in crate::json) fn extend(&mut self, next: Self) {
        for (place, keys) in next.0 {
            self.0.entry(place).or_default().extend(keys);
        }
    }
}

/// Judges the keys of one batch's operations in order, each seeing the ones before it.
pub(in crate::json) struct KeyJudge<'a> {
    index: &'a Index,
    new: &'a DraftKeys,
    old: &'a OldKeys,
    /// The operation whose keys each document has that this batch changed so far; absent when it has none.
    current: Map<Id, Option<usize>>,
    /// Who has a key of a unique index now, among those that this batch changed.
    owners: Map<PlacedKey<'a>, Option<Id>>,
    /// Who had one before, among those that batches changed which are not in the index.
    past: Option<&'a Owners>,
    /// Whether such a key can matter to another operation.
    notes_owners: bool,
    changes: Vec<KeyChange>,
    /// The keys that are taken away; the others stay in the draft.
    removed: KeyList,
}

/// What one batch changes of the indexes, as far as the draft does not say it.
#[derive(Debug)]
pub(in crate::json) struct JudgedKeys {
    /// Numbers of keys are those of the draft when they are added, and those of `removed` when they are not.
    changes: Vec<KeyChange>,
    removed: KeyList,
}

impl<'a> KeyJudge<'a> {
    pub(in crate::json) fn new(index: &'a Index, new: &'a DraftKeys, old: &'a OldKeys) -> Self {
        Self {
            index,
            new,
            old,
            current: Map::default(),
            owners: Map::default(),
            past: None,
            notes_owners: new.has_twins || !old.documents.is_empty(),
            changes: Vec::with_capacity(new.keys.len()),
            removed: KeyList::default(),
        }
    }

    /// Has the batch see who has which key after batches that are not in the index.
    pub(in crate::json) fn after(self, past: &'a Owners) -> Self {
        Self { past: Some(past), notes_owners: true, ..self }
    }

    /// Who has the keys now that this batch has changed.
    pub(in crate::json) fn into_owners(self) -> Owners {
        let mut owners = Owners::default();
        for ((place, key), owner) in self.owners {
            owners.0.entry(place).or_default().insert(key.into(), owner);
        }
        owners
    }

    /// Why the operation at `at` cannot give the document `id` its keys, if it cannot.
    pub(in crate::json) fn refuse(&self, at: usize, id: &Id) -> Option<Outcome> {
        for key in self.new.keys.range(self.new.of_operation(at)) {
            let secondary = self.index.secondary.get(usize::from(key.0))?;
            if !secondary.definition.spec.is_unique() {
                continue;
            }
            let past = || self.past.and_then(|past| past.get(key));
            let noted = if self.notes_owners { self.owners.get(&key).or_else(past) } else { None };
            let owner = match noted {
                Some(owner) => owner.clone(),
                None => secondary.owner(key.1).and_then(|ordinal| {
                    let table = self.index.table(id.collection());
                    table.id(ordinal)
                }),
            };
            if let Some(owner) = owner.filter(|owner| owner != id) {
                return Some(Outcome::duplicate(secondary.definition.name.clone(), owner));
            }
        }
        None
    }

    /// Gives the document `id` the keys of the operation at `at`; none when it is deleted by something else.
    pub(in crate::json) fn change(&mut self, at: Option<usize>, id: &Id, is_alone: bool) {
        if self.new.is_empty() {
            return;
        }
        let (draft, old) = (self.new, self.old);
        let new = at.map_or(0..0, |at| draft.of_operation(at));
        let noted = if self.current.is_empty() { None } else { self.current.get(id).copied() };
        let (list, before) = match noted {
            Some(Some(before)) => (&draft.keys, draft.of_operation(before)),
            Some(None) => (&draft.keys, 0..0),
            None => (&old.keys, old.of(id)),
        };
        for key in list.range(before.clone()) {
            if !draft.keys.holds(new.clone(), key) {
                self.note_owner(key, None);
                let change = KeyChange { key: self.removed.len(), id: id.clone(), added: false };
                self.changes.push(change);
                self.removed.push(key);
            }
        }
        for (number, key) in new.clone().zip(draft.keys.range(new)) {
            if before.is_empty() || !list.holds(before.clone(), key) {
                self.note_owner(key, Some(id));
                self.changes.push(KeyChange { key: number, id: id.clone(), added: true });
            }
        }
        if !is_alone {
            self.current.insert(id.clone(), at);
        }
    }

    fn note_owner(&mut self, key: PlacedKey<'a>, owner: Option<&Id>) {
        if self.notes_owners && is_unique(&self.index.definitions, key.0) {
            self.owners.insert(key, owner.cloned());
        }
    }

    /// What changes and, if another batch may be staged beside it, the keys of unique indexes that may change
    /// hands.
    pub(in crate::json) fn into_parts(self, shared: bool) -> (JudgedKeys, Vec<IndexKey>) {
        let Self { index, new, owners, notes_owners, changes, removed, .. } = self;
        let mut owned = Vec::new();
        if shared {
            // Without twins and without what others had before, those are the keys of the draft.
            let of_draft = (!notes_owners).then(|| new.keys.iter()).into_iter().flatten();
            let all = owners.into_keys().chain(of_draft);
            let unique = all.filter(|key| is_unique(&index.definitions, key.0));
            owned.extend(unique.map(|(place, key)| (place, key.into())));
        }
        (JudgedKeys { changes, removed }, owned)
    }
}

impl KeyChanges {
    /// Adds what a batch changes, whose draft gives up its keys.
    pub(in crate::json) fn extend(&mut self, judged: JudgedKeys, draft: &mut DraftKeys) {
        let first = self.keys.len();
        self.keys.append(std::mem::take(&mut draft.keys));
        let first_removed = self.keys.len();
        self.keys.append(judged.removed);
        let shifted = judged.changes.into_iter().map(|change| KeyChange {
            key: change.key + if change.added { first } else { first_removed },
            ..change
        });
        self.changes.extend(shifted);
        self.multikey.resize(self.multikey.len().max(draft.multikey.len()), 0);
        self.multikey.iter_mut().zip(&draft.multikey).for_each(|(all, bits)| *all |= bits);
    }
}
