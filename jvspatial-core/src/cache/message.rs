//! What processes tell each other of a change.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::slot::{SCHEME, Slot};
use super::written::Written;

/// The first byte of a message; another is of another version, whose slots mean something else.
const FORMAT: u8 = SCHEME;

/// The most documents of which a message tells what they were changed to.
const MANY: usize = 100_000;

/// The bytes of what one document was changed to.
const ONE: usize = 2 * size_of::<u64>();

/// A change as it is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// What may have changed.
    pub(super) slots: Vec<Slot>,
    /// What was changed for certain, for who is told of it by the database as well.
    pub(super) written: Vec<Written>,
}

/// The bytes that tell of a change of `slots` and of what was `written` of it: the format, how many documents were written, these, and
/// slots to the end.
pub(super) fn bytes(slots: &[Slot], written: &[Written]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(5 + written.len() * ONE + slots.len() * 4);
    bytes.put_u8(FORMAT);
    // Of a great many the others are taken for untold, and looked at again.
    let written = written.get(..MANY).unwrap_or(written);
    bytes.put_u32_le(written.len() as u32);
    for Written { id, version } in written {
        bytes.put_u64_le(*id);
        bytes.put_u64_le(*version);
    }
    slots.iter().for_each(|slot| bytes.put_u32_le(slot.number()));
    bytes.freeze()
}

/// Each of `slots` once.
pub(super) fn distinct(slots: &[Slot]) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    slots.sort_unstable();
    slots.dedup();
    slots
}

/// The change that a message tells of; nothing for one that is not ours.
pub(super) fn read(payload: &[u8]) -> Option<Message> {
    let (format, rest) = payload.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let (count, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(ONE)?;
    let (written, slots) = rest.split_at_checked(length)?;
    if slots.len() % size_of::<u32>() != 0 {
        return None;
    }
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
    let one = |bytes: &[u8]| {
        let (id, version) = bytes.split_first_chunk()?;
        let version = u64::from_le_bytes(version.try_into().ok()?);
        Some(Written { id: u64::from_le_bytes(*id), version })
    };
    Some(Message {
        slots: slots
            .chunks_exact(4)
            .map(|bytes| Slot::numbered(number(bytes)?))
            .collect::<Option<_>>()?,
        written: written.chunks_exact(ONE).map(one).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cache::touched::Touched;
    use jvspatial_db::Id;

    #[test]
    fn a_message_tells_each_slot_once_and_what_was_written() {
        let mut touched = Touched::by_change(&Id::root(), false);
        touched.merge(Touched::by_change(&Id::root(), false));
        let two = [Written { id: 7, version: 3 }, Written { id: 8, version: Written::GONE }];
        let message = read(&bytes(&distinct(touched.slots()), &two)).unwrap();
        let mut expected = Touched::by_change(&Id::root(), false).slots().to_vec();
        expected.sort_unstable();
        assert_eq!(message.slots, expected);
        assert_eq!(message.written, two);
        assert_eq!(read(&bytes(&[], &[])), Some(Message::default()));
    }

    #[test]
    fn what_is_no_message_of_this_version_is_not_read() {
        let cut = [FORMAT, 1, 0, 0, 0, 9, 9, 9, 9];
        let huge = [FORMAT, 255, 255, 255, 255];
        let beyond = [FORMAT, 0, 0, 0, 0, 255, 255, 255, 255];
        for payload in [
            &[][..],
            &[FORMAT - 1],
            &[FORMAT, 0, 0, 0],
            &[FORMAT, 0, 0, 0, 0, 1],
            &cut,
            &huge,
            &beyond,
        ] {
            assert_eq!(read(payload), None, "{payload:?}");
        }
    }
}
