//! A sorted set of short byte strings: the entries of one index, each a key and the document's ordinal.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The bytes of a block that is divided.
const FULL: usize = 4096;

/// A block of fewer bytes is put together with the one before it.
const SPARSE: usize = FULL / 8;

/// From how many strings on it takes less to fill a block anew than to put each in its place.
const FEW: usize = 3;

/// A sorted set of byte strings in blocks of some hundred.
///
/// The strings of a block stand one behind the other, so that the set takes little more than their bytes
/// and two more each, and reading on from one to the next follows no pointer.
#[derive(Debug, Default)]
pub(in crate::json) struct KeySet {
    /// Each block under a string that is not above its first and above all of the block before.
    blocks: BTreeMap<Box<[u8]>, Block>,
    len: u64,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where each string ends.
    ends: Vec<u16>,
}

impl KeySet {
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    pub(in crate::json) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The set of strings that come in order, each once.
    pub(in crate::json) fn from_sorted<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut set = Self::default();
        let mut filling = Filling::default();
        for entry in entries {
            filling.push(entry);
            set.len += 1;
        }
        set.blocks.extend(filling.finish());
        set
    }

    /// Adds strings that come in order, each once; those that were there stay.
    pub(in crate::json) fn extend_sorted(&mut self, entries: &[&[u8]]) {
        debug_assert!(entries.is_sorted_by(|a, b| a < b));
        let mut rest = entries;
        while let Some(least) = rest.first() {
            let below = (Bound::Unbounded, Bound::Included(*least));
            let Some((first, _)) = self.blocks.range::<[u8], _>(below).next_back() else {
                // The first block takes whatever is below the second.
                let first = self.blocks.pop_first().map(|(_, block)| block);
                self.blocks.insert(Box::default(), first.unwrap_or_default());
                continue;
            };
            let above = self.blocks.range::<[u8], _>((Bound::Excluded(&**first), Bound::Unbounded));
            let count = above
                .map(|(first, _)| first)
                .next()
                .map_or(rest.len(), |above| rest.partition_point(|entry| **entry < **above));
            let (own, after) = rest.split_at(count);
            rest = after;
            if own.len() <= FEW {
                own.iter().for_each(|entry| {
                    self.insert(entry);
                });
                continue;
            }
            let first = first.clone();
            let Some(block) = self.blocks.get_mut(&first).map(std::mem::take) else { continue };
            // What stands below all of them stays where it is.
            let at = block.find(least).unwrap_or_else(|at| at);
            let (mut filling, block) = Filling::from(block, at);
            if block.ends.is_empty() {
                own.iter().for_each(|entry| filling.push(entry));
                self.len += own.len() as u64;
            } else {
                self.len += filling.merge(own, &block);
            }
            let mut filled = filling.finish();
            let lowest = filled.next().map(|(_, block)| block);
            self.blocks.insert(first, lowest.unwrap_or_default());
            self.blocks.extend(filled);
        }
    }

    /// The strings from `start` on, in order.
    pub(in crate::json) fn from<'a>(&'a self, start: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let below = (Bound::Unbounded, Bound::Included(start));
        let own = self.blocks.range::<[u8], _>(below).next_back();
        let first = own.map_or(Bound::Unbounded, |(first, _)| Bound::Excluded(&**first));
        let from = |block: &Block| block.find(start).unwrap_or_else(|at| at);
        let own = own.map(|(_, block)| (block, from(block)));
        let later = self.blocks.range::<[u8], _>((first, Bound::Unbounded));
        let blocks = own.into_iter().chain(later.map(|(_, block)| (block, 0)));
        blocks.flat_map(|(block, from)| (from..block.ends.len()).map(|at| block.get(at)))
    }

    /// Adds a string; `false` when it was there.
    pub(in crate::json) fn insert(&mut self, entry: &[u8]) -> bool {
        let is_last = self.blocks.last_key_value().is_none_or(|(first, _)| **first <= *entry);
        let below = (Bound::Unbounded, Bound::Included(entry));
        let Some((_, block)) = self.blocks.range_mut::<[u8], _>(below).next_back() else {
            let mut block = Block::default();
            block.push(entry);
            // The first block takes whatever is below the second.
            self.blocks.insert(Box::default(), block);
            self.len += 1;
            return true;
        };
        let Err(at) = block.find(entry) else { return false };
        self.len += 1;
        let is_full = !block.ends.is_empty() && block.bytes.len() + entry.len() > FULL;
        if is_full && is_last && at == block.ends.len() {
            // What grows at its end leaves full blocks behind.
            block.shrink();
            let mut next = Block::default();
            next.push(entry);
            self.blocks.insert(entry.into(), next);
            return true;
        }
        block.insert(at, entry);
        if is_full {
            let upper = block.divide();
            let first: Box<[u8]> = upper.get(0).into();
            self.blocks.insert(first, upper);
        }
        true
    }

    /// Removes a string; `false` when it was not there.
    pub(in crate::json) fn remove(&mut self, entry: &[u8]) -> bool {
        let below = (Bound::Unbounded, Bound::Included(entry));
        let Some((first, block)) = self.blocks.range_mut::<[u8], _>(below).next_back() else {
            return false;
        };
        let Ok(at) = block.find(entry) else { return false };
        block.remove(at);
        self.len -= 1;
        if block.bytes.len() < SPARSE {
            let first = first.clone();
            self.join(&first);
        }
        true
    }

    /// Puts a sparse block together with the one before it, if there is room.
    fn join(&mut self, first: &[u8]) {
        let Some(block) = self.blocks.remove(first) else { return };
        if block.ends.is_empty() {
            return;
        }
        let below = (Bound::Unbounded, Bound::Excluded(first));
        match self.blocks.range_mut::<[u8], _>(below).next_back() {
            Some((_, before)) if before.bytes.len() + block.bytes.len() <= FULL * 3 / 4 => {
                (0..block.ends.len()).for_each(|at| before.push(block.get(at)));
            }
            _ => drop(self.blocks.insert(first.into(), block)),
        }
    }

    /// Shows the strings from `start` on and below `end`, in order or from the last to the first, until
    /// `show` says to stop. Returns whether it went through to the end.
    pub(in crate::json) fn scan(
        &self,
        (start, end): (&[u8], &[u8]),
        backward: bool,
        mut show: impl FnMut(&[u8]) -> bool,
    ) -> bool {
        let mut block_done = |block: &Block| {
            let from = block.find(start).unwrap_or_else(|at| at);
            let to = block.find(end).unwrap_or_else(|at| at);
            let mut places = from..to.max(from);
            if backward {
                places.rev().all(|at| show(block.get(at)))
            } else {
                places.all(|at| show(block.get(at)))
            }
        };
        if start >= end {
            return true;
        }
        let mut blocks = self.blocks_between(start, end);
        if backward {
            blocks.rev().all(|(_, block)| block_done(block))
        } else {
            blocks.all(|(_, block)| block_done(block))
        }
    }

    /// How many strings there are from `start` on and below `end`; stops counting once there are `enough`.
    pub(in crate::json) fn count(&self, (start, end): (&[u8], &[u8]), enough: u64) -> u64 {
        if start >= end {
            return 0;
        }
        let mut count = 0;
        for (first, block) in self.blocks_between(start, end) {
            let from =
                if **first >= *start { 0 } else { block.find(start).unwrap_or_else(|at| at) };
            let to = match block.last() {
                Some(last) if last < end => block.ends.len(),
                _ => block.find(end).unwrap_or_else(|at| at),
            };
            count += to.saturating_sub(from) as u64;
            if count >= enough {
                break;
            }
        }
        count
    }

    fn blocks_between(
        &self,
        start: &[u8],
        end: &[u8],
    ) -> impl DoubleEndedIterator<Item = (&Box<[u8]>, &Block)> {
        let below = (Bound::Unbounded, Bound::Included(start));
        let first = self.blocks.range::<[u8], _>(below).next_back();
        let start = first.map_or(start, |(first, _)| first);
        self.blocks.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end)))
    }

    /// The bytes that it takes, without those of the tree over the blocks.
    pub(in crate::json) fn bytes(&self) -> usize {
        let block = |block: &Block| block.bytes.capacity() + block.ends.capacity() * 2;
        self.blocks.iter().map(|(first, of)| first.len() + 72 + block(of)).sum()
    }
}

