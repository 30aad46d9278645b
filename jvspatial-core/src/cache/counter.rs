//! A count that many threads add to.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Over how many lines of the processor's cache a count is spread.
const LINES: usize = 8;

/// A count that threads add to without taking a line of the processor's cache from each other.
#[derive(Debug, Default)]
pub(super) struct Counter {
    lines: Box<[Line; LINES]>,
}

/// A line, and the one beside it, which processors fetch together.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

thread_local! {
    /// The line of this thread.
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

fn own() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    OWN.get().unwrap_or_else(|| {
        let own = NEXT.fetch_add(1, Ordering::Relaxed) % LINES;
        OWN.set(Some(own));
        own
    })
}

impl Counter {
    pub(super) fn add(&self) {
        if let Some(Line(line)) = self.lines.get(own()) {
            line.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes back one that was added, by whichever thread.
    pub(super) fn take_back(&self) {
        if let Some(Line(line)) = self.lines.get(own()) {
            line.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn get(&self) -> u64 {
        let lines = self.lines.iter().map(|Line(line)| line.load(Ordering::Relaxed));
        lines.fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_add_and_take_back_is_counted_together() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..LINES + 1 {
                scope.spawn(|| (0..100).for_each(|_| counter.add()));
            }
        });
        std::thread::scope(|scope| {
            scope.spawn(|| (0..50).for_each(|_| counter.take_back()));
        });
        assert_eq!(counter.get(), (LINES as u64 + 1) * 100 - 50);
    }
}
