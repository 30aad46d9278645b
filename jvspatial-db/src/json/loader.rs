//! What is read from the segments when a store is opened becomes the index.

use super::index::{Change, Index, Place, State};
use super::line::DocumentLine;
use super::segment_reader::{At, Sink};
use crate::error::Result;
use crate::id::Id;
use crate::write::Link;

/// Applies the batches of one segment.
#[derive(Debug)]
pub(super) struct Loader<'a> {
    index: &'a mut Index,
    slot: u32,
    pending: Vec<Change>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(index: &'a mut Index, slot: u32) -> Self {
        Self { index, slot, pending: Vec::new() }
    }
}

impl Sink for Loader<'_> {
    fn document(&mut self, line: &DocumentLine<'_>, at: &At<'_>) -> Result<()> {
        let link = match &line.ends {
            None => None,
            Some(ends) => Some(Box::new(Link { ends: ends.parse()?, unique: false })),
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
            schema: line.schema,
            place,
            check: at.checksum as u32,
            ..State::default()
        };
        self.pending.push(Change { id: Id::parse_stored(line.id)?, state, link });
        self.index.usages.entry(self.slot).documents += 1;
        Ok(())
    }

    fn tombstone(&mut self, id: &str, version: u64, at: &At<'_>) -> Result<()> {
        let state = State { version, ..State::default() };
        self.pending.push(Change { id: Id::parse_stored(id)?, state, link: None });
        self.index.usages.entry(self.slot).tombstone_bytes += at.bytes.len() as u64;
        Ok(())
    }

    fn commit(&mut self, sequence: u64) -> Result<()> {
        self.index.load(sequence, std::mem::take(&mut self.pending))
    }
}
