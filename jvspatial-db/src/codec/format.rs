//! What the serializer asks of an encoding.

use std::ops::Range;

use ::bson::Bson;

use super::fault::Result;

/// The bytes written so far.
pub(super) struct Out<'a> {
    pub(super) buf: &'a mut Vec<u8>,
    /// Where BSON keeps the type of the next value: it stands before the name, but is known after.
    pub(super) slot: usize,
}

/// One way to write values; the checks are the serializer's.
pub(super) trait Format {
    fn null(out: &mut Out<'_>);
    fn boolean(out: &mut Out<'_>, value: bool);
    fn integer(out: &mut Out<'_>, value: i64);
    fn double(out: &mut Out<'_>, value: f64);
    fn string(out: &mut Out<'_>, value: &str);
    fn binary(out: &mut Out<'_>, subtype: u8, bytes: &[u8]);
    /// Writes a value of a type that JSON has no word for: a date, an object id, and so on.
    /// The scope of JavaScript code was checked before.
    fn special(out: &mut Out<'_>, value: &Bson) -> Result;

    /// Opens a map and returns the mark that `close_map` needs.
    fn open_map(out: &mut Out<'_>) -> usize;
    fn close_map(out: &mut Out<'_>, mark: usize);
    fn open_list(out: &mut Out<'_>) -> usize;
    fn close_list(out: &mut Out<'_>, mark: usize);

    /// Checks and writes the name of the member with the given position in its map; returns where
    /// its text stands.
    fn name(out: &mut Out<'_>, position: usize, name: &str) -> Result<Range<usize>>;
    /// Prepares the element with the given position in its list.
    fn element(out: &mut Out<'_>, position: usize);
}
