//! What is read from a segment goes to the index in chunks.

use super::disk::DiskFile;
use super::index::{Chunk, EndIds, HopKind, Place, State};
use super::line::{DocumentLine, Line, line_checksum};
use super::lines::{Found, Lines};
use super::manifest::unavailable;
use super::segment_reader::{At, Commits, Sink};
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::stored_ids::StoredIds;

/// What a document's line says of it, without its fields.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    pub id: Id,
    /// The ends of an edge, and whether it goes both ways.
    pub ends: Option<(EndIds, bool)>,
    pub version: u64,
    pub schema: u32,
    pub prefix: u16,
    pub suffix: u16,
}

/// Makes records of the lines of one segment.
pub(super) struct Records {
    slot: u32,
    ids: StoredIds,
}

impl Records {
    /// For the segment in `slot`.
    pub(super) const fn new(slot: u32) -> Self {
        Self { slot, ids: StoredIds::new() }
    }

    /// Goes on with the segment in `slot`.
    pub(super) const fn turn_to(&mut self, slot: u32) {
        self.slot = slot;
    }

    /// Reads the ids of a document's line.
    ///
    /// # Errors
    /// Why the line cannot be a document.
    #[inline]
    pub(super) fn read(&mut self, line: &DocumentLine<'_>) -> Result<Document> {
        let ends = match &line.ends {
            None => None,
            Some(ends) => {
                let source = self.ids.parse(ends.source)?;
                Some((EndIds { source, target: self.ids.parse(ends.target)? }, ends.bidirectional))
            }
        };
        let &DocumentLine { version, schema, prefix, suffix, .. } = line;
        Ok(Document { id: self.ids.parse(line.id)?, ends, version, schema, prefix, suffix })
    }

    /// Adds a document, whose line belongs to the commit `sequence`, to the chunk.
    #[inline]
    pub(super) fn add(&self, document: Document, at: &At<'_>, sequence: u64, chunk: &mut Chunk) {
        let Document { id, ends, version, schema, prefix, suffix } = document;
        // A line has at most 16 MiB and 4 KiB.
        let len = at.bytes.len() as u32;
        let place = Place { slot: self.slot, offset: at.offset, len, prefix, suffix };
        let check = at.checksum as u32;
        let state = State { version, sequence, schema, place, check, ..State::default() };
        if let Some((ends, undirected)) = ends {
            let kind = HopKind::new(id.entity_name(), undirected);
            chunk.edges.push(ends, kind);
        }
        chunk.columns[id.collection() as usize].push(&id, state);
        chunk.documents += 1;
    }

    /// Reads the id of a tombstone's line.
    ///
    /// # Errors
    /// Why the line cannot be a tombstone.
    pub(super) fn id_of(&mut self, id: &str) -> Result<Id> {
        self.ids.parse(id)
    }

    /// Adds a tombstone's line, which belongs to the commit `sequence`, to the chunk.
    pub(super) fn add_tombstone(
        id: Id,
        version: u64,
        at: &At<'_>,
        sequence: u64,
        chunk: &mut Chunk,
    ) {
        if id.collection() == Collection::Edge {
            chunk.edges.push_gone();
        }
        let state = State { version, sequence, ..State::default() };
        chunk.columns[id.collection() as usize].push(&id, state);
        chunk.tombstone_bytes += at.bytes.len() as u64;
    }
}

/// Gathers the lines of one segment and hands them over in chunks, committed lines only.
pub(super) struct Loader<'a, H> {
    file: &'a dyn DiskFile,
    records: Records,
    chunk: Chunk,
    chunk_lines: usize,
    committed: Mark,
    /// The commit that the lines since the last one belong to, if all is as it should be.
    sequence: u64,
    compacted: bool,
    batch: Batch,
    /// Whether the lines of the batch are kept until a commit line closes them. Otherwise there are too many,
    /// and they are read again then.
    keeps: bool,
    hand_over: H,
}

/// The lines since the last commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Batch {
    lines: usize,
    /// Where they stand.
    start: u64,
    end: u64,
    /// Tells whether the same is read again.
    sum: u64,
}

