//! Segments as tests find them while a store is open or after it was killed.

/// What was written to a file: all but the zeros behind it, which are room for further commits.
pub(super) fn without_room(file: &[u8]) -> &[u8] {
    let written = file.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &file[..written]
}
