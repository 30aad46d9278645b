//! Copying what is left of some segments into a new one.

use std::sync::Arc;

use super::policy::COMMIT_BYTES;
use super::stopped;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::json::disk::{AppendError, Disk, DiskFile, OpenMode};
use crate::json::index::{HELD, Move, Usage};
use crate::json::line::{self, DocumentLine};
use crate::json::manifest::{End, FORMAT, unavailable};
use crate::json::segment::SegmentName;
use crate::json::segment_reader::{At, Sink};
use crate::json::writer::Shared;

/// The bytes after which the gathered lines are looked up in the index.
const BLOCK_BYTES: usize = 64 * 1024;

/// A segment in the making.
#[derive(Debug)]
pub(super) struct Output {
    file: Arc<dyn DiskFile>,
    name: SegmentName,
    bytes: Vec<u8>,
    checksums: Vec<u64>,
    /// The end of what has been appended.
    end: End,
    moves: Vec<Move>,
    usage: Usage,
}

/// A segment that is whole and on disk.
#[derive(Debug)]
pub(super) struct Written {
    pub end: End,
    /// Where the documents stood and stand; the slot of the new segment is not known yet.
    pub moves: Vec<Move>,
    /// Its bytes, documents and tombstones.
    pub usage: Usage,
}

impl Output {
    /// Begins the segment `name`, all of whose commits have the number `sequence`.
    pub(super) fn begin(
        disk: &dyn Disk,
        name: SegmentName,
        store: &str,
        sequence: u64,
    ) -> Result<Self> {
        let path = name.path();
        // An attempt that was cut off may have left something.
        if disk.entry(&path).map_err(unavailable)?.is_some() {
            disk.remove(&path).map_err(unavailable)?;
        }
        let file = disk.open_append(&path, OpenMode::CreateNew).map_err(unavailable)?;
        let mut bytes = Vec::with_capacity(COMMIT_BYTES + BLOCK_BYTES);
        let checksum = line::push_header(&mut bytes, name, FORMAT, store);
        let end = End { bytes: 0, sequence, checksum };
        let (checksums, moves, usage) = (Vec::new(), Vec::new(), Usage::default());
        Ok(Self { file, name, bytes, checksums, end, moves, usage })
    }

    /// Where the next line will stand.
    fn offset(&self) -> Result<u32> {
        u32::try_from(self.end.bytes + self.bytes.len() as u64).map_err(|_| {
            Error::limit("compacted segment is too large").with("file", self.name.path())
        })
    }

    fn push(&mut self, line: &[u8], checksum: u64) -> Result<()> {
        self.bytes.extend_from_slice(line);
        self.checksums.push(checksum);
        if self.bytes.len() >= COMMIT_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        if !self.checksums.is_empty() {
            let End { sequence, checksum, .. } = self.end;
            // What is copied was on disk already when it was written.
            self.end.checksum = line::push_commit(
                &mut self.bytes,
                sequence,
                sequence - 1,
                checksum,
                &self.checksums,
            );
            self.checksums.clear();
        }
        self.file.append(&self.bytes).map_err(AppendError::into_source).map_err(unavailable)?;
        self.end.bytes += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    /// Makes all of it durable but its name, which is for the writer.
    pub(super) fn finish(mut self) -> Result<Written> {
        self.commit()?;
        self.file.sync_all().map_err(unavailable)?;
        self.usage.bytes = self.end.bytes;
        Ok(Written { end: self.end, moves: self.moves, usage: self.usage })
    }
}

/// Copies what is left of one segment.
#[derive(Debug)]
pub(super) struct Rewriter<'a> {
    shared: &'a Shared,
    output: &'a mut Output,
    /// The slot of the segment that is copied.
    slot: u32,
    /// Whether its tombstones still hide something.
    hides: bool,
    block: Vec<u8>,
    lines: Vec<Copied>,
}

/// A line in the block.
#[derive(Debug)]
struct Copied {
    id: Id,
    is_tombstone: bool,
    /// Where the line stands in its segment.
    offset: u32,
    /// Where it ends in the block.
    end: usize,
    checksum: u64,
}

/// What is to become of a line.
enum Fate {
    Dropped,
    Tombstone,
    Document(Collection, u32),
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(shared: &'a Shared, output: &'a mut Output, slot: u32, hides: bool) -> Self {
        Self { shared, output, slot, hides, block: Vec::new(), lines: Vec::new() }
    }

    fn take(&mut self, id: &str, is_tombstone: bool, at: &At<'_>) -> Result<()> {
        self.block.extend_from_slice(at.bytes);
        let (end, offset, checksum) = (self.block.len(), at.offset, at.checksum);
        self.lines.push(Copied { id: Id::parse_stored(id)?, is_tombstone, offset, end, checksum });
        Ok(())
    }

    /// Copies the lines of the block that are still needed.
    fn sift(&mut self) -> Result<()> {
        if self.shared.compaction.is_stopped() {
            return Err(stopped());
        }
        let mut start = 0;
        let mut fates = Vec::with_capacity(HELD);
        for lines in self.lines.chunks(HELD) {
            // A writer that waits for the index keeps readers waiting, so it is never held for long.
            {
                let index = self.shared.index.read();
                fates.extend(lines.iter().map(|line| {
                    let collection = line.id.collection();
                    let existing = index.table(collection).existing(&line.id);
                    // Between two lines of an edge that was made again it keeps the ends apart.
                    let is_needed = existing.is_none() || collection == Collection::Edge;
                    match existing {
                        _ if line.is_tombstone && self.hides && is_needed => Fate::Tombstone,
                        Some((ordinal, record))
                            if !line.is_tombstone
                                && record.state.place.slot == self.slot
                                && record.state.place.offset == line.offset =>
                        {
                            Fate::Document(collection, ordinal)
                        }
                        _ => Fate::Dropped,
                    }
                }));
            }
            for (line, fate) in lines.iter().zip(fates.drain(..)) {
                let bytes = self.block.get(start..line.end).unwrap_or_default();
                start = line.end;
                match fate {
                    Fate::Dropped => continue,
                    Fate::Tombstone => self.output.usage.tombstone_bytes += bytes.len() as u64,
                    Fate::Document(collection, ordinal) => {
                        let to = self.output.offset()?;
                        let from = (self.slot, line.offset);
                        self.output.moves.push(Move { collection, ordinal, from, to });
                        self.output.usage.documents += 1;
                    }
                }
                self.output.push(bytes, line.checksum)?;
            }
        }
        self.block.clear();
        self.lines.clear();
        Ok(())
    }

    /// Copies what is left.
    pub(super) fn finish(mut self) -> Result<()> {
        self.sift()
    }
}

impl Sink for Rewriter<'_> {
    fn document(&mut self, line: &DocumentLine<'_>, at: &At<'_>) -> Result<()> {
        self.take(line.id, false, at)
    }

    fn tombstone(&mut self, id: &str, _version: u64, at: &At<'_>) -> Result<()> {
        self.take(id, true, at)
    }

    fn commit(&mut self, _sequence: u64) -> Result<()> {
        // Nothing of this is used should damage be found further on.
        if self.block.len() >= BLOCK_BYTES { self.sift() } else { Ok(()) }
    }
}