impl Batch {
    fn add(&mut self, at: &At<'_>) {
        let offset = u64::from(at.offset);
        if self.lines == 0 {
            self.start = offset;
        }
        self.lines += 1;
        self.end = offset + at.bytes.len() as u64;
        self.sum = (self.sum.rotate_left(5) ^ at.checksum).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The most lines of one batch that are kept before it is known that a commit line closes them.
const MOST_KEPT: usize = 256 * 1024;

/// How far a chunk goes.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    columns: [usize; 4],
    documents: u64,
    tombstone_bytes: u64,
}

impl<'a, H: FnMut(Chunk) -> Result<Chunk>> Loader<'a, H> {
    /// A loader for the segment in `slot`. `hand_over` takes a chunk that has `chunk_lines` lines, or at
    /// the end of the batch that goes beyond, and gives an empty one back.
    pub(super) fn new(
        file: &'a dyn DiskFile,
        slot: u32,
        commits: Commits,
        chunk_lines: usize,
        hand_over: H,
    ) -> Self {
        let (sequence, compacted) = match commits {
            Commits::After(sequence) => (sequence + 1, false),
            Commits::UpTo(sequence) => (sequence, true),
        };
        Self {
            file,
            records: Records::new(slot),
            chunk: Chunk::default(),
            chunk_lines,
            committed: Mark::default(),
            sequence,
            compacted,
            batch: Batch::default(),
            keeps: true,
            hand_over,
        }
    }

    /// Hands over what is left; lines that no commit closed are forgotten.
    ///
    /// # Errors
    /// Those of handing over.
    pub(super) fn finish(mut self) -> Result<()> {
        self.forget();
        (self.hand_over)(self.chunk).map(drop)
    }

    /// Forgets the lines that no commit has closed.
    fn forget(&mut self) {
        let Mark { columns, documents, tombstone_bytes } = self.committed;
        for (column, len) in self.chunk.columns.iter_mut().zip(columns) {
            column.truncate(len);
        }
        let edges = columns[Collection::Edge as usize];
        self.chunk.edges.truncate(edges);
        self.chunk.documents = documents;
        self.chunk.tombstone_bytes = tombstone_bytes;
    }

    /// Notes a line of the batch; returns whether it is to be kept.
    fn note(&mut self, at: &At<'_>) -> bool {
        self.batch.add(at);
        if self.keeps && self.batch.lines > MOST_KEPT {
            self.keeps = false;
            self.forget();
        }
        self.keeps
    }

    /// Takes the lines of a sound batch that were not kept.
    fn read_again(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.keeps = true;
        let mut again = Batch::default();
        let mut lines = Lines::new(self.file, batch.start, batch.end);
        while let Found::Line(offset, bytes) = lines.next_line().map_err(unavailable)? {
            // The first reading has found all of them below 4 GiB.
            let at = At { bytes, offset: offset as u32, checksum: line_checksum(bytes) };
            again.add(&at);
            match Line::parse(bytes) {
                Some(Line::Document(line)) => self.document(&line, &at)?,
                Some(Line::Tombstone { id, version }) => self.tombstone(id, version, &at)?,
                _ => break,
            }
            self.hand_over_full()?;
        }
        if again == batch {
            return Ok(());
        }
        Err(Error::corrupt("segment has changed while it was read").with("offset", batch.start))
    }

    /// Hands the chunk over if it is full; all of it is committed.
    fn hand_over_full(&mut self) -> Result<()> {
        self.batch.lines = 0;
        self.batch.sum = 0;
        if self.chunk.len() >= self.chunk_lines {
            let full = std::mem::take(&mut self.chunk);
            self.chunk = (self.hand_over)(full)?;
            self.committed = Mark::default();
            return Ok(());
        }
        let columns = self.chunk.lengths();
        let Chunk { documents, tombstone_bytes, .. } = self.chunk;
        self.committed = Mark { columns, documents, tombstone_bytes };
        Ok(())
    }
}

impl<H: FnMut(Chunk) -> Result<Chunk>> Sink for Loader<'_, H> {
    #[inline]
    fn document(&mut self, line: &DocumentLine<'_>, at: &At<'_>) -> Result<()> {
        let document = self.records.read(line)?;
        if self.note(at) {
            self.records.add(document, at, self.sequence, &mut self.chunk);
        }
        Ok(())
    }

    fn tombstone(&mut self, id: &str, version: u64, at: &At<'_>) -> Result<()> {
        let id = self.records.id_of(id)?;
        if self.note(at) {
            Records::add_tombstone(id, version, at, self.sequence, &mut self.chunk);
        }
        Ok(())
    }

    fn commit(&mut self, sequence: u64) -> Result<()> {
        if sequence != self.sequence {
            let lengths = self.chunk.lengths();
            self.chunk.set_sequence(self.committed.columns, lengths, sequence);
        }
        if !self.keeps {
            self.sequence = sequence;
            self.read_again()?;
        }
        self.sequence = if self.compacted { sequence } else { sequence + 1 };
        self.hand_over_full()
    }
}

#[cfg(test)]
mod tests;
