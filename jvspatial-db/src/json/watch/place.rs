//! Places in the journal, as tokens keep them.

use crate::error::Result;
use crate::json::manifest::End;
use crate::watch::malformed;

/// A place between two changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment, as it was written.
    pub segment: u32,
    /// The end there of the last commit that is behind the place as a whole.
    pub end: End,
    /// How far into the commit after that.
    pub inside: Option<Inside>,
}

/// A place in the middle of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    /// How many of its lines are behind the place.
    pub lines: u64,
    /// The checksum of the commit, since after a power cut another may have its number.
    pub checksum: u64,
}

/// Six numbers of eight bytes.
const BYTES: usize = 48;

impl Place {
    /// The place after all changes of a commit.
    pub(super) const fn after(segment: u32, end: End) -> Self {
        Self { segment, end, inside: None }
    }

    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        let End { bytes, sequence, checksum } = self.end;
        let (lines, inside) = self.inside.map_or((0, 0), |inside| (inside.lines, inside.checksum));
        let numbers = [u64::from(self.segment), bytes, sequence, checksum, lines, inside];
        let mut place = [0; BYTES];
        for (bytes, number) in place.chunks_exact_mut(8).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        place
    }

    /// # Errors
    /// `Invalid` when it is none.
    pub(super) fn parse(place: &[u8]) -> Result<Self> {
        let place: &[u8; BYTES] = place.try_into().map_err(|_| malformed())?;
        let mut numbers = [0; BYTES / 8];
        for (number, bytes) in numbers.iter_mut().zip(place.chunks_exact(8)) {
            *number = u64::from_le_bytes(bytes.try_into().map_err(|_| malformed())?);
        }
        let [segment, bytes, sequence, checksum, lines, inside] = numbers;
        let inside = (lines > 0).then_some(Inside { lines, checksum: inside });
        let segment = u32::try_from(segment).map_err(|_| malformed())?;
        Ok(Self { segment, end: End { bytes, sequence, checksum }, inside })
    }
}
