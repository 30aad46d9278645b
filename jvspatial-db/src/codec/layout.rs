//! The members of a map as raw bytes, and a map put together from such, in either encoding.

use std::borrow::Cow;

use super::bson::{self, MAP};
use super::raw::Elements;
use super::scan::{self, Scan};
use super::shape::is_map;

/// One member of a map, unread.
pub(super) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: &'a [u8],
    pub(super) is_map: bool,
    /// Name and value as they stand in the body.
    whole: &'a [u8],
    /// The name as it stands in the body.
    head: &'a [u8],
}

/// How a map of raw members is laid out.
pub(super) trait Layout {
    /// A map without members.
    const EMPTY: &'static [u8];

    /// The members of a map; `None` when the bytes are none.
    fn members(map: &[u8]) -> Option<Vec<Member<'_>>>;
    /// Begins a map; returns its mark.
    fn open(out: &mut Vec<u8>) -> usize;
    /// Adds a member as it is.
    fn copy(out: &mut Vec<u8>, mark: usize, member: &Member<'_>);
    /// Adds the name of a member whose value, a map, is written next.
    fn head(out: &mut Vec<u8>, mark: usize, member: &Member<'_>);
    fn close(out: &mut Vec<u8>, mark: usize);
}

pub(super) struct JsonLayout;

impl Layout for JsonLayout {
    const EMPTY: &'static [u8] = b"{}";

    fn members(map: &[u8]) -> Option<Vec<Member<'_>>> {
        let mut scan = Scan::new(map);
        let mut members = Vec::new();
        if !scan.take(b'{') {
            return None;
        }
        if scan.take(b'}') {
            return Some(members);
        }
        loop {
            scan.skip_space();
            let start = scan.position();
            if scan.peek() != Some(b'"') {
                return None;
            }
            let name = std::str::from_utf8(scan.string()?).ok()?;
            let head = scan.since(start);
            if !scan.take(b':') {
                return None;
            }
            scan.skip_space();
            let value = scan.value()?;
            members.push(Member {
                name: scan::unescape(name).ok()?,
                value,
                is_map: is_map(value),
                whole: scan.since(start),
                head,
            });
            if scan.take(b'}') {
                return Some(members);
            }
            if !scan.take(b',') {
                return None;
            }
        }
    }

    fn open(out: &mut Vec<u8>) -> usize {
        out.push(b'{');
        out.len()
    }

    fn copy(out: &mut Vec<u8>, mark: usize, member: &Member<'_>) {
        if out.len() > mark {
            out.push(b',');
        }
        out.extend_from_slice(member.whole);
    }

    fn head(out: &mut Vec<u8>, mark: usize, member: &Member<'_>) {
        if out.len() > mark {
            out.push(b',');
        }
        out.extend_from_slice(member.head);
        out.push(b':');
    }

    fn close(out: &mut Vec<u8>, _mark: usize) {
        out.push(b'}');
    }
}

pub(super) struct BsonLayout;

impl Layout for BsonLayout {
    const EMPTY: &'static [u8] = &[5, 0, 0, 0, 0];

    fn members(map: &[u8]) -> Option<Vec<Member<'_>>> {
        let mut elements = Elements::of(map)?;
        let mut members = Vec::new();
        while let Some(element) = elements.next().ok()? {
            members.push(Member {
                name: Cow::Borrowed(std::str::from_utf8(element.name).ok()?),
                value: element.value,
                is_map: element.kind == MAP,
                whole: element.whole,
                head: element.name,
            });
        }
        Some(members)
    }

    fn open(out: &mut Vec<u8>) -> usize {
        let mark = out.len();
        out.extend_from_slice(&[0; 4]);
        mark
    }

    fn copy(out: &mut Vec<u8>, _mark: usize, member: &Member<'_>) {
        out.extend_from_slice(member.whole);
    }

    fn head(out: &mut Vec<u8>, _mark: usize, member: &Member<'_>) {
        out.push(MAP);
        out.extend_from_slice(member.head);
        out.push(0);
    }

    fn close(out: &mut Vec<u8>, mark: usize) {
        bson::close(out, mark);
    }
}
