//! Sorting within bounded memory.

use std::cmp::Ordering;

use super::{Key, Position, Sort};
use crate::error::{Error, Result};
use crate::id::Id;

/// Which part of an order is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub sort: Sort,
    /// Whether the order is gone through from its end.
    pub reversed: bool,
    pub after: Option<Position>,
    pub before: Option<Position>,
    pub skip: u64,
    pub limit: Option<u64>,
}

impl Window {
    /// Whether a document stands where it is asked for; skip and limit aside.
    pub(crate) fn admits(&self, key: &Key, id: &Id) -> bool {
        let stands = |position: &Option<Position>, side: Ordering| {
            position.as_ref().is_none_or(|position| {
                let order = position.order_of(&self.sort, key, id);
                order == side || (position.is_inclusive() && order.is_eq())
            })
        };
        stands(&self.after, Ordering::Greater) && stands(&self.before, Ordering::Less)
    }

    /// Compares two places in the order as it is gone through.
    fn compare<P>(&self, left: &Entry<P>, right: &Entry<P>) -> Ordering {
        let order = self.sort.compare((&left.key, &left.id), (&right.key, &right.id));
        if self.reversed { order.reverse() } else { order }
    }

    /// How many of the first documents are needed.
    fn needed(&self) -> Option<usize> {
        let needed = self.limit?.saturating_add(self.skip);
        Some(usize::try_from(needed).unwrap_or(usize::MAX))
    }
}

/// Collects documents and gives them back in order; with a limit it holds no more than a multiple of it.
#[derive(Debug)]
pub(crate) struct Sorter<P> {
    window: Window,
    entries: Vec<Entry<P>>,
    /// What the entries take in memory.
    bytes: usize,
    max_bytes: usize,
    /// How many entries from the front are the first ones of all that came before.
    settled: usize,
}

#[derive(Debug)]
struct Entry<P> {
    key: Key,
    id: Id,
    payload: P,
}

impl<P> Entry<P> {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.key.weight()
    }
}

/// How many entries are held at least before those are dropped that will not be needed.
const SLACK: usize = 1024;

impl<P> Sorter<P> {
    /// A sorter of what `window` asks for that takes at most `max_bytes` of memory.
    pub(crate) const fn new(window: Window, max_bytes: usize) -> Self {
        Self { window, entries: Vec::new(), bytes: 0, max_bytes, settled: 0 }
    }

    /// The order.
    pub(crate) const fn sort(&self) -> &Sort {
        &self.window.sort
    }

    /// Adds a document; what `payload` holds outside itself is not counted.
    ///
    /// # Errors
    /// `Limit` when the sort would take too much memory.
    pub(crate) fn push(&mut self, key: Key, id: Id, payload: P) -> Result<()> {
        if !self.window.admits(&key, &id) {
            return Ok(());
        }
        let needed = self.window.needed();
        if needed == Some(0) {
            return Ok(());
        }
        let entry = Entry { key, id, payload };
        if needed == Some(self.settled)
            && let Some(last) = self.entries.get(self.settled - 1)
            && self.window.compare(&entry, last).is_gt()
        {
            return Ok(());
        }
        self.bytes += entry.weight();
        self.entries.push(entry);
        if needed.is_some_and(|needed| self.entries.len() >= needed.saturating_mul(2).max(SLACK)) {
            self.settle();
        }
        self.check_size()
    }

    fn check_size(&mut self) -> Result<()> {
        if self.bytes > self.max_bytes {
            self.settle();
        }
        if self.bytes > self.max_bytes {
            return Err(Error::limit("sort takes too much memory; give it a limit or an index")
                .with("sort", self.window.sort.to_document())
                .with("limit", self.max_bytes));
        }
        Ok(())
    }

    /// Drops what will not be needed.
    fn settle(&mut self) {
        let Some(needed) = self.window.needed().filter(|needed| *needed < self.entries.len())
        else {
            return;
        };
        let window = &self.window;
        self.entries.select_nth_unstable_by(needed.saturating_sub(1), |left, right| {
            window.compare(left, right)
        });
        self.entries.truncate(needed);
        self.bytes = self.entries.iter().map(Entry::weight).sum();
        self.settled = needed;
    }

    /// The payloads in order, skip and limit applied.
    pub(crate) fn finish(mut self) -> impl Iterator<Item = P> {
        self.settle();
        let window = &self.window;
        self.entries.sort_unstable_by(|left, right| window.compare(left, right));
        let skip = usize::try_from(self.window.skip).unwrap_or(usize::MAX);
        self.entries.into_iter().skip(skip).map(|entry| entry.payload)
    }
}
