//! How many values go to Redis at once.

/// The most keys of one command, so that Redis has time for others in between.
pub(super) const KEYS: usize = 1_000;

/// The most bytes of values in one command, unless a single value has more.
const BYTES: usize = 4 << 20;

/// Splits `entries` into runs of at most [`KEYS`], and of at most [`BYTES`] by the length that `len` gives each.
pub(super) fn batches<T>(entries: &[T], len: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (place, entry) in entries.iter().enumerate() {
        let more = len(entry);
        if place > begin && (place - begin == KEYS || bytes + more > BYTES) {
            batches.push(&entries[begin..place]);
            (begin, bytes) = (place, 0);
        }
        bytes += more;
    }
    if begin < entries.len() {
        batches.push(&entries[begin..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_bounded_by_keys_and_by_bytes_and_none_is_empty() {
        let lengths = |entries: &[usize]| -> Vec<usize> {
            batches(entries, |len| *len).into_iter().map(<[usize]>::len).collect()
        };
        assert_eq!(lengths(&[]), []);
        assert_eq!(lengths(&[0; 2_500]), [1_000, 1_000, 500]);
        assert_eq!(lengths(&[BYTES, 1, BYTES + 1, BYTES / 2, BYTES / 2, 1]), [1, 1, 1, 2, 1]);
    }
}
