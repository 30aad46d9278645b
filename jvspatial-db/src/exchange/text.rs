//! Large values of a line, read and encoded piece by piece: as a tree they would take sixty times as
//! much memory as their text.

use std::cell::RefCell;
use std::ops::Range;

use bson::Bson;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::entry::Refusal;
use super::locate::string_end;
use crate::codec::parse_json_document;
use crate::error::{Error, Result};

/// The largest text of which a tree is built.
pub(super) const SMALL: usize = 64 * 1024;

/// How many commas a large Extended JSON value may have: one is large by its text alone.
const MAX_WRAPPER_COMMAS: usize = 1000;

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// A value as it stands in a line.
///
/// It is cut at the commas of its maps and lists until the pieces are small. Each piece is checked by the
/// parser, so all of it is JSON when all pieces are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub text: &'a str,
    /// Where it begins in the line.
    pub start: usize,
    /// The largest text of which a tree is built.
    pub small: usize,
    /// Why a piece was refused: a serializer's error would keep only the message.
    pub refused: &'a RefCell<Option<Refusal>>,
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (begins, ends) = (self.text.chars().next(), self.text.chars().next_back());
        if self.text.len() > self.small && matches!(begins, Some('[' | '{')) {
            match (begins, ends) {
                (Some('['), Some(']')) => return self.list(serializer),
                (Some('{'), Some('}')) if !self.is_wrapper() => return self.map(serializer),
                (Some('{'), Some('}')) if self.commas() <= MAX_WRAPPER_COMMAS => {}
                (Some('{'), Some('}')) => {
                    let error = Error::limit("extended JSON value holds too many values");
                    let error = error.with("limit", MAX_WRAPPER_COMMAS);
                    return Err(self.refuse(Refusal { error, at: self.start, id: None }));
                }
                _ => {
                    let error = Error::invalid("line is not JSON");
                    let error = error.with("reason", "a map or a list is not closed");
                    let at = self.start + self.text.len();
                    return Err(self.refuse(Refusal { error, at, id: None }));
                }
            }
        }
        self.read().map_err(|refusal| self.refuse(refusal))?.serialize(serializer)
    }
}

impl<'a> Text<'a> {
    fn commas(&self) -> usize {
        let bytes = self.text.as_bytes();
        let (mut at, mut count) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => match string_end(bytes, at + 1) {
                    Some(end) => at = end,
                    None => break,
                },
                b',' => count += 1,
                _ => {}
            }
            at += 1;
        }
        count
    }

    /// Whether the first key says that the map is an Extended JSON value. A later one that does is refused
    /// as the name of a field.
    fn is_wrapper(&self) -> bool {
        let inside = self.part(1..self.text.len());
        let end =
            if inside.text.starts_with('"') { string_end(inside.text.as_bytes(), 1) } else { None };
        let key = end.and_then(|end| inside.part(0..end + 1).read().ok());
        matches!(key, Some(Bson::String(key)) if key.starts_with('$'))
    }

    fn list<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for part in self.parts() {
            list.serialize_element(&self.part(part))?;
        }
        list.end()
    }

    fn map<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for part in self.parts() {
            let (key, value) = self.part(part).member().map_err(|refusal| self.refuse(refusal))?;
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }

    /// Takes `"key": value` apart.
    fn member(&self) -> Result<(String, Self), Refusal> {
        let broken = |reason, at: usize| Refusal {
            error: Error::invalid("line is not JSON").with("reason", reason),
            at: self.start + at,
            id: None,
        };
        let end =
            if self.text.starts_with('"') { string_end(self.text.as_bytes(), 1) } else { None };
        let end = end.ok_or_else(|| broken("a key was expected", 0))? + 1;
        let after = self.text.get(end..).unwrap_or_default().trim_start_matches(SPACE);
        let colon = self.text.len() - after.len();
        if !after.starts_with(':') {
            return Err(broken("a colon was expected", colon));
        }
        let Bson::String(key) = self.part(0..end).read()? else {
            return Err(broken("a key was expected", 0));
        };
        Ok((key, self.part(colon + 1..self.text.len())))
    }

    /// The parts between the brackets, cut at the commas; those of nothing are none.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let text = self.text;
        let end = text.len().saturating_sub(1);
        let inside = text.get(1..end).unwrap_or_default();
        let mut next = if inside.trim_matches(SPACE).is_empty() { None } else { Some(1) };
        std::iter::from_fn(move || {
            let start = next?;
            let comma = part_end(text.as_bytes().get(..end)?, start);
            next = (comma < end).then_some(comma + 1);
            Some(start..comma)
        })
    }

    /// A part of the text, without the space around it.
    fn part(&self, range: Range<usize>) -> Self {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let trimmed = text.trim_start_matches(SPACE);
        let start = self.start + range.start + (text.len() - trimmed.len());
        Self { text: trimmed.trim_end_matches(SPACE), start, ..*self }
    }

    fn read(&self) -> Result<Bson, Refusal> {
        const BEFORE: &str = "{\"v\":";
        let start = self.start;
        let mut read =
            parse_json_document(&format!("{BEFORE}{}}}", self.text)).map_err(|error| {
                Refusal::of_text(error, |at| start + at.saturating_sub(BEFORE.len()))
            })?;
        Ok(read.remove("v").unwrap_or(Bson::Null))
    }

    #[cold]
    fn refuse<E: serde::ser::Error>(&self, refusal: Refusal) -> E {
        let error = E::custom(&refusal.error);
        self.refused.replace(Some(refusal));
        error
    }
}

