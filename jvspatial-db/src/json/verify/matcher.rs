//! Comparing the lines of the journal with what the index has of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::index::{HELD, Place, Snapshot};
use super::super::line::DocumentLine;
use super::super::listed::Listed;
use super::super::reader::{Located, Reading};
use super::super::segment_reader::{At, Sink};
use super::super::writer::Shared;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};

/// How many lines are gathered before they are looked up.
const BLOCK: usize = 1024;

/// Notes which documents stand in the journal exactly as the index says.
pub(super) struct Matcher<'a> {
    shared: &'a Shared,
    snapshot: &'a Snapshot,
    slot: u32,
    block: Vec<Shown>,
    /// A bit for each ordinal of each collection.
    matched: HashMap<Collection, Vec<u64>>,
}

/// A document's line that was read.
struct Shown {
    id: Id,
    version: u64,
    schema: u32,
    check: u32,
    place: Place,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(shared: &'a Shared, snapshot: &'a Snapshot) -> Self {
        let (slot, block, matched) = (0, Vec::with_capacity(BLOCK), HashMap::new());
        Self { shared, snapshot, slot, block, matched }
    }

    pub(super) fn begin_segment(&mut self, slot: u32) {
        self.slot = slot;
    }

    pub(super) fn end_segment(&mut self) {
        for shown in self.block.chunks(HELD) {
            // A writer that waits for the index keeps readers waiting, so it is never held for long.
            let index = self.shared.index.read();
            for line in shown {
                let collection = line.id.collection();
                let table = index.table(collection);
                let Some(ordinal) = table.ordinal(&line.id) else { continue };
                let sequence = self.snapshot.sequence();
                let Some(state) = table.state_at(ordinal, sequence, &index.history) else {
                    continue;
                };
                if (state.place, state.check, state.version, state.schema)
                    == (line.place, line.check, line.version, line.schema)
                {
                    set(self.matched.entry(collection).or_default(), ordinal);
                }
            }
        }
        self.block.clear();
    }

    /// Reads the documents that were not met, each where the index has it now: behind damage in their segment,
    /// or moved by compaction meanwhile. Returns how many documents there are.
    pub(super) fn read_unmatched(&self, findings: &mut Listed<Error>) -> u64 {
        let mut documents = 0;
        for collection in Collection::ALL {
            let matched = self.matched.get(&collection).map(Vec::as_slice).unwrap_or_default();
            let mut next = 0;
            loop {
                let mut unmatched = Vec::new();
                let segments = {
                    let index = self.shared.index.read();
                    let table = index.table(collection);
                    if next >= table.len() {
                        break;
                    }
                    let until = next + BLOCK;
                    let ids = table.ids(next).take_while(|(at, _)| (*at as usize) < until);
                    next = until;
                    for (ordinal, id) in ids {
                        let sequence = self.snapshot.sequence();
                        let state = table.state_at(ordinal, sequence, &index.history);
                        let Some(state) = state else { continue };
                        documents += 1;
                        if !is_set(matched, ordinal) {
                            unmatched.push(Located::new(&index, collection, ordinal, &id, state));
                        }
                    }
                    Arc::clone(&index.segments)
                };
                for located in unmatched {
                    let mut reading = Reading::new(Arc::clone(&segments), vec![Some(located)]);
                    let read = reading.read_blocking().and_then(|()| reading.finish());
                    findings.extend(read.err());
                }
            }
        }
        documents
    }
}

impl Sink for Matcher<'_> {
    fn document(&mut self, line: &DocumentLine<'_>, at: &At<'_>) -> Result<()> {
        let place = Place {
            slot: self.slot,
            offset: at.offset,
            len: at.bytes.len() as u32,
            prefix: line.prefix,
            suffix: line.suffix,
        };
        let DocumentLine { version, schema, .. } = *line;
        let (id, check) = (Id::parse_stored(line.id)?, at.checksum as u32);
        if let Some(ends) = &line.ends {
            ends.parse()?;
        }
        self.block.push(Shown { id, version, schema, check, place });
        if self.block.len() == BLOCK {
            self.end_segment();
        }
        Ok(())
    }

    fn tombstone(&mut self, id: &str, _version: u64, _at: &At<'_>) -> Result<()> {
        Id::parse_stored(id).map(drop)
    }

    fn commit(&mut self, _sequence: u64) -> Result<()> {
        Ok(())
    }
}

fn set(bits: &mut Vec<u64>, ordinal: u32) {
    let word = ordinal as usize / 64;
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    if let Some(word) = bits.get_mut(word) {
        *word |= 1 << (ordinal % 64);
    }
}

fn is_set(bits: &[u64], ordinal: u32) -> bool {
    bits.get(ordinal as usize / 64).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
}
