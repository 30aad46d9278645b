//! Lines that were read lately, so that what is asked for again needs no call to the system.

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::index::Place;

/// The bytes of lines that are kept.
const CAPACITY: u64 = 8 * 1024 * 1024;

/// How many lines have the same place in the table.
const WAYS: usize = 4;

/// How many such places there are, a power of two: enough for lines of some hundred bytes.
const SETS: usize = 16 * 1024;

/// A line of more bytes is not kept.
const LONG: u32 = 16 * 1024;

/// The lines read last, each compared with its checksum before it came here.
///
/// A line stays what it is for as long as the store is open: segments only grow, and the slot of one
/// is never given to another. So nothing has to be taken back when documents change or move.
#[derive(Debug, Default)]
pub(super) struct Recent(RwLock<Ring>);

/// Lines one behind the other; a new one takes the room of the oldest.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: Vec<u8>,
    /// The end of the line added last, counted on without going back to the beginning.
    end: u64,
    /// Empty until a line is added.
    sets: Vec<[Entry; WAYS]>,
}

/// Where a line of the journal is in the ring.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    start: u64,
    slot: u32,
    offset: u32,
}

impl Default for Ring {
    fn default() -> Self {
        // So far on that no empty entry is taken for a line.
        Self { bytes: Vec::new(), end: 2 * CAPACITY, sets: Vec::new() }
    }
}

impl Recent {
    /// To look for lines; others may do so meanwhile.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Ring> {
        self.0.read()
    }

    /// To add lines.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Ring> {
        self.0.write()
    }
}

impl Ring {
    /// The line at `place`, if it is kept.
    pub(super) fn get(&self, place: Place) -> Option<&[u8]> {
        // What began further back is overwritten, at least in part.
        let is_there = |entry: &&Entry| entry.is_of(place) && entry.start + CAPACITY >= self.end;
        let entry = self.sets.get(set_of(place))?.iter().find(is_there)?;
        let start = (entry.start % CAPACITY) as usize;
        self.bytes.get(start..start + place.len as usize)
    }

    /// Keeps a line that is what was written.
    pub(super) fn add(&mut self, place: Place, line: &[u8]) {
        if place.len > LONG || line.len() != place.len as usize || self.get(place).is_some() {
            return;
        }
        if self.sets.is_empty() {
            self.sets.resize(SETS, [Entry::default(); WAYS]);
        }
        let rest = CAPACITY - self.end % CAPACITY;
        if rest < line.len() as u64 {
            self.end += rest;
        }
        let start = (self.end % CAPACITY) as usize;
        let after = start + line.len();
        if self.bytes.len() < after {
            self.bytes.resize(after, 0);
        }
        if let Some(room) = self.bytes.get_mut(start..after) {
            room.copy_from_slice(line);
        }
        let entries = self.sets.get_mut(set_of(place)).into_iter().flatten();
        if let Some(oldest) = entries.min_by_key(|entry| entry.start) {
            *oldest = Entry { start: self.end, slot: place.slot, offset: place.offset };
        }
        self.end += line.len() as u64;
    }
}

impl Entry {
    const fn is_of(&self, place: Place) -> bool {
        self.offset == place.offset && self.slot == place.slot
    }
}

/// The high bits of a product, which depend on all bits of the place.
fn set_of(place: Place) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let place = u64::from(place.slot) << 32 | u64::from(place.offset);
    (place.wrapping_mul(FACTOR) >> (u64::BITS - SETS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(slot: u32, offset: u32, len: u32) -> Place {
        Place { slot, offset, len, ..Place::default() }
    }

    fn recalled(recent: &Recent, place: Place) -> Option<Vec<u8>> {
        recent.read().get(place).map(<[u8]>::to_vec)
    }

    fn line(number: u32, len: u32) -> Vec<u8> {
        number.to_le_bytes().into_iter().cycle().take(len as usize).collect()
    }

    #[test]
    fn nothing_is_recalled_before_anything_was_kept() {
        assert_eq!(recalled(&Recent::default(), place(0, 0, 3)), None);
    }

    #[test]
    fn a_line_is_recalled_by_its_segment_and_offset() {
        let recent = Recent::default();
        recent.write().add(place(1, 7, 3), b"abc");
        recent.write().add(place(2, 7, 2), b"de");
        assert_eq!(recalled(&recent, place(1, 7, 3)).as_deref(), Some(&b"abc"[..]));
        assert_eq!(recalled(&recent, place(2, 7, 2)).as_deref(), Some(&b"de"[..]));
        assert_eq!(recalled(&recent, place(1, 8, 3)), None);
        assert_eq!(recalled(&recent, place(3, 7, 3)), None);
    }

    #[test]
    fn what_is_recalled_after_the_room_was_used_again_is_what_was_kept() {
        let recent = Recent::default();
        let len = |number: u32| 1 + number * 7_919 % (LONG - 1);
        let count = 5_000;
        for number in 0..count {
            let line = line(number, len(number));
            recent.write().add(place(0, number * LONG, len(number)), &line);
        }
        assert!(recent.read().bytes.len() as u64 <= CAPACITY);
        let mut kept = 0;
        for number in 0..count {
            if let Some(found) = recalled(&recent, place(0, number * LONG, len(number))) {
                assert!(found == line(number, len(number)), "{number}");
                kept += 1;
            }
        }
        assert!((500..1_200).contains(&kept), "{kept}");
        assert!(recalled(&recent, place(0, 0, len(0))).is_none());
    }

    #[test]
    fn a_long_line_is_not_kept() {
        let recent = Recent::default();
        recent.write().add(place(0, 0, LONG + 1), &line(1, LONG + 1));
        assert_eq!(recalled(&recent, place(0, 0, LONG + 1)), None);
    }
}