/// Blocks that are filled in order, each with its first string.
#[derive(Debug, Default)]
struct Filling {
    full: Vec<(Box<[u8]>, Block)>,
    block: Block,
}

impl Filling {
    /// Goes on with a block after its first `at` strings; the others are given back.
    fn from(mut block: Block, at: usize) -> (Self, Block) {
        let others = block.split(at);
        if !block.ends.is_empty() {
            block.bytes.reserve(FULL.saturating_sub(block.bytes.len()));
        }
        (Self { full: Vec::new(), block }, others)
    }

    fn push(&mut self, entry: &[u8]) {
        if !self.block.ends.is_empty() && self.block.bytes.len() + entry.len() > FULL * 7 / 8 {
            self.cut();
        }
        if self.block.ends.is_empty() {
            self.block.bytes.reserve(FULL);
        }
        self.block.bytes.extend_from_slice(entry);
        // A block and one more string are shorter than that.
        self.block.ends.push(self.block.bytes.len() as u16);
    }

    /// Adds strings in order and those of a block; returns how many of the former were not in it.
    fn merge(&mut self, entries: &[&[u8]], block: &Block) -> u64 {
        let mut added = 0;
        let mut places = (0..block.ends.len()).peekable();
        for entry in entries {
            while let Some(at) = places.next_if(|at| block.get(*at) <= *entry) {
                self.push(block.get(at));
            }
            if self.block.last() != Some(entry) {
                self.push(entry);
                added += 1;
            }
        }
        places.for_each(|at| self.push(block.get(at)));
        added
    }

