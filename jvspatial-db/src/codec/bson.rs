//! The writer of raw BSON.

use std::ops::Range;

use ::bson::{Bson, Document};

use super::fault::{Fault, Result};
use super::format::{Format, Out};
use super::names;

/// Raw BSON. An integer takes 32 bits when it fits and 64 otherwise, as in a document that was
/// read from JSON, so that a number has one type under both encodings.
pub(super) struct RawBson;

const DOUBLE: u8 = 0x01;
const STRING: u8 = 0x02;
pub(super) const MAP: u8 = 0x03;
pub(super) const LIST: u8 = 0x04;
const BINARY: u8 = 0x05;
const BOOLEAN: u8 = 0x08;
const NULL: u8 = 0x0a;
const INT32: u8 = 0x10;
const INT64: u8 = 0x12;

/// The old binary subtype that repeats the length inside the value.
const BINARY_OLD: u8 = 0x02;

impl Format for RawBson {
    #[inline]
    fn null(out: &mut Out<'_>) {
        set_type(out, NULL);
    }

    #[inline]
    fn boolean(out: &mut Out<'_>, value: bool) {
        set_type(out, BOOLEAN);
        out.buf.push(u8::from(value));
    }

    #[inline]
    fn integer(out: &mut Out<'_>, value: i64) {
        if let Ok(small) = i32::try_from(value) {
            set_type(out, INT32);
            out.buf.extend_from_slice(&small.to_le_bytes());
        } else {
            set_type(out, INT64);
            out.buf.extend_from_slice(&value.to_le_bytes());
        }
    }

    #[inline]
    fn double(out: &mut Out<'_>, value: f64) {
        set_type(out, DOUBLE);
        out.buf.extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn string(out: &mut Out<'_>, value: &str) {
        set_type(out, STRING);
        length(out.buf, value.len() + 1);
        out.buf.extend_from_slice(value.as_bytes());
        out.buf.push(0);
    }

    fn binary(out: &mut Out<'_>, subtype: u8, bytes: &[u8]) {
        set_type(out, BINARY);
        if subtype == BINARY_OLD {
            length(out.buf, bytes.len() + 4);
            out.buf.push(subtype);
            length(out.buf, bytes.len());
        } else {
            length(out.buf, bytes.len());
            out.buf.push(subtype);
        }
        out.buf.extend_from_slice(bytes);
    }

    fn special(out: &mut Out<'_>, value: &Bson) -> Result {
        match value {
            Bson::ObjectId(id) => {
                set_type(out, 0x07);
                out.buf.extend_from_slice(&id.bytes());
            }
            Bson::DateTime(date) => {
                set_type(out, 0x09);
                out.buf.extend_from_slice(&date.timestamp_millis().to_le_bytes());
            }
            Bson::Binary(binary) => Self::binary(out, binary.subtype.into(), &binary.bytes),
            other => {
                // The rarer types: let their own crate write a document of one field and take its
                // type and its value from there.
                let mut document = Document::new();
                document.insert("v", other.clone());
                let bytes = ::bson::serialize_to_vec(&document)
                    .map_err(|error| Fault::invalid(error.to_string()))?;
                if let [_, _, _, _, kind, b'v', 0, value @ .., 0] = bytes.as_slice() {
                    set_type(out, *kind);
                    out.buf.extend_from_slice(value);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn open_map(out: &mut Out<'_>) -> usize {
        set_type(out, MAP);
        open(out)
    }

    #[inline]
    fn close_map(out: &mut Out<'_>, mark: usize) {
        close(out.buf, mark);
    }

    #[inline]
    fn open_list(out: &mut Out<'_>) -> usize {
        set_type(out, LIST);
        open(out)
    }

    #[inline]
    fn close_list(out: &mut Out<'_>, mark: usize) {
        close(out.buf, mark);
    }

    #[inline]
    fn name(out: &mut Out<'_>, _position: usize, name: &str) -> Result<Range<usize>> {
        names::check(name)?;
        key(out, name);
        let end = out.buf.len() - 1;
        Ok(end - name.len()..end)
    }

    #[inline]
    fn element(out: &mut Out<'_>, position: usize) {
        key(out, itoa::Buffer::new().format(position));
    }
}

/// The slot of the root, which has no type byte.
pub(super) const NO_SLOT: usize = usize::MAX;

#[inline]
fn set_type(out: &mut Out<'_>, kind: u8) {
    if let Some(slot) = out.buf.get_mut(out.slot) {
        *slot = kind;
    }
}

#[inline]
fn key(out: &mut Out<'_>, key: &str) {
    out.slot = out.buf.len();
    out.buf.reserve(key.len() + 2);
    out.buf.push(0);
    out.buf.extend_from_slice(key.as_bytes());
    out.buf.push(0);
}

#[inline]
fn open(out: &mut Out<'_>) -> usize {
    let mark = out.buf.len();
    out.buf.extend_from_slice(&[0; 4]);
    mark
}

/// Ends the map or list whose length stands at `mark`.
#[inline]
pub(super) fn close(buf: &mut Vec<u8>, mark: usize) {
    buf.push(0);
    let bytes = length_bytes(buf.len() - mark);
    if let Some(place) = buf.get_mut(mark..mark + 4) {
        place.copy_from_slice(&bytes);
    }
}

#[inline]
fn length(buf: &mut Vec<u8>, length: usize) {
    buf.extend_from_slice(&length_bytes(length));
}

/// Lengths beyond 31 bits cannot be kept; the bound on documents refuses them all the same.
#[inline]
fn length_bytes(length: usize) -> [u8; 4] {
    i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes()
}
