//! Most lines differ from one before in their keys and fields alone: those are read by comparison.

use super::super::index::{Key, Kind, keyed};
use super::super::loader::Document;
use crate::id::KEY_TEXT;

/// What a line has in common with others of its entity and version.
///
/// It is taken from a line that was read in full, so a line that agrees with it is spelled as soundly.
#[derive(Debug)]
pub(super) struct Shape {
    /// The text before the fields, and where in it the id's key stands.
    before: Template,
    key: usize,
    pub kind: Kind,
    pub version: u64,
    pub schema: u32,
    pub ends: Option<EndsShape>,
    pub prefix: u16,
    pub suffix: u16,
    met: Met,
}

/// The same of the text after an edge's fields, and where in it the keys of source and target stand.
#[derive(Debug)]
pub(super) struct EndsShape {
    after: Template,
    source: usize,
    pub source_kind: Kind,
    target: usize,
    pub target_kind: Kind,
    pub undirected: bool,
    met: [Met; 2],
}

/// A text that is known but for the keys in it.
#[derive(Debug)]
struct Template {
    /// Sixteen bytes each of the text.
    blocks: Vec<Block>,
    /// The last sixteen bytes, some of which stand in the last block too.
    last: Block,
}

/// A part of a template: which bits are known, and what they are.
#[derive(Clone, Copy, Debug)]
struct Block {
    known: [u8; 16],
    text: [u8; 16],
}

/// The first digits of the last key in one place of a line, and their values: nearly always those of the next.
#[derive(Clone, Copy, Debug)]
struct Met {
    time: ([u8; 8], u32),
    maker: ([u8; 8], u32),
}

/// What a line says that its shape does not: its keys as numbers, which fit into registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Keys {
    pub id: Key,
    /// The keys of an edge's source and target.
    pub ends: Option<(Key, Key)>,
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
    pub(super) fn read(&mut self, line: &[u8]) -> Option<(&Shape, Keys)> {
        match self.known.get_mut(self.last)?.read(line) {
            Some(keys) => Some((self.known.get(self.last)?, keys)),
            None => self.read_by_another(line),
        }
    }

    fn read_by_another(&mut self, line: &[u8]) -> Option<(&Shape, Keys)> {
        let mut shapes = self.known.iter_mut().enumerate();
        let (found, keys) = shapes.find_map(|(at, shape)| Some((at, shape.read(line)?)))?;
        self.last = found;
        Some((self.known.get(found)?, keys))
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
        let (kind, _) = keyed(&document.id)?;
        let key = ID + document.id.text_len().checked_sub(KEY_TEXT)?;
        let after = line.get(line.len().checked_sub(usize::from(suffix) + 1)?..)?;
        let ends = match &document.ends {
            None => None,
            Some((ends, undirected)) => {
                let source =
                    ",\"source\":\"".len() + ends.source.text_len().checked_sub(KEY_TEXT)?;
                let target = ends.target.text_len().checked_sub(KEY_TEXT)?;
                let between = "\",\"target\":\"".len() + target;
                let target = source + KEY_TEXT + between;
                Some(EndsShape {
                    after: Template::of(after, &[source, target])?,
                    source,
                    source_kind: keyed(&ends.source)?.0,
                    target,
                    target_kind: keyed(&ends.target)?.0,
                    undirected: *undirected,
                    met: [Met::of(after.get(source..)?)?, Met::of(after.get(target..)?)?],
                })
            }
        };
        Some(Self {
            before: Template::of(line.get(..usize::from(prefix))?, &[key])?,
            key,
            kind,
            version,
            schema,
            ends,
            prefix,
            suffix,
            met: Met::of(line.get(key..)?)?,
        })
    }

    #[inline(always)]
    fn read(&mut self, line: &[u8]) -> Option<Keys> {
        let (before, rest) = line.split_at_checked(usize::from(self.prefix))?;
        let end = rest.len().checked_sub(usize::from(self.suffix) + 1)?;
        let ([b'{', .., b'}'], after) = rest.split_at_checked(end)? else { return None };
        if !self.before.is(before) {
            return None;
        }
        let ends = match &mut self.ends {
            None if after == b"}\n" => None,
            None => return None,
            Some(shape) => {
                if !shape.after.is(after) {
                    return None;
                }
                let [source_met, target_met] = &mut shape.met;
                // Edges of one node are made together, and lead to nodes of any time.
                let source = source_met.parse(after.get(shape.source..)?.first_chunk()?)?;
                let target = after.get(shape.target..)?.first_chunk()?;
                Some((source, target_met.parse_of_any_time(target)?))
            }
        };
        let id = self.met.parse(before.get(self.key..)?.first_chunk()?)?;
        Some(Keys { id, ends })
    }
}

