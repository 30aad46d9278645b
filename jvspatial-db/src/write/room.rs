//! Room for a large batch, made before it is filled.

use super::WriteBatch;
#[cfg(feature = "json")]
use super::spare::SPARE;
use crate::limits::MAX_BATCH_OPERATIONS;

/// From how many operations the size of the others is estimated.
pub(super) const SAMPLE: usize = 64;

/// The most bytes that room is made for in advance.
const MOST: usize = 64 * 1024 * 1024;

impl WriteBatch {
    /// Makes room for `additional` operations, so that a large batch is not moved while it grows.
    ///
    /// How much their fields take is estimated from the first ones. A number that turns out too large
    /// costs address space, hardly memory, and one above
    /// [`MAX_BATCH_OPERATIONS`](crate::limits::MAX_BATCH_OPERATIONS) counts as that.
    pub fn reserve(&mut self, additional: usize) {
        let room = MAX_BATCH_OPERATIONS.saturating_sub(self.operations.len());
        self.operations.reserve_exact(additional.min(room));
    }

    /// Makes room for the fields of as many operations as there is room for, if they are like those so far.
    #[cold]
    pub(super) fn reserve_bytes(&mut self) {
        let expected = self.operations.capacity() - self.operations.len();
        let each = self.bytes.len() / self.operations.len().max(1);
        // An eighth more, since a batch that outgrows its room by little is moved as a whole.
        let bytes = expected.saturating_mul(each + each / 8).min(MOST);
        #[cfg(feature = "json")]
        SPARE.take_for(&mut self.bytes, bytes);
        // Without so much room it grows as it would have anyway.
        let _ = self.bytes.try_reserve(bytes);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::codec::Encoding;

    fn fill(batch: &mut WriteBatch, numbers: std::ops::Range<usize>, bytes: usize) {
        let text = "x".repeat(bytes);
        for number in numbers {
            let id = format!("o.Note.{number}").parse().unwrap();
            batch.insert(id, &json!({ "text": text })).unwrap();
        }
    }

    #[test]
    fn a_batch_with_room_for_its_operations_is_not_moved_after_the_first_ones() {
        for encoding in [Encoding::Json, Encoding::Bson] {
            let mut batch = WriteBatch::new(encoding);
            batch.reserve(1000);
            fill(&mut batch, 0..SAMPLE, 100);
            let places = (batch.operations.as_ptr(), batch.bytes.as_ptr());
            fill(&mut batch, SAMPLE..1000, 105);
            assert_eq!((batch.operations.as_ptr(), batch.bytes.as_ptr()), places);
        }
    }

    #[test]
    fn no_more_room_is_made_than_a_batch_may_need() {
        let mut batch = WriteBatch::new(Encoding::Bson);
        batch.reserve(usize::MAX);
        assert_eq!(batch.operations.capacity(), MAX_BATCH_OPERATIONS);
        fill(&mut batch, 0..SAMPLE, 10_000);
        assert!(batch.bytes.capacity() < 2 * MOST);
        batch.reserve(usize::MAX);
        assert_eq!(batch.operations.capacity(), MAX_BATCH_OPERATIONS);
    }
}
