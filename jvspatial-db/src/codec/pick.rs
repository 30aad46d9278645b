//! Reads some fields of a body and passes over the rest.

use std::borrow::Cow;

use ::bson::{Bson, Document};

use super::bson::MAP;
use super::fault::Fault;
use super::raw::{self, Element, Elements};
use super::scan::{self, Scan};
use super::shape::is_map;
use super::{Encoding, text};
use crate::projection::PathTree;
use crate::{Error, Result};

/// The fields that `paths` lead into, as a document that lacks all others.
///
/// An array on the way of a path is there whole, and so is a scalar. The rest is not looked at more
/// than finding its end takes, and what follows the last of the fields not at all.
///
/// # Errors
/// `Corrupt` when the bytes, as far as they are read, are not of the encoding.
pub(crate) fn pick(encoding: Encoding, bytes: &[u8], paths: &PathTree) -> Result<Document> {
    match encoding {
        _ if paths.is_leaf() => super::to_bson_document(encoding, bytes),
        Encoding::Json => pick_json(bytes, paths),
        Encoding::Bson => {
            raw::check_depth(bytes).map_err(Fault::into_error)?;
            pick_bson(bytes, paths)
        }
    }
}

#[cold]
pub(super) fn broken() -> Error {
    Error::corrupt("stored body is not a document")
}

/// The recursion goes only as deep as the paths.
fn pick_json(map: &[u8], paths: &PathTree) -> Result<Document> {
    let mut found = Document::new();
    let mut members = Members::of(map).ok_or_else(broken)?;
    let mut missing = paths.len();
    while missing > 0
        && let Some((name, value)) = members.next().ok_or_else(broken)?
    {
        let Some((name, paths)) = member_of(paths, name)? else { continue };
        missing = missing.saturating_sub(1);
        let value = if !paths.is_leaf() && is_map(value) {
            Bson::Document(pick_json(value, paths)?)
        } else {
            text::read_stored_value(value).map_err(|fault| fault.into_reason_of(broken()))?
        };
        found.insert(name.into_owned(), value);
    }
    Ok(found)
}

/// The name as it reads, and the paths that go on with it.
pub(super) fn member_of<'a, 'p>(
    paths: &'p PathTree,
    name: &'a [u8],
) -> Result<Option<(Cow<'a, str>, &'p PathTree)>> {
    if !name.contains(&b'\\') {
        let Some(paths) = paths.get_bytes(name) else { return Ok(None) };
        let name = std::str::from_utf8(name).map_err(|_| broken())?;
        return Ok(Some((Cow::Borrowed(name), paths)));
    }
    let name = std::str::from_utf8(name).map_err(|_| broken())?;
    let name = scan::unescape(name).map_err(|_| broken())?;
    Ok(paths.get(&name).map(|paths| (name, paths)))
}

/// What a spelled name reads.
#[inline]
pub(super) fn spelling(spelled: &[u8]) -> Result<Cow<'_, [u8]>> {
    if !spelled.contains(&b'\\') {
        return Ok(Cow::Borrowed(spelled));
    }
    let spelled = std::str::from_utf8(spelled).map_err(|_| broken())?;
    Ok(match scan::unescape(spelled).map_err(|_| broken())? {
        Cow::Borrowed(name) => Cow::Borrowed(name.as_bytes()),
        Cow::Owned(name) => Cow::Owned(name.into_bytes()),
    })
}

/// Whether the spelled name reads `name`.
pub(super) fn is_name(spelled: &[u8], name: &str) -> Result<bool> {
    Ok(*spelling(spelled)? == *name.as_bytes())
}

/// The members of a JSON map: names as they are spelled, values unread.
pub(super) struct Members<'a> {
    scan: Scan<'a>,
    is_first: bool,
}

impl<'a> Members<'a> {
    /// `None` when the text is no map.
    #[inline]
    pub(super) fn of(map: &'a [u8]) -> Option<Self> {
        let mut scan = Scan::new(map);
        scan.take(b'{').then_some(Self { scan, is_first: true })
    }

    /// The next member, or `Some(None)` after the last one; `None` when the text is not JSON.
    #[inline]
    #[expect(clippy::option_option, reason = "the end is not a failure")]
    pub(super) fn next(&mut self) -> Option<Option<(&'a [u8], &'a [u8])>> {
        // Mostly there is no space anywhere.
        let mut byte = self.scan.peek()?;
        if byte <= b' ' {
            self.scan.skip_space();
            byte = self.scan.peek()?;
        }
        match byte {
            b'}' => {
                self.scan.advance(1);
                return Some(None);
            }
            b',' if !self.is_first => self.scan.advance(1),
            _ if self.is_first => self.is_first = false,
            _ => return None,
        }
        if self.scan.peek()? != b'"' {
            self.scan.skip_space();
            if self.scan.peek()? != b'"' {
                return None;
            }
        }
        let name = self.scan.string()?;
        if self.scan.peek()? != b':' {
            self.scan.skip_space();
            if self.scan.peek()? != b':' {
                return None;
            }
        }
        self.scan.advance(1);
        if self.scan.peek()? <= b' ' {
            self.scan.skip_space();
        }
        Some(Some((name, self.scan.value()?)))
    }
}

fn pick_bson(map: &[u8], paths: &PathTree) -> Result<Document> {
    let mut found = Document::new();
    let mut elements = Elements::of(map).ok_or_else(broken)?;
    let mut missing = paths.len();
    while missing > 0
        && let Some(element) = elements.next().map_err(|()| broken())?
    {
        let Some(paths) = paths.get_bytes(element.name) else { continue };
        missing = missing.saturating_sub(1);
        let name = std::str::from_utf8(element.name).map_err(|_| broken())?;
        let value = if element.kind == MAP && !paths.is_leaf() {
            Bson::Document(pick_bson(element.value, paths)?)
        } else {
            value_of(&element)?
        };
        found.insert(name, value);
    }
    Ok(found)
}

/// The value of one element.
pub(super) fn value_of(element: &Element<'_>) -> Result<Bson> {
    let mut holder = super::to_bson_document(Encoding::Bson, &holding(element))?;
    holder.remove(HOLDER).ok_or_else(broken)
}

/// The name under which a value stands alone in a map.
const HOLDER: &str = "v";

/// A map with the value of the element alone.
pub(super) fn holding(element: &Element<'_>) -> Vec<u8> {
    let mut map = vec![0; 4];
    map.push(element.kind);
    map.extend_from_slice(HOLDER.as_bytes());
    map.push(0);
    map.extend_from_slice(element.value);
    super::bson::close(&mut map, 0);
    map
}