impl Template {
    /// Of `text`, in which keys begin at these places; `None` when it is too short.
    fn of(text: &[u8], keys: &[usize]) -> Option<Self> {
        let mut known = vec![u8::MAX; text.len()];
        for key in keys {
            known.get_mut(*key..*key + KEY_TEXT)?.fill(0);
        }
        let block = |(text, known): (&[u8; 16], &[u8; 16])| Block {
            known: *known,
            text: std::array::from_fn(|at| text[at] & known[at]),
        };
        let blocks = text.as_chunks().0.iter().zip(known.as_chunks().0).map(block).collect();
        Some(Self { blocks, last: block((text.last_chunk()?, known.last_chunk()?)) })
    }

    /// Whether `text`, which is as long as the one that this was taken from, agrees with it.
    #[inline(always)]
    fn is(&self, text: &[u8]) -> bool {
        let Some(last) = text.last_chunk() else { return false };
        let mut differ = self.last.differ(last, [0; 16]);
        for (text, block) in text.as_chunks().0.iter().zip(&self.blocks) {
            differ = block.differ(text, differ);
        }
        u128::from_ne_bytes(differ) == 0
    }
}

impl Block {
    /// Adds the bits in which `text` differs. Of this form one instruction does all sixteen bytes.
    #[inline(always)]
    fn differ(&self, text: &[u8; 16], mut differ: [u8; 16]) -> [u8; 16] {
        for (at, differ) in differ.iter_mut().enumerate() {
            *differ |= (text[at] & self.known[at]) ^ self.text[at];
        }
        differ
    }
}

impl Met {
    /// Of the key at the beginning of `text`; `None` when its first digits are not all lower-case ones.
    fn of(text: &[u8]) -> Option<Self> {
        let (time, rest) = text.split_first_chunk()?;
        let (maker, _) = rest.split_first_chunk()?;
        Some(Self { time: (*time, digits(*time)?), maker: (*maker, digits(*maker)?) })
    }

    /// The value of the hex digits of a generated key; `None` when they are not all lower-case ones.
    #[inline(always)]
    fn parse(&mut self, text: &[u8; KEY_TEXT]) -> Option<Key> {
        if !text.starts_with(&self.time.0) {
            self.meet(text)?;
        }
        self.parse_with(self.time.1, text)
    }

    /// The same for keys of which each may have been given out at another time than the one before.
    #[inline(always)]
    fn parse_of_any_time(&mut self, text: &[u8; KEY_TEXT]) -> Option<Key> {
        let (time, _) = text.split_first_chunk()?;
        self.parse_with(digits(*time)?, text)
    }

    #[inline(always)]
    fn parse_with(&mut self, time: u32, text: &[u8; KEY_TEXT]) -> Option<Key> {
        let ([_, maker, count], []) = text.as_chunks::<8>() else { return None };
        if *maker != self.maker.0 {
            self.meet(text)?;
        }
        Some((u64::from(time) << 32 | u64::from(self.maker.1), digits(*count)?))
    }

    #[cold]
    fn meet(&mut self, text: &[u8; KEY_TEXT]) -> Option<()> {
        *self = Self::of(text)?;
        Some(())
    }
}

