//! Dotted paths to fields.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_FIELD_NAME_BYTES};

/// How many segments of a path may be array positions.
///
/// A position can also be the name of a field, so each one can double the ways through a document.
pub(super) const MAX_POSITIONS: usize = 20;

/// A dotted path to a field, such as `context.address.city` or `scores.0`; cheap to clone.
///
/// A path has 1 to [`MAX_DOCUMENT_DEPTH`] segments of at most [`MAX_FIELD_NAME_BYTES`] bytes, of
/// which at most 20 are array positions. No segment is empty, begins with `$` or holds a NUL.
#[derive(Clone)]
pub struct FieldPath(Arc<Inner>);

struct Inner {
    text: Box<str>,
    segments: Box<[Segment]>,
}

struct Segment {
    start: u32,
    end: u32,
    position: Option<usize>,
}

impl FieldPath {
    /// Checks `text` and splits it.
    ///
    /// # Errors
    /// `Invalid` for an empty path or segment, a leading `$` and a NUL; `Limit` for a segment that
    /// is too long and for too many segments.
    pub fn parse(text: &str) -> Result<Self> {
        // The longest path that could pass, checked first so that the rest works on bounded input.
        if text.len() > MAX_DOCUMENT_DEPTH * (MAX_FIELD_NAME_BYTES + 1) {
            return Err(Error::limit("field path is too long")
                .with("bytes", text.len())
                .with("limit", MAX_DOCUMENT_DEPTH * (MAX_FIELD_NAME_BYTES + 1)));
        }
        let mut segments = Vec::new();
        let mut start = 0;
        for name in text.split('.') {
            let end = start + name.len();
            check_segment(name).map_err(|error| error.with("path", Excerpt(text)))?;
            segments.push(Segment {
                start: start as u32,
                end: end as u32,
                position: position(name),
            });
            start = end + 1;
        }
        if segments.len() > MAX_DOCUMENT_DEPTH {
            return Err(Error::limit("field path has too many segments")
                .with("path", Excerpt(text))
                .with("segments", segments.len())
                .with("limit", MAX_DOCUMENT_DEPTH));
        }
        let positions = segments.iter().filter(|segment| segment.position.is_some()).count();
        if positions > MAX_POSITIONS {
            return Err(Error::limit("field path has too many array positions")
                .with("path", Excerpt(text))
                .with("positions", positions)
                .with("limit", MAX_POSITIONS));
        }
        Ok(Self(Arc::new(Inner { text: text.into(), segments: segments.into() })))
    }

    /// The path without segments, which leads to the value itself: inside of `$elemMatch` with
    /// operators, where no field is named.
    pub(super) fn itself() -> Self {
        Self(Arc::new(Inner { text: Box::default(), segments: Box::default() }))
    }

    /// How many segments can be array positions.
    pub(super) fn positions(&self) -> usize {
        self.0.segments.iter().filter(|segment| segment.position.is_some()).count()
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The names between the dots.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        (0..self.len()).map(|at| self.segment(at))
    }

    /// How many segments there are, which is at least one in a path to a field.
    pub(crate) fn len(&self) -> usize {
        self.0.segments.len()
    }

    /// The segment number `at`.
    pub(crate) fn segment(&self, at: usize) -> &str {
        let Segment { start, end, .. } = self.0.segments[at];
        &self.0.text[start as usize..end as usize]
    }

    /// The array position that segment number `at` can stand for.
    pub(crate) fn position(&self, at: usize) -> Option<usize> {
        self.0.segments[at].position
    }
}

fn check_segment(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid("field path has an empty segment"));
    }
    if name.starts_with('$') {
        return Err(Error::invalid("field path has a segment that begins with $"));
    }
    if name.contains('\0') {
        return Err(Error::invalid("field path holds a NUL"));
    }
    if name.len() > MAX_FIELD_NAME_BYTES {
        return Err(Error::limit("field name is too long")
            .with("bytes", name.len())
            .with("limit", MAX_FIELD_NAME_BYTES));
    }
    Ok(())
}

/// The position that `name` spells, without sign or leading zeros.
fn position(name: &str) -> Option<usize> {
    let plain = name.bytes().all(|byte| byte.is_ascii_digit());
    if plain && (name == "0" || !name.starts_with('0')) { name.parse().ok() } else { None }
}

/// The beginning of a text from outside, quoted, for messages.
pub(super) struct Excerpt<'a>(pub(super) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for FieldPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl AsRef<str> for FieldPath {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for FieldPath {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for FieldPath {}

impl PartialOrd for FieldPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FieldPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for FieldPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_path_shows_its_segments_and_prints_itself() {
        let path: FieldPath = "context.scores.0".parse().unwrap();
        assert_eq!(path.segments().collect::<Vec<_>>(), ["context", "scores", "0"]);
        assert_eq!(path.to_string(), "context.scores.0");
        assert_eq!((path.position(1), path.position(2)), (None, Some(0)));
    }

    #[test]
    fn only_plain_decimal_segments_are_array_positions() {
        for (name, expected) in
            [("7", Some(7)), ("10", Some(10)), ("00", None), ("07", None), ("+1", None)]
        {
            assert_eq!(FieldPath::parse(name).unwrap().position(0), expected, "{name}");
        }
    }

    #[test]
    fn malformed_paths_are_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "$a", "a.$b", "a\0b"] {
            assert_eq!(FieldPath::parse(text).unwrap_err().kind(), ErrorKind::Invalid, "{text:?}");
        }
    }

    #[test]
    fn long_paths_are_refused_with_the_limit() {
        let name = "x".repeat(MAX_FIELD_NAME_BYTES);
        assert!(FieldPath::parse(&name).is_ok());
        assert!(FieldPath::parse(&vec!["x"; MAX_DOCUMENT_DEPTH].join(".")).is_ok());
        for text in [
            format!("{name}x"),
            vec!["x"; MAX_DOCUMENT_DEPTH + 1].join("."),
            vec!["0"; MAX_POSITIONS + 1].join("."),
            "x.".repeat(10_000_000),
        ] {
            let error = FieldPath::parse(&text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
            assert!(error.context("limit").is_some());
            assert!(error.to_string().len() < 1_000);
        }
    }
}
