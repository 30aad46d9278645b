//! The memory of a large batch that was written, kept for the next one: to get it from the system anew
//! takes about as long as to fill it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest memory that is kept.
const MOST: usize = 8 * 1024 * 1024;

/// The memory that is kept, at most one batch's.
#[derive(Debug)]
pub(crate) struct Spare(Mutex<Vec<u8>>);

/// That of all batches of this process.
pub(crate) static SPARE: Spare = Spare::new();

impl Spare {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Moves `bytes` to the memory that is kept, if that has room for `additional` more; it is theirs then.
    pub(super) fn take_for(&self, bytes: &mut Vec<u8>, additional: usize) {
        let mut kept = self.kept();
        if kept.capacity() >= bytes.len().saturating_add(additional) {
            let mut taken = std::mem::take(&mut *kept);
            drop(kept);
            taken.extend_from_slice(bytes);
            *bytes = taken;
        }
    }

    /// Keeps the memory of a batch if it is larger than what is kept, and not too large.
    pub(crate) fn keep(&self, mut bytes: Vec<u8>) {
        let mut kept = self.kept();
        if (kept.capacity() + 1..=MOST).contains(&bytes.capacity()) {
            bytes.clear();
            *kept = bytes;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_batch_that_fits_gets_the_memory_and_keeps_what_it_holds() {
        let spare = Spare::new();
        let mut written = Vec::with_capacity(1000);
        written.extend_from_slice(b"written");
        let place = written.as_ptr();
        spare.keep(written);
        let mut large = b"large".to_vec();
        spare.take_for(&mut large, 996);
        assert_ne!(large.as_ptr(), place);
        let mut next = b"next".to_vec();
        spare.take_for(&mut next, 996);
        assert_eq!((next.as_slice(), next.as_ptr()), (&b"next"[..], place));
        assert_eq!(spare.kept().capacity(), 0);
    }

    #[test]
    fn the_larger_memory_is_kept_up_to_a_bound() {
        let spare = Spare::new();
        for (capacity, kept) in
            [(100, 100), (50, 100), (200, 200), (MOST + 1, 200), (MOST, MOST), (9, MOST)]
        {
            spare.keep(Vec::with_capacity(capacity));
            assert_eq!(spare.kept().capacity(), kept, "after {capacity}");
        }
    }
}
