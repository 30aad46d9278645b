//! Rows that are found by a key without a lock.

use std::hash::{BuildHasher as _, Hash};
use std::sync::OnceLock;

use foldhash::fast::RandomState;

/// How many rows there are at most.
const ROWS: usize = 512;
/// How many places are looked at for a key.
const PLACES: usize = 16;

/// A row for each key, made when it is first asked for and never removed. Keys for which no place is left share one row.
#[derive(Debug)]
pub(super) struct Rows<K, V> {
    rows: Box<[OnceLock<(K, V)>]>,
    rest: V,
    hasher: RandomState,
}

impl<K: Hash + Eq + Copy, V> Rows<K, V> {
    /// No rows but `rest`, which keys share for which no place is left.
    pub(super) fn new(rest: V) -> Self {
        let rows = std::iter::repeat_with(OnceLock::new).take(ROWS).collect();
        Self { rows, rest, hasher: RandomState::default() }
    }

    /// The number of the row of `key`, which `make` makes if there is none.
    pub(super) fn number(&self, key: K, make: impl Fn() -> V) -> u16 {
        let start = self.hasher.hash_one(key) as usize;
        for step in 0..PLACES {
            let place = start.wrapping_add(step) % ROWS;
            let Some(row) = self.rows.get(place) else { break };
            if row.get_or_init(|| (key, make())).0 == key {
                return place as u16;
            }
        }
        Self::rest()
    }

    /// The number of the row that keys share.
    pub(super) const fn rest() -> u16 {
        ROWS as u16
    }

    /// The row with a number that [`number`](Self::number) told.
    pub(super) fn at(&self, number: u16) -> &V {
        self.rows
            .get(usize::from(number))
            .and_then(OnceLock::get)
            .map_or(&self.rest, |(_, row)| row)
    }

    /// The row of `key`, which `make` makes if there is none.
    pub(super) fn of(&self, key: K, make: impl Fn() -> V) -> &V {
        self.at(self.number(key, make))
    }

    /// All rows; that which keys share comes last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<&K>, &V)> {
        let rows = self.rows.iter().filter_map(OnceLock::get).map(|(key, row)| (Some(key), row));
        rows.chain(std::iter::once((None, &self.rest)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn add(rows: &Rows<u32, AtomicU64>, key: u32) {
        rows.of(key, AtomicU64::default).fetch_add(1, Ordering::Relaxed);
    }

    fn of(rows: &Rows<u32, AtomicU64>, key: u32) -> Option<u64> {
        let mut all = rows.iter().filter(|(found, _)| *found == Some(&key));
        let found = all.next().map(|(_, row)| row.load(Ordering::Relaxed));
        assert!(all.next().is_none(), "{key} has two rows");
        found
    }

    #[test]
    fn each_key_has_one_row_whoever_makes_it() {
        let rows = Rows::new(AtomicU64::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|n| add(&rows, n % 20)));
            }
        });
        for key in 0..20 {
            assert_eq!(of(&rows, key), Some(200));
        }
        assert_eq!(of(&rows, 20), None);
    }

    #[test]
    fn keys_without_end_share_a_row_and_none_is_lost() {
        let rows = Rows::new(AtomicU64::default());
        (0..5_000).for_each(|n| add(&rows, n));
        assert!(rows.iter().count() <= ROWS + 1);
        let all = rows.iter().map(|(_, row)| row.load(Ordering::Relaxed));
        assert_eq!(all.sum::<u64>(), 5_000);
        assert!(rows.rest.load(Ordering::Relaxed) >= 5_000 - ROWS as u64);
    }
}
