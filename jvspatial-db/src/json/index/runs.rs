//! Ids that were given out together need no hash table: they are consecutive numbers.

use crate::entity_name::EntityName;
use crate::id::{Collection, Id};

/// Ids with consecutive generated keys on consecutive ordinals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::json) struct Run {
    kind: Kind,
    /// The first key: eight bytes that all have in common, and four that count.
    key: Key,
    /// The ordinal of the first.
    pub first: u32,
    pub len: u32,
}

/// A generated key as numbers, in the order in which keys are given out.
pub(in crate::json) type Key = (u64, u32);

/// What an id is besides its key.
pub(in crate::json) type Kind = (Collection, EntityName);

/// What an id with a generated key is besides it, and the key; `None` when its name has no number.
pub(in crate::json) fn keyed(id: &Id) -> Option<(Kind, Key)> {
    Some(((id.collection(), id.entity_name()?), key_of(id)?))
}

/// The id of a kind with a generated key.
#[inline]
pub(in crate::json) fn id_of((collection, entity): Kind, key: Key) -> Id {
    let [a, b, c, d, e, f, g, h] = key.0.to_be_bytes();
    let [i, j, k, l] = key.1.to_be_bytes();
    Id::generated(collection, entity, [a, b, c, d, e, f, g, h, i, j, k, l])
}

/// The number of a generated key.
#[inline]
pub(in crate::json) fn key_of(id: &Id) -> Option<Key> {
    let [a, b, c, d, e, f, g, h, rest @ ..] = id.generated_key()?;
    Some((u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes(rest)))
}

impl Run {
    /// The one id `id` at `ordinal`; `None` if its key was not generated or its name has no number.
    #[inline]
    pub(in crate::json) fn of(id: &Id, ordinal: u32) -> Option<Self> {
        let (kind, key) = keyed(id)?;
        Some(Self::one(kind, key, ordinal))
    }

    /// The one id of a kind with this key at `ordinal`.
    #[inline]
    pub(in crate::json) const fn one(kind: Kind, key: Key, ordinal: u32) -> Self {
        Self { kind, key, first: ordinal, len: 1 }
    }

    pub(in crate::json) const fn first_key(&self) -> Key {
        self.key
    }

    /// The last key.
    pub(in crate::json) const fn last_key(&self) -> Key {
        (self.key.0, self.key.1 + (self.len - 1))
    }

    /// Adds `next` if it continues this run.
    #[inline]
    pub(in crate::json) fn extend(&mut self, next: &Self) -> bool {
        let expected = self.key.1.checked_add(self.len);
        let continues = expected == Some(next.key.1)
            && self.key.0 == next.key.0
            && self.first + self.len == next.first
            && self.kind == next.kind;
        if continues {
            self.len += next.len;
        }
        continues
    }
}

/// Adds a run to those before it.
#[inline]
pub(in crate::json) fn append(runs: &mut Vec<Run>, next: Run) {
    if !runs.last_mut().is_some_and(|last| last.extend(&next)) {
        runs.push(next);
    }
}

/// The long runs of a table, in the order of their keys.
#[derive(Debug, Default)]
pub(in crate::json) struct Runs(Vec<Run>);

/// A shorter run is not worth its place among those that every look-up searches.
const SHORTEST: u32 = 256;

/// The search through so many runs stays in the cache.
const MOST: usize = 1024;

impl Runs {
    /// Adds a run; `false` if its ids are to be found otherwise, as those of a run that is short or that
    /// does not come after all before.
    pub(in crate::json) fn add(&mut self, run: Run) -> bool {
        if self.0.last_mut().is_some_and(|last| last.extend(&run)) {
            return true;
        }
        let is_next = self.0.last().is_none_or(|last| {
            last.last_key() < run.first_key() && last.first + last.len <= run.first
        });
        let added = is_next && run.len >= SHORTEST && self.0.len() < MOST;
        if added {
            self.0.push(run);
        }
        added
    }

    /// The id that got this ordinal in its run.
    pub(in crate::json) fn id(&self, ordinal: u32) -> Option<Id> {
        let after = self.0.partition_point(|run| run.first <= ordinal);
        let run = self.0.get(after.checked_sub(1)?)?;
        let distance = (ordinal - run.first < run.len).then_some(ordinal - run.first)?;
        Some(id_of(run.kind, (run.key.0, run.key.1 + distance)))
    }

