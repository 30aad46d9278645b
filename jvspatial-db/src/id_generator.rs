//! Keys for new documents: ObjectIds that sort by creation.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives out the keys of new ids: four bytes of seconds, five of process, three of counter.
///
/// Keys from one generator strictly increase, also when the clock is set back and past 16,777,216
/// keys a second (the seconds then run ahead of the clock). Two processes differ in the five random
/// bytes. The layout is that of MongoDB's ObjectId.
#[derive(Debug)]
pub struct IdGenerator {
    /// Seconds since 1970 above, counter in the low 24 bits: the key given out last.
    last: AtomicU64,
    process: [u8; 5],
    clock: fn() -> u64,
}

const COUNTER_BITS: u32 = 24;

impl IdGenerator {
    /// A generator that reads the system's clock.
    pub fn new() -> Self {
        let [a, b, c, d, e, ..] = RandomState::new().hash_one(std::process::id()).to_le_bytes();
        Self { last: AtomicU64::new(0), process: [a, b, c, d, e], clock: system_seconds }
    }

    /// A generator for tests that gives the same keys in every run.
    pub const fn fixed(seed: u64) -> Self {
        let [a, b, c, d, e, ..] = seed.to_le_bytes();
        Self { last: AtomicU64::new(0), process: [a, b, c, d, e], clock: || 1_000_000_000 }
    }

    /// The next key.
    pub fn next_key(&self) -> [u8; 12] {
        self.reserve(1).next().unwrap_or_default()
    }

    /// The next `count` keys, in increasing order and with none between them.
    pub fn reserve(&self, count: usize) -> impl Iterator<Item = [u8; 12]> + Clone + use<> {
        let count = count as u64;
        let floor = (self.clock)() << COUNTER_BITS;
        let mut last = self.last.load(Ordering::Relaxed);
        let first = loop {
            let first = (last + 1).max(floor);
            let exchanged = self.last.compare_exchange_weak(
                last,
                first + count.saturating_sub(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match exchanged {
                Ok(_) => break first,
                Err(current) => last = current,
            }
        };
        let process = self.process;
        (first..first + count).map(move |stamp| {
            let [_, s0, s1, s2, s3, c0, c1, c2] = stamp.to_be_bytes();
            let [p0, p1, p2, p3, p4] = process;
            // The top byte is zero until the year 2106, as in every ObjectId.
            [s0, s1, s2, s3, p0, p1, p2, p3, p4, c0, c1, c2]
        })
    }
}

impl Default for IdGenerator {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that stamps ids with the time")]
fn system_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_strictly_increase_within_a_second_and_across_batches() {
        let generator = IdGenerator::fixed(7);
        let mut keys: Vec<_> = generator.reserve(3).collect();
        keys.push(generator.next_key());
        keys.extend(generator.reserve(1 << 10));
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert_eq!(keys.len(), 4 + (1 << 10));
    }

    #[test]
    fn a_clock_set_back_does_not_repeat_a_key() {
        let mut generator = IdGenerator::fixed(7);
        let before = generator.next_key();
        generator.clock = || 5;
        assert!(generator.next_key() > before);
    }

    #[test]
    fn more_keys_than_a_second_holds_still_increase() {
        let generator = IdGenerator::fixed(7);
        let _ = generator.reserve((1 << COUNTER_BITS) - 1);
        let (last, next) = (generator.next_key(), generator.next_key());
        assert!(last < next);
    }

    #[test]
    fn threads_never_share_a_key() {
        let generator = IdGenerator::new();
        let mut keys: Vec<[u8; 12]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| (0..1_000).map(|_| generator.next_key()).collect::<Vec<_>>())
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        });
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 4_000);
    }
}
