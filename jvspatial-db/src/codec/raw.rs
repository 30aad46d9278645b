//! A cursor over raw BSON that finds where elements end without reading them.

use super::bson::{LIST, MAP};
use super::fault::{Fault, Result};
use crate::ErrorKind;
use crate::limits::MAX_DOCUMENT_DEPTH;

/// One element of a map or list.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) kind: u8,
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Type, name and value.
    pub(super) whole: &'a [u8],
}

/// The elements of the map or list whose bytes, length included, are given.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// `None` when the length does not fit the bytes.
    #[inline]
    pub(super) fn of(map: &'a [u8]) -> Option<Self> {
        let (length, rest) = map.split_first_chunk::<4>()?;
        let (end, elements) = rest.split_last()?;
        let fits = usize::try_from(i32::from_le_bytes(*length)).ok()? == map.len();
        (fits && *end == 0).then_some(Self { rest: elements })
    }

    /// The next element, `None` at the end.
    ///
    /// # Errors
    /// The unit error when the bytes are not BSON.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, ()> {
        let Some((kind, after)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.element(*kind, after).map(Some).ok_or(())
    }

    #[inline]
    fn element(&mut self, kind: u8, after: &'a [u8]) -> Option<Element<'a>> {
        let end = memchr::memchr(0, after)?;
        let (name, value) = (after.get(..end)?, after.get(end + 1..)?);
        let size = value_size(kind, value)?;
        let value = value.get(..size)?;
        let (whole, rest) = self.rest.split_at_checked(2 + end + size)?;
        self.rest = rest;
        Some(Element { kind, name, value, whole })
    }
}

/// How many bytes the value of the given type takes that `bytes` begin with.
#[inline]
fn value_size(kind: u8, bytes: &[u8]) -> Option<usize> {
    let length = || usize::try_from(i32::from_le_bytes(*bytes.first_chunk::<4>()?)).ok();
    let size = match kind {
        // Float, date, timestamp, 64-bit integer.
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        // String, code, symbol.
        0x02 | 0x0d | 0x0e => length()?.checked_add(4)?,
        // Map, list, code with scope.
        MAP | LIST | 0x0f => length()?,
        // Binary.
        0x05 => length()?.checked_add(5)?,
        // Undefined, null, and the least and the greatest key.
        0x06 | 0x0a | 0x7f | 0xff => 0,
        // Object id.
        0x07 => 12,
        // Boolean.
        0x08 => 1,
        // Regular expression: two texts, each ended by a NUL.
        0x0b => {
            let pattern = memchr::memchr(0, bytes)? + 1;
            pattern + memchr::memchr(0, bytes.get(pattern..)?)? + 1
        }
        // DB pointer.
        0x0c => length()?.checked_add(16)?,
        // 32-bit integer.
        0x10 => 4,
        // Decimal.
        0x13 => 16,
        _ => return None,
    };
    (size <= bytes.len()).then_some(size)
}

/// The fewest bytes that one more level takes: type, a name of no bytes, length, end.
const LEAST_LEVEL: usize = 7;

/// Refuses a body of more than the allowed levels, without recursion.
///
/// # Errors
/// `Limit` when it is too deep, `Corrupt` when it is not BSON as far as was looked.
pub(super) fn check_depth(bytes: &[u8]) -> Result {
    if bytes.len() < LEAST_LEVEL * MAX_DOCUMENT_DEPTH {
        return Ok(());
    }
    let broken = || Fault::new(ErrorKind::Corrupt, "stored body is not BSON");
    let mut open = vec![Elements::of(bytes).ok_or_else(broken)?];
    while let Some(elements) = open.last_mut() {
        let Some(element) = elements.next().map_err(|()| broken())? else {
            open.pop();
            continue;
        };
        let inner = match element.kind {
            MAP | LIST => element.value,
            // Length, code, scope.
            0x0f => scope(element.value).ok_or_else(broken)?,
            _ => continue,
        };
        if open.len() >= MAX_DOCUMENT_DEPTH {
            return Err(Fault::limit("document is too deep").with("limit", MAX_DOCUMENT_DEPTH));
        }
        open.push(Elements::of(inner).ok_or_else(broken)?);
    }
    Ok(())
}

fn scope(value: &[u8]) -> Option<&[u8]> {
    let rest = value.get(4..)?;
    let code = usize::try_from(i32::from_le_bytes(*rest.first_chunk::<4>()?)).ok()?;
    rest.get(code.checked_add(4)?..)
}