    /// The ordinal that `id` got in its run. It may have lost it since.
    #[inline]
    pub(in crate::json) fn find(&self, id: &Id) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        let (kind, key) = keyed(id)?;
        self.find_key(kind, key)
    }

    /// The ordinal that the id of a kind with this key got in its run. It may have lost it since.
    #[inline]
    pub(in crate::json) fn find_key(&self, kind: Kind, key: Key) -> Option<u32> {
        self.get(kind, key, self.place(key)?)
    }

    /// As [`find_key`](Self::find_key), looking first into the run that was found there before.
    #[inline]
    pub(in crate::json) fn find_key_near(
        &self,
        kind: Kind,
        key: Key,
        near: &mut usize,
    ) -> Option<u32> {
        if let Some(found) = self.get(kind, key, *near) {
            return Some(found);
        }
        *near = self.place(key)?;
        self.get(kind, key, *near)
    }

    /// Which run the key is in, if in any.
    #[inline]
    fn place(&self, key: Key) -> Option<usize> {
        // As one number, which is compared without a branch that nobody can foresee.
        let number = |(head, tail): Key| u128::from(head) << 32 | u128::from(tail);
        let wanted = number(key);
        self.0.partition_point(|run| number(run.key) <= wanted).checked_sub(1)
    }

    #[inline]
    fn get(&self, kind: Kind, key: Key, place: usize) -> Option<u32> {
        let run = self.0.get(place)?;
        let distance = key.1.wrapping_sub(run.key.1);
        let within = run.key.0 == key.0 && distance < run.len;
        (within && run.kind == kind).then(|| run.first + distance)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn id(text: &str, key: u32) -> Id {
        format!("{text}.4b60c5d8224f4482{key:08x}").parse().unwrap()
    }

    fn runs(ids: &[Id]) -> Vec<Run> {
        let mut runs = Vec::new();
        for (id, ordinal) in ids.iter().zip(10..) {
            append(&mut runs, Run::of(id, ordinal).unwrap());
        }
        runs
    }

    #[test]
    fn every_id_of_a_run_is_found_and_no_other() {
        EntityName::new("RunCity").unwrap();
        EntityName::new("RunTown").unwrap();
        let ids: Vec<Id> = (500..900).map(|key| id("n.RunCity", key)).collect();
        let mut table = Runs::default();
        for run in runs(&ids) {
            assert!(table.add(run));
        }
        for (id, ordinal) in ids.iter().zip(10..) {
            assert_eq!(table.find(id), Some(ordinal));
            assert_eq!(table.id(ordinal).as_ref(), Some(id));
        }
        for other in [id("n.RunCity", 499), id("n.RunCity", 900), id("n.RunTown", 600)] {
            assert_eq!(table.find(&other), None, "{other}");
        }
        assert_eq!((table.id(9), table.id(410)), (None, None));
        assert_eq!(table.find(&id("o.RunCity", 600)), None);
        assert_eq!(table.find(&Id::root()), None);
    }

    #[test]
    fn a_run_that_comes_before_others_is_not_added() {
        EntityName::new("RunCity").unwrap();
        let run = |keys: std::ops::Range<u32>, first| {
            let ids: Vec<Id> = keys.map(|key| id("n.RunCity", key)).collect();
            let mut runs = Vec::new();
            for (id, ordinal) in ids.iter().zip(first..) {
                append(&mut runs, Run::of(id, ordinal).unwrap());
            }
            runs[0]
        };
        let mut table = Runs::default();
        assert!(table.add(run(1_000..1_300, 1_000)));
        assert!(!table.add(run(500..800, 2_000)), "its keys are below");
        assert!(!table.add(run(2_000..2_300, 500)), "its ordinals are below");
        assert_eq!(table.find(&id("n.RunCity", 1_299)), Some(1_299));
    }

    #[test]
    fn a_gap_another_name_and_the_end_of_the_numbers_end_a_run() {
        EntityName::new("RunCity").unwrap();
        EntityName::new("RunTown").unwrap();
        let keys = [("n.RunCity", 1), ("n.RunCity", 2), ("n.RunCity", 4), ("n.RunTown", 5)];
        let ids: Vec<Id> = keys.iter().map(|(text, key)| id(text, *key)).collect();
        assert_eq!(runs(&ids).iter().map(|run| run.len).collect::<Vec<_>>(), [2, 1, 1]);
        let last = id("n.RunCity", u32::MAX);
        let next: Id = "n.RunCity.4b60c5d8224f448300000000".parse().unwrap();
        assert_eq!(runs(&[last, next]).len(), 2);
    }
}
