//! The lines of the journal: how each kind is written and read. `docs/format.md` draws them.
//!
//! Every line has one spelling only, so a reader needs no JSON parser to find its way, and two lines
//! that mean the same are the same bytes.

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::segment::SegmentName;
#[cfg(test)]
pub(super) use crate::codec::envelope::push_prefix;
pub(super) use crate::codec::envelope::{line_checksum, push_suffix};
use crate::codec::envelope::{push_id, push_number};
use crate::document::Ends;
use crate::error::Result;
use crate::id::Id;

/// The largest line that is read back: the largest document and its envelope.
pub(super) const MAX_LINE: usize = crate::limits::MAX_DOCUMENT_BYTES + 4096;

/// The most bytes of a header line and of a commit line: their texts and their numbers at their longest.
pub(super) const MAX_HEADER: usize = 128;
pub(super) const MAX_COMMIT: usize = 192;

/// What a line of the journal says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Document(DocumentLine<'a>),
    Tombstone { id: &'a str, version: u64 },
    Commit(CommitLine),
    Header(HeaderLine<'a>),
}

/// A document: the envelope, and where the user's fields stand in the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DocumentLine<'a> {
    pub id: &'a str,
    pub version: u64,
    pub schema: u32,
    /// Bytes before the fields.
    pub prefix: u16,
    /// Bytes after the fields, without the end of the line.
    pub suffix: u16,
    pub ends: Option<EndsText<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndsText<'a> {
    pub source: &'a str,
    pub target: &'a str,
    pub bidirectional: bool,
}

impl EndsText<'_> {
    /// The ends as ids.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when one is none.
    pub(super) fn parse(&self) -> Result<Ends> {
        Ok(Ends {
            source: Id::parse_stored(self.source)?,
            target: Id::parse_stored(self.target)?,
            bidirectional: self.bidirectional,
        })
    }
}

/// The line that closes a batch: without it the batch was never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommitLine {
    /// The number of the batch in the store, counted from 1.
    pub sequence: u64,
    /// How many lines it closes.
    pub count: u64,
    /// The last batch that was known to be on disk when this one was written: damage up to there
    /// cannot come from a power cut.
    pub synced: u64,
    /// The checksum of the batch before, or of the header line.
    pub previous: u64,
    /// The checksum of the lines it closes and of itself.
    pub checksum: u64,
}

/// The first line of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderLine<'a> {
    pub segment: SegmentName,
    pub format: u32,
    pub store: &'a str,
}

/// Appends the line that says that a document is gone.
pub(super) fn push_tombstone(out: &mut Vec<u8>, id: &Id, version: u64) {
    push_id(out, id, version);
    out.extend_from_slice(b",\"_deleted\":true}\n");
}

/// Appends the line that closes a batch of the lines with these checksums; returns its checksum.
pub(super) fn push_commit(
    out: &mut Vec<u8>,
    sequence: u64,
    synced: u64,
    previous: u64,
    lines: &[u64],
) -> u64 {
    let start = out.len();
    out.extend_from_slice(b"{\"_commit\":");
    push_number(out, sequence);
    out.extend_from_slice(b",\"count\":");
    push_number(out, lines.len() as u64);
    out.extend_from_slice(b",\"synced\":");
    push_number(out, synced);
    out.extend_from_slice(b",\"previous\":\"");
    push_checksum(out, previous);
    out.extend_from_slice(b"\",\"checksum\":\"");
    let checksum = batch_checksum(lines, out.get(start..).unwrap_or_default());
    push_checksum(out, checksum);
    out.extend_from_slice(b"\"}\n");
    checksum
}

/// Appends the first line of a segment; returns its checksum, where the chain of commits begins.
pub(super) fn push_header(
    out: &mut Vec<u8>,
    segment: SegmentName,
    format: u32,
    store: &str,
) -> u64 {
    let start = out.len();
    out.extend_from_slice(b"{\"_segment\":");
    push_number(out, u64::from(segment.number));
    if segment.generation != 0 {
        out.extend_from_slice(b",\"generation\":");
        push_number(out, u64::from(segment.generation));
    }
    out.extend_from_slice(b",\"format\":");
    push_number(out, u64::from(format));
    out.extend_from_slice(b",\"store\":\"");
    out.extend_from_slice(store.as_bytes());
    out.extend_from_slice(b"\"}\n");
    line_checksum(out.get(start..).unwrap_or_default())
}

