//! Reading many lines, a stretch of the journal at a time.

use super::index::{Place, State};
use super::line::line_checksum;
use super::manifest::unavailable;
use super::segment::Segments;
use crate::error::{Error, Result};
use crate::id::Id;

/// The most bytes that are read at once.
const STRETCH: u64 = 256 * 1024;

/// The most bytes between two lines that are read and thrown away.
const GAP: u64 = 2048;

/// A buffer for stretches, to be used again.
#[derive(Debug, Default)]
pub(super) struct Stretches(Vec<u8>);

impl Stretches {
    /// Shows the lines of `wanted`, which `of` gives the ids and states of and which stand in the order of the
    /// journal, each compared with its checksum. Blocks.
    ///
    /// # Errors
    /// `Corrupt` naming id, file and offset of a line that is not what was written, `Unavailable`, and those
    /// of `show`.
    pub(super) fn read<T>(
        &mut self,
        segments: &Segments,
        wanted: &[T],
        of: impl Fn(&T) -> (&Id, &State),
        mut show: impl FnMut(&T, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = wanted;
        while let Some(first) = rest.first() {
            let first = of(first).1.place;
            let start = u64::from(first.offset);
            let mut end = start + u64::from(first.len);
            let mut count = 1;
            for item in rest.iter().skip(1) {
                let place = of(item).1.place;
                let offset = u64::from(place.offset);
                let after = offset + u64::from(place.len);
                let is_near = offset >= start && offset <= end + GAP && after - start <= STRETCH;
                if place.slot != first.slot || !is_near {
                    break;
                }
                end = end.max(after);
                count += 1;
            }
            let (some, after) = rest.split_at(count);
            rest = after;
            let len = usize::try_from(end - start).unwrap_or(usize::MAX);
            if self.0.len() < len {
                self.0.resize(len, 0);
            }
            let buffer = self.0.get_mut(..len).unwrap_or_default();
            let segment = segments.get(first.slot).ok_or_else(|| {
                Error::corrupt("segment of a document is not open").with("slot", first.slot)
            })?;
            segment.file.read_at(buffer, start).map_err(unavailable)?;
            for item in some {
                let (id, state) = of(item);
                let from = (u64::from(state.place.offset) - start) as usize;
                let line = buffer.get(from..from + state.place.len as usize).unwrap_or_default();
                let found = line_checksum(line) as u32;
                if found != state.check {
                    return Err(damaged(segments, state, found).with("id", id));
                }
                show(item, line)?;
            }
        }
        Ok(())
    }
}

/// The error of a line that is not what was written.
pub(super) fn damaged(segments: &Segments, state: &State, found: u32) -> Error {
    Error::corrupt("document on disk is not what was written")
        .with("file", segments.path(state.place.slot))
        .with("offset", state.place.offset)
        .with("expected", format_args!("{:08x}", state.check))
        .with("found", format_args!("{found:08x}"))
}

/// The user's fields in a line.
pub(super) fn body_of(line: &[u8], place: Place) -> &[u8] {
    let end = line.len().saturating_sub(usize::from(place.suffix) + 1);
    line.get(usize::from(place.prefix)..end).unwrap_or_default()
}
