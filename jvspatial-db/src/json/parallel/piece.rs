//! One piece of a segment, read without knowing what stands before it.

use super::super::disk::DiskFile;
use super::super::index::{Chunk, HopKind, Place, State};
use super::super::line::{CommitLine, Line, MAX_LINE, line_checksum};
use super::super::lines::{Found, Lines};
use super::super::loader::Records;
use super::super::manifest::unavailable;
use super::super::segment_reader::At;
use super::shape::{Keys, Shape, Shapes};
use crate::error::Result;

/// The lines that begin in a stretch of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub slot: u32,
    pub file: &'a dyn DiskFile,
    /// Where the stretch begins and ends.
    pub start: u64,
    pub until: u64,
    /// How long the segment is.
    pub size: u64,
}

/// What a piece holds: nothing of it is known to be sound.
///
/// Made to be used again and again, as its chunk is.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Its lines; the commits that they belong to are not filled in.
    pub chunk: Chunk,
    /// Their checksums, in the order of the file.
    pub checksums: Vec<u64>,
    pub commits: Vec<Closing>,
    /// The commit lines themselves.
    pub texts: Vec<u8>,
    /// The first line of the segment.
    pub header: Vec<u8>,
    /// Where the first of its lines begins and the last one ends; none when no line begins in it.
    pub bytes: Option<(u64, u64)>,
}

/// A commit line, and how many lines of the piece stand before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    pub commit: CommitLine,
    pub lines: usize,
    /// The same by collection.
    pub marks: [usize; 4],
    /// Where in the file it ends.
    pub end: u64,
    /// Where in the texts it ends.
    pub text_end: usize,
}

/// What one thread uses for all its pieces.
pub(super) struct PieceReader {
    slot: u32,
    records: Records,
    shapes: Shapes,
    buffer: Vec<u8>,
}

/// How much is read at least beyond the end of a piece, to find the end of its last line.
const BEYOND: u64 = 4096;

impl PieceReader {
    pub(super) fn new() -> Self {
        let (records, shapes) = (Records::new(0), Shapes::default());
        Self { slot: 0, records, shapes, buffer: Vec::new() }
    }

    /// Reads a piece into `part`; `false` when a line is not one of the journal.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub(super) fn read(&mut self, piece: &Piece<'_>, part: &mut Part) -> Result<bool> {
        part.clear();
        self.slot = piece.slot;
        self.records.turn_to(piece.slot);
        let buffer = std::mem::take(&mut self.buffer);
        // From the byte before, which says whether a line begins with the piece.
        let start = piece.start.saturating_sub(1);
        let mut lines = Lines::with_buffer(piece.file, start, piece.until, buffer);
        let sound = self.read_lines(piece, &mut lines, part);
        self.buffer = lines.into_buffer();
        sound
    }

    fn read_lines(
        &mut self,
        piece: &Piece<'_>,
        lines: &mut Lines<'_>,
        part: &mut Part,
    ) -> Result<bool> {
        if piece.start > 0 && !lines.skip().map_err(unavailable)? {
            return Ok(true);
        }
        let first = lines.position();
        while lines.position() < piece.until {
            match lines.next_line().map_err(unavailable)? {
                Found::Line(offset, line) => {
                    if !self.take(offset, line, part) {
                        return Ok(false);
                    }
                }
                Found::End => break,
                Found::Ragged(offset) => {
                    let end = lines.end();
                    if end >= piece.size || end - offset > MAX_LINE as u64 {
                        return Ok(false);
                    }
                    // By as much as there is of the line, so that a long one is not searched too often.
                    lines.extend(piece.size.min(end + BEYOND.max(end - offset)));
                }
            }
        }
        part.bytes = (first < piece.until).then_some((first, lines.position()));
        Ok(true)
    }

    #[inline]
    fn take(&mut self, offset: u64, line: &[u8], part: &mut Part) -> bool {
        let Ok(short) = u32::try_from(offset) else { return false };
        let at = At { bytes: line, offset: short, checksum: line_checksum(line) };
        if let Some((shape, keys)) = self.shapes.read(line) {
            add(shape, keys, self.slot, &at, &mut part.chunk);
            part.checksums.push(at.checksum);
            return true;
        }
        let Some(parsed) = Line::parse(line) else { return false };
        match parsed {
            Line::Document(document) => {
                let Ok(document) = self.records.read(&document) else { return false };
                self.shapes.learn(line, &document);
                self.records.add(document, &at, 0, &mut part.chunk);
                part.checksums.push(at.checksum);
            }
            Line::Tombstone { id, version } => {
                let Ok(id) = self.records.id_of(id) else { return false };
                Records::add_tombstone(id, version, &at, 0, &mut part.chunk);
                part.checksums.push(at.checksum);
            }
            Line::Commit(commit) => {
                part.texts.extend_from_slice(line);
                part.commits.push(Closing {
                    commit,
                    lines: part.checksums.len(),
                    marks: part.chunk.lengths(),
                    end: offset + line.len() as u64,
                    text_end: part.texts.len(),
                });
            }
            Line::Header(_) if offset == 0 => part.header.extend_from_slice(line),
            Line::Header(_) => return false,
        }
        true
    }
}

/// Adds a document, the shape of whose line is known, to the chunk; its commit is not filled in.
#[inline(always)]
fn add(shape: &Shape, keys: Keys, slot: u32, at: &At<'_>, chunk: &mut Chunk) {
    let &Shape { kind, version, schema, prefix, suffix, .. } = shape;
    let place = Place { slot, offset: at.offset, len: at.bytes.len() as u32, prefix, suffix };
    let state = State { version, schema, place, check: at.checksum as u32, ..State::default() };
    if let (Some(of), Some((source, target))) = (&shape.ends, keys.ends) {
        let kinds = [of.source_kind, of.target_kind];
        chunk.edges.push_keyed(kinds, [source, target], HopKind::new(Some(kind.1), of.undirected));
    }
    chunk.columns[kind.0 as usize].push_keyed(kind, keys.id, state);
    chunk.documents += 1;
}

impl Part {
    fn clear(&mut self) {
        self.chunk.clear();
        self.checksums.clear();
        self.commits.clear();
        self.texts.clear();
        self.header.clear();
        self.bytes = None;
    }
}
