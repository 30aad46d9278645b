//! A set of documents of one collection, by their ordinals.

/// Ordinals of documents, one bit for each.
///
/// Takes a bit for every ordinal up to the largest in the set: a million documents take 125 KB. It means
/// something only while the ordinals are [pinned](crate::Database::pin_ordinals).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdinalSet(Vec<u64>);

impl OrdinalSet {
    /// An empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds `ordinal`; `false` when it was there already.
    pub fn insert(&mut self, ordinal: u32) -> bool {
        let (word, bit) = place(ordinal);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let word = &mut self.0[word];
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes `ordinal` out; `false` when it was not there.
    pub fn remove(&mut self, ordinal: u32) -> bool {
        let (word, bit) = place(ordinal);
        let Some(word) = self.0.get_mut(word) else { return false };
        let was_there = *word & bit != 0;
        *word &= !bit;
        was_there
    }

    /// Whether `ordinal` is in the set.
    pub fn contains(&self, ordinal: u32) -> bool {
        let (word, bit) = place(ordinal);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

const fn place(ordinal: u32) -> (usize, u64) {
    ((ordinal / 64) as usize, 1 << (ordinal % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinal_is_new_once_and_its_neighbours_are_not_touched() {
        let mut set = OrdinalSet::new();
        for ordinal in [0, 63, 64, 1_000, u32::MAX / 64] {
            assert!(!set.contains(ordinal));
            assert!(set.insert(ordinal));
            assert!(set.contains(ordinal) && !set.contains(ordinal + 1));
            assert!(!set.insert(ordinal));
        }
        assert!(set.remove(63) && !set.remove(63) && !set.remove(u32::MAX));
        assert!(!set.contains(63) && set.contains(64));
    }
}
