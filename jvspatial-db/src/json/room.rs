//! Room: zeros behind the last commit of the segment that is written, which the next commits overwrite.
//!
//! A sync takes about half as long when neither the length of the file nor where it lies has changed. The
//! room goes when the segment is sealed or the store closed; after anything else opening finds it.

use std::io;
use std::ops::Range;

use super::disk::DiskFile;
use super::options::JsonDbOptions;
use crate::durability::Durability;

/// The least room that is made.
const LEAST: u64 = 4 * 1024;

/// The most room that is made at a time.
const MOST: u64 = 1024 * 1024;

/// A larger commit makes no room: to write so many bytes twice costs more than its sync gains.
const LARGE: u64 = 64 * 1024;

/// The room to make in a file of `len` bytes after a commit of `bytes` that ends at `end`, none if it has enough
/// for another like it.
///
/// A segment that is written in small commits so has twice the length of what was written, as long as
/// that is not much, and is synced at its full speed but for a few times.
pub(super) fn to_make(len: u64, end: u64, bytes: u64, segment_bytes: u64) -> Option<Range<u64>> {
    if bytes > LARGE || len.saturating_sub(end) >= bytes {
        return None;
    }
    // Beyond `segment_bytes` the next segment is begun; offsets within one have 32 bits.
    let most = segment_bytes.min(u64::from(u32::MAX));
    let until = end.saturating_add(end.clamp(LEAST, MOST)).min(most);
    (len < until).then_some(len..until)
}

/// The room to make in a segment that begins with `end` bytes: it costs nothing of its own, as the segment is synced anyway.
///
/// A sixteenth of a segment at most, so that small segments are not mostly room.
pub(super) fn first(end: u64, options: &JsonDbOptions) -> Option<Range<u64>> {
    let room = MOST.min(options.segment_bytes / 16);
    (options.durability == Durability::Sync && room >= LEAST)
        .then(|| end..end.saturating_add(room).min(options.segment_bytes))
        .filter(|room| !room.is_empty())
}

/// The length of a file of `len` bytes without the zeros at its end.
///
/// # Errors
/// The file's own.
pub(super) fn without(file: &dyn DiskFile, len: u64) -> io::Result<u64> {
    const ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];
    let mut buffer = ZEROS;
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let size = usize::try_from(end - start).unwrap_or(usize::MAX);
        let block = buffer.get_mut(..size).unwrap_or_default();
        file.read_at(block, start)?;
        // Most blocks are empty, and to compare is faster than to search.
        if ZEROS.get(..size) != Some(&*block)
            && let Some(last) = block.iter().rposition(|byte| *byte != 0)
        {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::json::disk::{Disk as _, SimulatedDisk};

    #[test]
    fn there_is_room_for_as_much_as_was_written_within_bounds() {
        const LARGE_SEGMENT: u64 = 64 << 20;
        let to_make = |len, end, bytes| to_make(len, end, bytes, LARGE_SEGMENT);
        assert_eq!(to_make(300, 300, 200), Some(300..300 + LEAST));
        assert_eq!(to_make(50_000, 50_000, 200), Some(50_000..100_000));
        assert_eq!(to_make(9 << 20, 9 << 20, 200), Some(9 << 20..10 << 20));
        assert_eq!(
            to_make(100_000, 99_900, 200),
            Some(100_000..199_800),
            "what is left is too little"
        );
        assert_eq!(to_make(100_000, 99_800, 200), None, "there is enough");
        assert_eq!(to_make(LARGE, LARGE, LARGE), Some(LARGE..2 * LARGE));
        assert_eq!(to_make(LARGE, LARGE, LARGE + 1), None, "a large commit");
    }

    #[test]
    fn a_segment_that_is_synced_with_each_commit_begins_with_room() {
        let options = JsonDbOptions::new();
        assert_eq!(first(100, &options), Some(100..100 + MOST));
        let small = options.clone().segment_bytes(16 * LEAST);
        assert_eq!(first(100, &small), Some(100..100 + LEAST));
        assert_eq!(first(16 * LEAST - 1, &small), Some(16 * LEAST - 1..16 * LEAST));
        assert_eq!(first(16 * LEAST, &small), None);
        assert_eq!(first(100, &options.clone().segment_bytes(16 * LEAST - 1)), None);
        assert_eq!(first(100, &options.durability(Durability::Os)), None);
    }

    #[test]
    fn room_ends_with_the_segment() {
        assert_eq!(to_make(3000, 3000, 200, 4096), Some(3000..4096));
        assert_eq!(to_make(4096, 4000, 200, 4096), None);
        assert_eq!(to_make(5000, 5000, 200, 4096), None, "it is full already");
        let most = u64::from(u32::MAX);
        assert_eq!(to_make(most - 9, most - 9, 200, u64::MAX), Some(most - 9..most));
        assert_eq!(to_make(u64::MAX, u64::MAX, 200, u64::MAX), None);
    }

    #[test]
    fn zeros_at_the_end_are_told_from_those_between() {
        let disk = SimulatedDisk::new();
        for (written, room) in
            [("", 0), ("", 9), ("a", 0), ("a\0b", 1), ("a", 16_384), ("ab", 50_000)]
        {
            let mut bytes = written.as_bytes().to_vec();
            bytes.resize(written.len() + room, 0);
            let len = bytes.len() as u64;
            disk.set_bytes("file", bytes).unwrap();
            let file = disk.open("file").unwrap();
            assert_eq!(without(&*file, len).unwrap(), written.len() as u64, "{written:?} {room}");
        }
    }
}
