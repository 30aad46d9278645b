//! What is read from a segment goes to the index in chunks.

use super::disk::DiskFile;
use super::index::{Chunk, EdgeKind, EndIds, Hop, Place, Record, State};
use super::line::{DocumentLine, Line, line_checksum};
use super::lines::{Found, Lines};
use super::manifest::unavailable;
use super::segment_reader::{At, Commits, Sink};
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::stored_ids::StoredIds;

/// Gathers the lines of one segment and hands them over in chunks, committed lines only.
pub(super) struct Loader<'a, H> {
    file: &'a dyn DiskFile,
    slot: u32,
    ids: StoredIds,
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
            slot,
            ids: StoredIds::new(),
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
        self.chunk.ends.truncate(edges);
        self.chunk.kinds.truncate(edges);
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
        let Chunk { columns, documents, tombstone_bytes, .. } = &self.chunk;
        let columns = columns.each_ref().map(|column| column.records.len());
        self.committed = Mark { columns, documents: *documents, tombstone_bytes: *tombstone_bytes };
        Ok(())
    }

    fn push(&mut self, id: Id, state: State) {
        let column = &mut self.chunk.columns[id.collection() as usize];
        column.push(Record { id, state });
    }
}

impl<H: FnMut(Chunk) -> Result<Chunk>> Sink for Loader<'_, H> {
    #[inline]
    fn document(&mut self, line: &DocumentLine<'_>, at: &At<'_>) -> Result<()> {
        let ends = match &line.ends {
            None => None,
            Some(ends) => {
                let source = self.ids.parse(ends.source)?;
                Some((EndIds { source, target: self.ids.parse(ends.target)? }, ends.bidirectional))
            }
        };
        let place = Place {
            slot: self.slot,
            offset: at.offset,
            // A line has at most 16 MiB and 4 KiB.
            len: at.bytes.len() as u32,
            prefix: line.prefix,
            suffix: line.suffix,
        };
        let state = State {
            version: line.version,
            sequence: self.sequence,
            schema: line.schema,
            place,
            check: at.checksum as u32,
            ..State::default()
        };
        let id = self.ids.parse(line.id)?;
        if !self.note(at) {
            return Ok(());
        }
        if let Some((ends, undirected)) = ends {
            let entity = id.entity_name().map_or(Hop::UNNAMED, |name| name.number());
            self.chunk.ends.push(Some(ends));
            self.chunk.kinds.push(EdgeKind { entity, undirected, stray: false });
        }
        self.push(id, state);
        self.chunk.documents += 1;
        Ok(())
    }

    fn tombstone(&mut self, id: &str, version: u64, at: &At<'_>) -> Result<()> {
        let id = self.ids.parse(id)?;
        if !self.note(at) {
            return Ok(());
        }
        if id.collection() == Collection::Edge {
            self.chunk.ends.push(None);
            self.chunk.kinds.push(EdgeKind::default());
        }
        self.push(id, State { version, sequence: self.sequence, ..State::default() });
        self.chunk.tombstone_bytes += at.bytes.len() as u64;
        Ok(())
    }

    fn commit(&mut self, sequence: u64) -> Result<()> {
        if sequence != self.sequence {
            for (column, from) in self.chunk.columns.iter_mut().zip(self.committed.columns) {
                for record in column.records.get_mut(from..).unwrap_or_default() {
                    record.state.sequence = sequence;
                }
            }
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