    fn cut(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        block.shrink();
        self.full.push((block.get(0).into(), block));
    }

    fn finish(mut self) -> impl Iterator<Item = (Box<[u8]>, Block)> {
        if !self.block.ends.is_empty() {
            self.cut();
        }
        self.full.into_iter()
    }
}

impl Block {
    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize)
    }

    fn get(&self, at: usize) -> &[u8] {
        let end = self.ends.get(at).map_or(0, |end| *end as usize);
        self.bytes.get(self.start(at)..end).unwrap_or_default()
    }

    fn last(&self) -> Option<&[u8]> {
        self.ends.len().checked_sub(1).map(|at| self.get(at))
    }

    fn find(&self, entry: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.get(middle).cmp(entry) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn push(&mut self, entry: &[u8]) {
        self.insert(self.ends.len(), entry);
    }

    /// Strings have at most some thousand bytes, so a block never has more than its ends can say.
    fn insert(&mut self, at: usize, entry: &[u8]) {
        let (start, old) = (self.start(at), self.bytes.len());
        self.reserve(entry.len());
        self.bytes.resize(old + entry.len(), 0);
        self.bytes.copy_within(start..old, start + entry.len());
        if let Some(room) = self.bytes.get_mut(start..start + entry.len()) {
            room.copy_from_slice(entry);
        }
        let added = entry.len() as u16;
        self.ends.insert(at, start as u16);
        self.ends.iter_mut().skip(at).for_each(|end| *end += added);
    }

    /// Grows by a quarter: blocks that are half empty would be most of the memory.
    fn reserve(&mut self, bytes: usize) {
        if self.bytes.capacity() < self.bytes.len() + bytes {
            self.bytes.reserve_exact(bytes.max(self.bytes.len() / 4).max(64));
        }
        if self.ends.capacity() == self.ends.len() {
            self.ends.reserve_exact((self.ends.len() / 4).max(8));
        }
    }

    fn remove(&mut self, at: usize) {
        let (start, len) = (self.start(at), self.get(at).len());
        self.bytes.drain(start..start + len);
        self.ends.remove(at);
        self.ends.iter_mut().skip(at).for_each(|end| *end -= len as u16);
    }

    /// Cuts off the strings from `at` on.
    fn split(&mut self, at: usize) -> Self {
        let start = self.start(at);
        let bytes = self.bytes.split_off(start);
        let ends = self.ends.split_off(at).into_iter().map(|end| end - start as u16).collect();
        Self { bytes, ends }
    }

    /// Cuts off the upper half, which is not empty and leaves something.
    fn divide(&mut self) -> Self {
        let half = self.bytes.len() / 2;
        let at = self.ends.partition_point(|end| usize::from(*end) <= half);
        let at = at.clamp(1, self.ends.len().saturating_sub(1).max(1));
        self.split(at)
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => prop::collection::vec(0_u8..4, 0..5),
            1 => (0_u8..4, 1_000_usize..4_100).prop_map(|(byte, len)| vec![byte; len]),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_a_sorted_set_holds(
            steps in prop::collection::vec((entry(), any::<bool>()), 0..800),
            bounds in (entry(), entry()),
            sorted in any::<bool>(),
            more in prop::collection::btree_set(entry(), 0..200),
        ) {
            let mut expected = BTreeSet::new();
            let mut set = KeySet::default();
            if sorted {
                expected = steps.iter().map(|(entry, _)| entry.clone()).collect();
                set = KeySet::from_sorted(expected.iter().map(Vec::as_slice));
            }
            for (entry, removes) in &steps {
                if *removes {
                    prop_assert_eq!(set.remove(entry), expected.remove(entry));
                } else {
                    prop_assert_eq!(set.insert(entry), expected.insert(entry.clone()));
                }
                prop_assert_eq!(set.len(), expected.len() as u64);
            }
            set.extend_sorted(&more.iter().map(Vec::as_slice).collect::<Vec<_>>());
            expected.extend(more);
            prop_assert_eq!(set.len(), expected.len() as u64);
            let (start, end) = bounds;
            let from: Vec<_> = set.from(&start).map(<[u8]>::to_vec).collect();
            prop_assert!(from.iter().eq(expected.range(start.clone()..)));
            let within: Vec<_> = expected.iter().filter(|e| **e >= start && **e < end).collect();
            let mut shown = Vec::new();
            set.scan((&start, &end), false, |entry| { shown.push(entry.to_vec()); true });
            prop_assert_eq!(shown.iter().collect::<Vec<_>>(), within.clone());
            shown.clear();
            set.scan((&start, &end), true, |entry| { shown.push(entry.to_vec()); true });
            shown.reverse();
            prop_assert_eq!(shown.iter().collect::<Vec<_>>(), within.clone());
            prop_assert_eq!(set.count((&start, &end), u64::MAX), within.len() as u64);
        }
    }

    #[test]
    fn a_hundred_thousand_short_entries_take_little_more_than_their_bytes() {
        let mut set = KeySet::default();
        for number in 0_u32..100_000 {
            set.insert(
                &[[7; 13].as_slice(), &number.wrapping_mul(2_654_435_761).to_be_bytes()].concat(),
            );
        }
        assert!(set.bytes() < 100_000 * 32, "{} bytes", set.bytes());
        let sorted: Vec<Vec<u8>> = (0_u32..100_000)
            .map(|number| [[7; 13].as_slice(), &number.to_be_bytes()].concat())
            .collect();
        let set = KeySet::from_sorted(sorted.iter().map(Vec::as_slice));
        assert!(set.bytes() < 100_000 * 21, "{} bytes", set.bytes());
    }
}