/// The checksum of a batch: over the checksums of its lines, then the commit line as far as the
/// checksum's own value.
pub(super) fn batch_checksum(lines: &[u64], commit: &[u8]) -> u64 {
    let mut input = Vec::with_capacity(lines.len() * 8 + commit.len());
    for checksum in lines {
        input.extend_from_slice(&checksum.to_le_bytes());
    }
    input.extend_from_slice(commit);
    xxh3_64(&input)
}

/// Whether the commit line `line` closes exactly the lines with these checksums.
pub(super) fn commit_is_sound(line: &[u8], commit: &CommitLine, lines: &[u64]) -> bool {
    commit_head(line).is_some_and(|head| batch_checksum(lines, head) == commit.checksum)
}

/// A commit line up to its checksum's value.
fn commit_head(line: &[u8]) -> Option<&[u8]> {
    const TAIL: usize = "0123456789abcdef\"}\n".len();
    line.get(..line.len().checked_sub(TAIL)?)
}

/// The checksums of the lines since the last commit line, however many there are.
#[derive(Default)]
pub(super) struct OpenBatch {
    lines: Vec<u64>,
    /// The sum of the lines that are not in the list any more.
    sum: Option<Box<Summed>>,
}

/// Lines of which only the sum is kept.
struct Summed {
    hash: Xxh3Default,
    count: u64,
}

impl OpenBatch {
    /// How many checksums are kept one by one: nearly all batches are smaller.
    const KEPT: usize = 64 * 1024;

    pub(super) fn push(&mut self, checksum: u64) {
        self.lines.push(checksum);
        if self.lines.len() == Self::KEPT {
            self.sum_up();
        }
    }

    /// The same for several lines.
    pub(super) fn extend(&mut self, mut checksums: &[u64]) {
        while let Some((now, later)) = checksums.split_at_checked(Self::KEPT - self.lines.len()) {
            self.lines.extend_from_slice(now);
            self.sum_up();
            checksums = later;
        }
        self.lines.extend_from_slice(checksums);
    }

    #[cold]
    fn sum_up(&mut self) {
        let sum =
            self.sum.get_or_insert_with(|| Box::new(Summed { hash: Xxh3Default::new(), count: 0 }));
        for checksum in self.lines.drain(..) {
            sum.hash.update(&checksum.to_le_bytes());
            sum.count += 1;
        }
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.sum.as_ref().map_or(0, |sum| sum.count) + self.lines.len() as u64
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.sum = None;
    }

    /// Whether the commit line `line` closes exactly these lines.
    pub(super) fn is_closed_by(&self, line: &[u8], commit: &CommitLine) -> bool {
        let Some(sum) = &self.sum else { return commit_is_sound(line, commit, &self.lines) };
        let mut hash = sum.hash.clone();
        for checksum in &self.lines {
            hash.update(&checksum.to_le_bytes());
        }
        commit_head(line).is_some_and(|head| {
            hash.update(head);
            hash.digest() == commit.checksum
        })
    }
}

/// Sixteen lower-case hex digits.
pub(super) fn push_checksum(out: &mut Vec<u8>, checksum: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for shift in (0..16).rev() {
        out.push(DIGITS[(checksum >> (shift * 4)) as usize & 15]);
    }
}

/// Reads the value of sixteen lower-case hex digits.
pub(super) fn parse_checksum(text: &str) -> Option<u64> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 16 || !text.bytes().all(lower) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

