//! Whether two bodies have the same fields, decided without building anything.

use std::iter::zip;

use super::Encoding;
use super::bson::MAP;
use super::raw::{Element, Elements};
use super::scan::{self, Scan, is_scalar};

/// Whether `base` and `after` have the same keys in the same order, at every level of maps.
///
/// Lists and scalars are not looked into, and a map beside a scalar under the same key counts as
/// the same. When this holds, [`merge`](super::merge()) has nothing to add to `after`. Bytes that
/// are not of the encoding never have the same shape.
pub fn same_shape(encoding: Encoding, base: &[u8], after: &[u8]) -> bool {
    match encoding {
        Encoding::Json => same_tokens(base, after) || same_json(base, after).unwrap_or(false),
        Encoding::Bson => same_bson(base, after).unwrap_or(false),
    }
}

/// Whether the texts differ in nothing but the content of some scalars; `false` is no answer.
///
/// A save mostly changes a few fields of what was loaded, so the texts are compared as bytes, and
/// only where they part is it worked out in what token that is.
fn same_tokens(base: &[u8], after: &[u8]) -> bool {
    let (mut base, mut after) = (base, after);
    loop {
        let common = common_prefix(base, after);
        let (same, base_rest) = base.split_at(common);
        let after_rest = after.get(common..).unwrap_or_default();
        if base_rest.is_empty() && after_rest.is_empty() {
            return true;
        }
        // Both texts are outside any string here, so without escapes the quotes alone say whether
        // the difference is within one.
        let quotes = same.iter().fold(0_usize, |count, byte| count + usize::from(*byte == b'"'));
        if memchr::memchr(b'\\', same).is_some() {
            return false;
        }
        let rests = if quotes % 2 == 1 {
            after_string(base_rest).zip(after_string(after_rest))
        } else {
            Some((after_scalar(base_rest), after_scalar(after_rest)))
        };
        match rests {
            // What follows must be the same again, and another thing than before, or there is no
            // end; a key is followed by a colon.
            Some((left, right))
                if left.first() == right.first()
                    && matches!(left.first(), Some(b',' | b'}' | b']')) =>
            {
                (base, after) = (left, right);
            }
            _ => return false,
        }
    }
}

/// What follows the string within which the text begins.
#[inline]
fn after_string(text: &[u8]) -> Option<&[u8]> {
    text.get(scan::string_end(text, 0)? + 1..)
}

/// What follows the rest of a number or word with which the text begins.
#[inline]
fn after_scalar(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_scalar(*byte));
    text.get(end.unwrap_or(text.len())..).unwrap_or_default()
}

/// How many bytes at the front are alike.
#[inline]
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let (left_words, _) = left.as_chunks::<8>();
    let (right_words, _) = right.as_chunks::<8>();
    for (index, (one, two)) in zip(left_words, right_words).enumerate() {
        let differing = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*two);
        if differing != 0 {
            return index * 8 + (differing.trailing_zeros() / 8) as usize;
        }
    }
    let whole = left_words.len().min(right_words.len()) * 8;
    let tail = zip(&left[whole..], &right[whole..]).take_while(|(one, two)| one == two);
    whole + tail.count()
}

/// Walks both texts in step. `None` when one of them is not JSON.
fn same_json(base: &[u8], after: &[u8]) -> Option<bool> {
    let (mut base, mut after) = (Scan::new(base), Scan::new(after));
    let mut depth = 1_usize;
    if !(base.take(b'{') && after.take(b'{')) {
        return None;
    }
    while depth > 0 {
        let ends = (base.take(b'}'), after.take(b'}'));
        if ends.0 != ends.1 {
            return Some(false);
        }
        if ends.0 {
            depth -= 1;
        } else {
            if base.string()? != after.string()? {
                return Some(false);
            }
            if !(base.take(b':') && after.take(b':')) {
                return None;
            }
            base.skip_space();
            after.skip_space();
            if is_map(base.rest()) && is_map(after.rest()) {
                base.advance(1);
                after.advance(1);
                depth += 1;
                continue;
            }
            base.value()?;
            after.value()?;
        }
        if base.take(b',') != after.take(b',') {
            return Some(false);
        }
        base.skip_space();
        after.skip_space();
    }
    Some(true)
}

/// Whether the text of a value begins a map; an Extended JSON wrapper is none.
#[inline]
pub(super) fn is_map(text: &[u8]) -> bool {
    let mut scan = Scan::new(text);
    scan.take(b'{') && !(scan.take(b'"') && scan.peek() == Some(b'$'))
}

/// Walks both bodies in step. `None` when one of them is not BSON.
fn same_bson(base: &[u8], after: &[u8]) -> Option<bool> {
    let mut maps = (Elements::of(base)?, Elements::of(after)?);
    // The maps around the ones that are walked; empty, so not allocated, in a flat document.
    let mut outer = Vec::new();
    loop {
        match (maps.0.next().ok()?, maps.1.next().ok()?) {
            (None, None) => match outer.pop() {
                Some(around) => maps = around,
                None => return Some(true),
            },
            (Some(one), Some(two)) if one.name == two.name => {
                if both_maps(&one, &two) {
                    outer.push(maps);
                    maps = (Elements::of(one.value)?, Elements::of(two.value)?);
                }
            }
            _ => return Some(false),
        }
    }
}

#[inline]
fn both_maps(one: &Element<'_>, two: &Element<'_>) -> bool {
    one.kind == MAP && two.kind == MAP
}
