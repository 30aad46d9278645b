//! Most lines differ from one before in their keys and fields alone: those are read by comparison.

use super::super::index::EndIds;
use super::super::loader::Document;
use crate::entity_name::EntityName;
use crate::id::{Collection, Id, KEY_TEXT, parse_hex};

/// What a line has in common with others of its entity and version.
///
/// It is taken from a line that was read in full, so a line that agrees with it is spelled as soundly.
#[derive(Debug)]
struct Shape {
    /// The text up to the id's key, and from there to the fields.
    head: Vec<u8>,
    tail: Vec<u8>,
    kind: (Collection, EntityName),
    version: u64,
    schema: u32,
    ends: Option<EndsShape>,
    /// The end of the line, from behind the fields or the last of its keys.
    last: Vec<u8>,
    prefix: usize,
    suffix: usize,
}

/// The same of the text from an edge's fields to the key of its source, and from there to that of its target.
#[derive(Debug)]
struct EndsShape {
    source: Vec<u8>,
    source_kind: (Collection, EntityName),
    target: Vec<u8>,
    target_kind: (Collection, EntityName),
    undirected: bool,
}

/// The shapes met last.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    known: Vec<Shape>,
    /// The one that was met last, and the one to be given up next.
    last: usize,
    next: usize,
}

/// Nodes and edges of a few entities may alternate.
const MOST: usize = 4;

/// Where the text of an id begins in a line.
const ID: usize = "{\"_id\":\"".len();

impl Shapes {
    /// Reads a document's line if it has a known shape.
    #[inline]
    pub(super) fn read(&mut self, line: &[u8]) -> Option<Document> {
        if let Some(document) = self.known.get(self.last)?.read(line) {
            return Some(document);
        }
        let mut shapes = self.known.iter().enumerate();
        let (found, document) = shapes.find_map(|(at, shape)| Some((at, shape.read(line)?)))?;
        self.last = found;
        Some(document)
    }

    /// Learns the shape of a line that is this document.
    pub(super) fn learn(&mut self, line: &[u8], document: &Document) {
        let Some(shape) = Shape::of(line, document) else { return };
        self.last = self.next;
        self.next = (self.next + 1) % MOST;
        match self.known.get_mut(self.last) {
            Some(known) => *known = shape,
            None => self.known.push(shape),
        }
    }
}

impl Shape {
    fn of(line: &[u8], document: &Document) -> Option<Self> {
        let &Document { version, schema, prefix, suffix, .. } = document;
        let (prefix, suffix) = (usize::from(prefix), usize::from(suffix));
        let of_id = kind(&document.id)?;
        let key = ID + document.id.text_len().checked_sub(KEY_TEXT)?;
        let mut rest = line.get(line.len().checked_sub(suffix + 1)?..)?;
        let ends = match &document.ends {
            None => None,
            Some((ends, undirected)) => {
                let source = ",\"source\":\"".len() + ends.source.text_len() - KEY_TEXT;
                let target = "\",\"target\":\"".len() + ends.target.text_len() - KEY_TEXT;
                let shape = EndsShape {
                    source: rest.get(..source)?.to_vec(),
                    source_kind: kind(&ends.source)?,
                    target: rest.get(source + KEY_TEXT..)?.get(..target)?.to_vec(),
                    target_kind: kind(&ends.target)?,
                    undirected: *undirected,
                };
                rest = rest.get(source + target + 2 * KEY_TEXT..)?;
                Some(shape)
            }
        };
        Some(Self {
            head: line.get(..key)?.to_vec(),
            tail: line.get(key + KEY_TEXT..prefix)?.to_vec(),
            kind: of_id,
            version,
            schema,
            ends,
            last: rest.to_vec(),
            prefix,
            suffix,
        })
    }

    #[inline]
    fn read(&self, line: &[u8]) -> Option<Document> {
        let end = line.len().checked_sub(self.suffix + 1)?;
        let [b'{', .., b'}'] = line.get(self.prefix..end)? else { return None };
        let rest = line.strip_prefix(self.head.as_slice())?;
        let (key, rest) = rest.split_first_chunk()?;
        if !rest.starts_with(&self.tail) {
            return None;
        }
        let mut rest = line.get(end..)?;
        let ends = match &self.ends {
            None => None,
            Some(shape) => {
                let (source, after) =
                    rest.strip_prefix(shape.source.as_slice())?.split_first_chunk()?;
                let (target, after) =
                    after.strip_prefix(shape.target.as_slice())?.split_first_chunk()?;
                rest = after;
                let source = id(shape.source_kind, source)?;
                Some((EndIds { source, target: id(shape.target_kind, target)? }, shape.undirected))
            }
        };
        (rest == self.last).then_some(Document {
            id: id(self.kind, key)?,
            ends,
            version: self.version,
            schema: self.schema,
            // They were read from these types.
            prefix: self.prefix as u16,
            suffix: self.suffix as u16,
        })
    }
}

/// What an id is besides its key, if that was generated and its text is that of the line.
fn kind(id: &Id) -> Option<(Collection, EntityName)> {
    id.generated_key()?;
    Some((id.collection(), id.entity_name()?))
}

#[inline]
fn id((collection, entity): (Collection, EntityName), key: &[u8; KEY_TEXT]) -> Option<Id> {
    Some(Id::generated(collection, entity, parse_hex(key)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::super::line::{Line, push_prefix, push_suffix};
    use super::super::super::loader::Records;
    use super::*;
    use crate::document::Ends;

    fn read(line: &[u8]) -> Option<Document> {
        match Line::parse(line) {
            Some(Line::Document(document)) => Records::new(0).read(&document).ok(),
            _ => None,
        }
    }

    fn line(letter: &str, key: u64, version: u64, fields: &str, undirected: bool) -> Vec<u8> {
        EntityName::new("ShapeCity").unwrap();
        let node = |key: u64| format!("n.ShapeCity.4b60c5d8{key:016x}").parse::<Id>().unwrap();
        let id = format!("{letter}.ShapeCity.4b60c5d8{key:016x}").parse().unwrap();
        let mut line = Vec::new();
        push_prefix(&mut line, &id, version, 1 + version as u32 % 2);
        line.extend_from_slice(fields.as_bytes());
        let ends = Ends { source: node(key + 1), target: node(key / 2), bidirectional: undirected };
        push_suffix(&mut line, (letter == "e").then_some(&ends));
        line
    }

    proptest! {
        #[test]
        fn a_line_is_read_by_its_shape_as_it_is_read_in_full_or_not_at_all(
            first in any::<u64>(),
            other in any::<u64>(),
            letters in (prop::sample::select(vec!["n", "e", "o"]), prop::sample::select(vec!["n", "e"])),
            versions in (1_u64..30, 1_u64..30),
            undirected in any::<bool>(),
            change in prop::option::of((any::<prop::sample::Index>(), 0_u8..8)),
        ) {
            let known = line(letters.0, first / 4, versions.0, "{\"a\":1}", undirected);
            let mut shapes = Shapes::default();
            shapes.learn(&known, &read(&known).unwrap());
            prop_assert_eq!(shapes.read(&known), read(&known));
            for (letter, version) in [(letters.0, versions.0), (letters.1, versions.1)] {
                let mut line = line(letter, other / 4, version, "{\"name\":\"}\"}", undirected);
                if let Some((place, bit)) = change {
                    let place = place.index(line.len());
                    line[place] ^= 1 << bit;
                }
                let by_shape = shapes.read(&line);
                if by_shape.is_some() || (change.is_none() && (letter, version) == (letters.0, versions.0)) {
                    prop_assert_eq!(by_shape, read(&line));
                }
            }
        }
    }
}