/// The value of eight hex digits; `None` when they are not all lower-case ones.
#[inline(always)]
fn digits(text: [u8; 8]) -> Option<u32> {
    let (value, lower) = parse_eight(text);
    (lower == HIGH).then_some(value)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// The value of eight hex digits, and the high bit of each byte that is a lower-case one.
#[inline(always)]
fn parse_eight(digits: [u8; 8]) -> (u32, u64) {
    let text = u64::from_be_bytes(digits);
    // The high bit of each byte of `x + (128 - n)` says whether that byte of x is at least n, if x is ASCII.
    let ascii = text & !HIGH;
    let at_least = |least: u8| ascii + ONES * (128 - u64::from(least));
    let digit = at_least(b'0') & !at_least(b'9' + 1);
    let letter = at_least(b'a') & !at_least(b'f' + 1);
    let nibbles = (ascii & (ONES * 15)) + ((letter & HIGH) >> 7) * 9;
    let pairs = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    ((fours | fours >> 16) as u32, (digit | letter) & !text & HIGH)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::super::index::{EndIds, id_of};
    use super::super::super::line::{Line, push_prefix, push_suffix};
    use super::super::super::loader::Records;
    use super::*;
    use crate::document::Ends;
    use crate::entity_name::EntityName;
    use crate::id::Id;

    fn read(line: &[u8]) -> Option<Document> {
        match Line::parse(line) {
            Some(Line::Document(document)) => Records::new(0).read(&document).ok(),
            _ => None,
        }
    }

    fn read_by(shapes: &mut Shapes, line: &[u8]) -> Option<Document> {
        let (shape, keys) = shapes.read(line)?;
        let &Shape { kind, version, schema, prefix, suffix, .. } = shape;
        let ends = shape.ends.as_ref().map(|of| {
            let (source, target) = keys.ends.unwrap();
            let [source, target] = [(of.source_kind, source), (of.target_kind, target)]
                .map(|(kind, key)| id_of(kind, key));
            (EndIds { source, target }, of.undirected)
        });
        Some(Document { id: id_of(kind, keys.id), ends, version, schema, prefix, suffix })
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

    #[test]
    fn an_edge_of_a_node_with_a_short_key_has_no_shape() {
        EntityName::new("ShapeCity").unwrap();
        let key = "4b60c5d80000000000000007";
        for (source, target) in [("root", key), (key, "a"), ("a", "b")] {
            let mut known = Vec::new();
            push_prefix(&mut known, &format!("e.ShapeCity.{key}").parse().unwrap(), 1, 1);
            known.extend_from_slice(b"{}");
            let node = |key: &str| format!("n.ShapeCity.{key}").parse::<Id>().unwrap();
            let ends = Ends { source: node(source), target: node(target), bidirectional: false };
            push_suffix(&mut known, Some(&ends));
            let mut shapes = Shapes::default();
            shapes.learn(&known, &read(&known).unwrap());
            assert!(read_by(&mut shapes, &known).is_none());
        }
    }

    #[test]
    fn keys_of_other_times_and_makers_are_read_as_they_are_whichever_came_before() {
        let known = line("e", 0x224f_4482_0000_0007, 1, "{\"a\":1}", false);
        let mut shapes = Shapes::default();
        shapes.learn(&known, &read(&known).unwrap());
        let known = String::from_utf8(known).unwrap();
        let starts =
            ["4b60c5d8224f4482", "4b60c5d9224f4482", "4b60c5d8224f4483", "00000000ffffffff"];
        let keys: Vec<usize> = known.match_indices("4b60c5d8").map(|(at, _)| at).collect();
        assert_eq!(keys.len(), 3);
        for at in keys {
            for start in starts.iter().chain(&starts) {
                let mut line = known.clone();
                line.replace_range(at..at + start.len(), start);
                let by_shape = read_by(&mut shapes, line.as_bytes());
                assert!(by_shape.is_some() && by_shape == read(line.as_bytes()), "{line}");
            }
            for wrong in ["4b60c5dg224f4482", "4b60c5d8224f448G", "4B60c5d8224f4482"] {
                let mut line = known.clone();
                line.replace_range(at..at + wrong.len(), wrong);
                assert_eq!(read_by(&mut shapes, line.as_bytes()), None, "{line}");
            }
        }
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
            prop_assert_eq!(read_by(&mut shapes, &known), read(&known));
            for (letter, version) in [(letters.0, versions.0), (letters.1, versions.1)] {
                let mut line = line(letter, other / 4, version, "{\"name\":\"}\"}", undirected);
                if let Some((place, bit)) = change {
                    let place = place.index(line.len());
                    line[place] ^= 1 << bit;
                }
                let by_shape = read_by(&mut shapes, &line);
                if by_shape.is_some() || (change.is_none() && (letter, version) == (letters.0, versions.0)) {
                    prop_assert_eq!(by_shape, read(&line));
                }
            }
        }
    }
}
