//! What a cache counts, by prefix of the keys.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many prefixes are told apart. Keys of further ones count in the row of the empty prefix.
pub const MAX_PREFIXES: usize = 16;

/// The longest prefix that is looked for. It keeps a key without any `:` from being searched to its end.
const MAX_PREFIX_LEN: usize = 32;

/// Threads share this many sets of counters, so that two of them rarely write to one cache line.
const STRIPES: usize = 4;

/// What was counted of the keys with one prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The bytes of the keys before the first `:`; empty for keys without one.
    pub prefix: Vec<u8>,
    /// Reads that found a value.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Loads that were begun because of a miss.
    pub loads: u64,
    /// Reads that waited for the load of another instead of loading themselves.
    pub coalesced: u64,
    /// Values that were refused because they may have been stale.
    pub stale_refused: u64,
    /// Values that made room for others, or whose time was up.
    pub evictions: u64,
    /// The bytes of all values that were kept, also those that are gone by now.
    pub bytes_written: u64,
    /// The bytes of the values that are kept in memory now.
    pub bytes: u64,
    /// Values under our keys that were not ours, damaged, or of another format.
    pub foreign: u64,
    /// Values that were not kept because they are over the bound.
    pub oversize: u64,
    /// Values that went unread, unwritten or unforgotten because the cache could not be reached.
    pub unavailable: u64,
}

impl Statistics {
    /// Adds what `other` counted. The prefix stays.
    pub fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.loads += other.loads;
        self.coalesced += other.coalesced;
        self.stale_refused += other.stale_refused;
        self.evictions += other.evictions;
        self.bytes_written += other.bytes_written;
        self.bytes += other.bytes;
        self.foreign += other.foreign;
        self.oversize += other.oversize;
        self.unavailable += other.unavailable;
    }
}

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Hit,
    Miss,
    Load,
    Coalesced,
    StaleRefused,
    Evicted,
    BytesWritten,
    Bytes,
    #[cfg(feature = "redis")]
    Foreign,
    Oversize,
    #[cfg(feature = "redis")]
    Unavailable,
}

/// One more than the last [`Event`] whatever the features are.
const EVENTS: usize = 11;

impl Event {
    const fn place(self) -> usize {
        match self {
            Self::Hit => 0,
            Self::Miss => 1,
            Self::Load => 2,
            Self::Coalesced => 3,
            Self::StaleRefused => 4,
            Self::Evicted => 5,
            Self::BytesWritten => 6,
            #[cfg(feature = "redis")]
            Self::Foreign => 7,
            Self::Oversize => 8,
            #[cfg(feature = "redis")]
            Self::Unavailable => 9,
            Self::Bytes => 10,
        }
    }
}

/// Counters of a cache, by prefix.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// The row of the empty prefix, and of the prefixes for which there is no room.
    rest: Counters,
    rows: [OnceLock<(Box<[u8]>, Counters)>; MAX_PREFIXES],
}

impl Recorder {
    pub(crate) fn count(&self, key: &[u8], event: Event) {
        self.add(key, event, 1);
    }

    pub(crate) fn add(&self, key: &[u8], event: Event, n: u64) {
        self.row(prefix(key)).add(event, n);
    }

    /// Takes back `n` of what was added, by this thread or another.
    pub(crate) fn subtract(&self, key: &[u8], event: Event, n: u64) {
        self.add(key, event, n.wrapping_neg());
    }

    fn row(&self, prefix: &[u8]) -> &Counters {
        if prefix.is_empty() {
            return &self.rest;
        }
        for row in &self.rows {
            let (name, counters) = row.get_or_init(|| (prefix.into(), Counters::default()));
            if **name == *prefix {
                return counters;
            }
        }
        &self.rest
    }

    pub(crate) fn statistics(&self) -> Vec<Statistics> {
        let rest = self.rest.statistics(&[]);
        let rows = self.rows.iter().filter_map(OnceLock::get);
        let rows = rows.map(|(prefix, counters)| counters.statistics(prefix));
        // A row of zeros says nothing.
        Some(rest).filter(|rest| *rest != Statistics::default()).into_iter().chain(rows).collect()
    }
}

/// The rows of `a` and `b`, those of one prefix added.
pub(crate) fn merged(mut a: Vec<Statistics>, b: Vec<Statistics>) -> Vec<Statistics> {
    for row in b {
        match a.iter_mut().find(|other| other.prefix == row.prefix) {
            Some(other) => other.add(&row),
            None => a.push(row),
        }
    }
    a
}

/// The bytes before the first `:`.
fn prefix(key: &[u8]) -> &[u8] {
    let head = &key[..key.len().min(MAX_PREFIX_LEN)];
    head.iter().position(|byte| *byte == b':').map_or(&[], |end| &head[..end])
}

#[derive(Debug, Default)]
struct Counters([Stripe; STRIPES]);

/// Two cache lines wide, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe([AtomicU64; EVENTS]);

impl Counters {
    fn add(&self, event: Event, n: u64) {
        // A stripe wraps below zero where one thread takes back what another added; their sum does not.
        self.0[stripe()].0[event.place()].fetch_add(n, Ordering::Relaxed);
    }

    fn statistics(&self, prefix: &[u8]) -> Statistics {
        let sum = |place: usize| -> u64 {
            let counts = self.0.iter().map(|stripe| stripe.0[place].load(Ordering::Relaxed));
            counts.fold(0, u64::wrapping_add)
        };
        Statistics {
            prefix: prefix.to_vec(),
            hits: sum(0),
            misses: sum(1),
            loads: sum(2),
            coalesced: sum(3),
            stale_refused: sum(4),
            evictions: sum(5),
            bytes_written: sum(6),
            foreign: sum(7),
            oversize: sum(8),
            unavailable: sum(9),
            bytes: sum(10),
        }
    }
}

/// The stripe of this thread.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        mine.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_count_in_the_row_of_what_stands_before_the_first_colon() {
        let recorder = Recorder::default();
        recorder.count(b"n:1", Event::Hit);
        recorder.count(b"n:2:3", Event::Hit);
        recorder.count(b"busy:1", Event::Miss);
        let rows = recorder.statistics();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].prefix.as_slice(), rows[0].hits), (&b"n"[..], 2));
        assert_eq!((rows[1].prefix.as_slice(), rows[1].misses), (&b"busy"[..], 1));
    }

    #[test]
    fn prefixes_without_end_are_counted_together() {
        let recorder = Recorder::default();
        for n in 0..1_000 {
            recorder.count(format!("{n}:key").as_bytes(), Event::Hit);
        }
        recorder.count(&[b'x'; 100], Event::Hit);
        let rows = recorder.statistics();
        assert_eq!(rows.len(), 1 + MAX_PREFIXES);
        assert_eq!(rows[0].hits, 1_001 - MAX_PREFIXES as u64);
        assert_eq!(rows.iter().map(|row| row.hits).sum::<u64>(), 1_001);
    }

    #[test]
    fn counts_of_many_threads_add_up() {
        let recorder = Recorder::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1_000).for_each(|_| recorder.count(b"n:", Event::Hit)));
            }
        });
        assert_eq!(recorder.statistics()[0].hits, 8_000);
    }
}