impl<'a> Line<'a> {
    /// Reads a line, its end included; `None` when it is not spelled as this module spells it.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let text = line.strip_suffix(b"\n")?;
        let mut rest = Cursor(text);
        if rest.eat(b"{\"_id\":\"") {
            Self::parse_document(text, rest)
        } else if rest.eat(b"{\"_commit\":") {
            let commit = CommitLine {
                sequence: rest.number()?,
                count: rest.after(b",\"count\":")?.number()?,
                synced: rest.after(b",\"synced\":")?.number()?,
                previous: parse_checksum(rest.after(b",\"previous\":\"")?.quoted()?)?,
                checksum: parse_checksum(rest.after(b",\"checksum\":\"")?.quoted()?)?,
            };
            rest.is(b"}").then_some(Self::Commit(commit))
        } else if rest.eat(b"{\"_segment\":") {
            let number = rest.number()?.try_into().ok()?;
            let compacted = rest.eat(b",\"generation\":");
            let generation = if compacted { rest.number()?.try_into().ok()? } else { 0 };
            let header = HeaderLine {
                segment: SegmentName { number, generation },
                format: rest.after(b",\"format\":")?.number()?.try_into().ok()?,
                store: rest.after(b",\"store\":\"")?.quoted()?,
            };
            rest.is(b"}").then_some(Self::Header(header))
        } else {
            None
        }
    }

    fn parse_document(text: &'a [u8], mut rest: Cursor<'a>) -> Option<Self> {
        let id = rest.quoted()?;
        let version = rest.after(b",\"_version\":")?.number()?;
        if rest.is(b",\"_deleted\":true}") {
            return Some(Self::Tombstone { id, version });
        }
        let schema = if rest.eat(b",\"_v\":") { rest.number()?.try_into().ok()? } else { 1 };
        let named = id.as_bytes().get(2..)?;
        let entity = named.get(..memchr::memchr(b'.', named)?)?;
        // The letter before the name may be none of ours, but no part of one.
        if !id.is_char_boundary(2) || !rest.after(b",\"entity\":\"")?.eat(entity) {
            return None;
        }
        rest.after(b"\",\"context\":")?;
        let prefix = text.len() - rest.0.len();
        let (suffix, ends) = if id.starts_with('e') { split_ends(rest.0)? } else { (1, None) };
        let fields = rest.0.get(..rest.0.len().checked_sub(suffix)?)?;
        let sound = fields.first() == Some(&b'{') && text.ends_with(b"}");
        (sound && fields.last() == Some(&b'}')).then_some(Self::Document(DocumentLine {
            id,
            version,
            schema,
            prefix: u16::try_from(prefix).ok()?,
            suffix: u16::try_from(suffix).ok()?,
            ends,
        }))
    }
}

/// Reads the ends of an edge from the back of its line, where no field of the user's can stand.
fn split_ends(text: &[u8]) -> Option<(usize, Option<EndsText<'_>>)> {
    let (rest, bidirectional) = match text.strip_suffix(b"false}") {
        Some(rest) => (rest, false),
        None => (text.strip_suffix(b"true}")?, true),
    };
    let rest = rest.strip_suffix(b"\",\"bidirectional\":")?;
    let (rest, target) = split_last_quoted(rest)?;
    let rest = rest.strip_suffix(b"\",\"target\":")?;
    let (rest, source) = split_last_quoted(rest)?;
    let rest = rest.strip_suffix(b",\"source\":")?;
    Some((text.len() - rest.len(), Some(EndsText { source, target, bidirectional })))
}

/// Splits off the text after the last quotation mark; an id holds none.
fn split_last_quoted(text: &[u8]) -> Option<(&[u8], &str)> {
    let quote = memchr::memrchr(b'"', text)?;
    let id = std::str::from_utf8(text.get(quote + 1..)?).ok()?;
    Some((text.get(..quote)?, id))
}

/// What is left of a line to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    #[inline(always)]
    fn eat(&mut self, expected: &[u8]) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    #[inline(always)]
    fn after(&mut self, expected: &[u8]) -> Option<&mut Self> {
        self.eat(expected).then_some(self)
    }

    fn is(&self, expected: &[u8]) -> bool {
        self.0 == expected
    }

    /// A number without sign, leading zeros or more than 64 bits.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        let mut rest = self.0;
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            rest = after;
        }
        let digits = self.0.len() - rest.len();
        if digits == 0 || (digits > 1 && self.0.first() == Some(&b'0')) {
            return None;
        }
        self.0 = rest;
        Some(number)
    }

    /// The text up to the next quotation mark, which is passed.
    #[inline]
    fn quoted(&mut self) -> Option<&'a str> {
        let end = memchr::memchr(b'"', self.0)?;
        let text = std::str::from_utf8(self.0.get(..end)?).ok()?;
        self.0 = self.0.get(end + 1..)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests;