/// The first comma from `at` on that stands in no string, map or list, or the end.
fn part_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match string_end(bytes, at + 1) {
                Some(end) => at = end,
                None => return bytes.len(),
            },
            b'{' | b'[' => depth += 1,
            // What is closed and was not opened is the parser's to refuse.
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::codec::{Encoding, encode};

    /// The fields in the encoding, cut into pieces of at most so many bytes.
    fn encoded(text: &str, small: usize) -> Option<Vec<u8>> {
        let refused = RefCell::new(None);
        let mut out = Vec::new();
        let text = Text { text, start: 0, small, refused: &refused };
        encode(Encoding::Json, &text, &mut out).ok().map(|()| out)
    }

    fn whole(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        encode(Encoding::Json, &parse_json_document(text).ok()?, &mut out).ok().map(|()| out)
    }

    #[test]
    fn pieces_of_any_size_are_read_like_the_whole() {
        let texts = [
            "{}",
            "{ }",
            r#"{"a":1,"b":[ ],"c":[ 1 , {"d":"]},"} ,[[]]],"\u0065":null}"#,
            r#"{"a":{"$numberLong":"5000000000"},"b":{"$binary":{"base64":"AQI=","subType":"00"}}}"#,
            r#"{"a":{"$code":"f","$scope":{"b":[1,2,{"$oid":"5f0000000000000000000001"}]}}}"#,
            "{\t\"a\" :\r[\n1.5e3 , true ] }",
            "",
            "{",
            "[]",
            "{]",
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{a:1}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[,1]}"#,
            r#"{"a":[1 2]}"#,
            r#"{"a":[1}]}"#,
            r#"{"a":[1]]}"#,
            r#"{"a":{"b":1]}"#,
            r#"{"a":"b":1}"#,
            r#"{"a":[}{]}"#,
            r#"{"a":[1],"b":"x}"#,
            r#"{"a":{"b":[1}}"#,
            r#"{"a":1}{}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"$oid":"5f0000000000000000000001"}}"#,
            r#"{"a":{"$oid":"5f"}}"#,
            r#"{"a":{"b.c":1}}"#,
            r#"{"$set":{"a":1}}"#,
            r#"{"a":9223372036854775808}"#,
            r#"{"a":"\ud800"}"#,
        ];
        let mut read = 0;
        for text in texts {
            let expected = whole(text);
            read += usize::from(expected.is_some());
            for small in 0..=text.len() {
                assert_eq!(encoded(text, small), expected, "{text} in pieces of {small}");
            }
        }
        assert_eq!(read, 6);
    }
}
