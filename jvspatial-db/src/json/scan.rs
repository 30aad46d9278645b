//! Finding: a collection is passed in slices, all at one point in time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::index::Snapshot;
use super::reader::{Located, Reading};
use super::writer::Shared;
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::filter::{Comparison, FieldPath, Filter};
use crate::id::Collection;

/// How many documents and bytes are read in one go: enough to make the going cheap, little enough that
/// another task on the same thread is not kept waiting.
const SLICE_DOCUMENTS: usize = 256;
const SLICE_BYTES: u64 = 1024 * 1024;

/// How many records are looked at while the index is held: no writer waits longer than that.
const SLICE_RECORDS: usize = 4096;

/// A pass over one collection.
#[derive(Debug)]
pub(super) struct Scan {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    collection: Collection,
    filter: Filter,
    wanted: Wanted,
    /// The ordinal to look at next.
    next: usize,
    finished: bool,
}

/// What the record alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Documents of every type.
    Any,
    /// Documents of one type.
    Entity(EntityName),
    /// Documents of a type that no document has.
    None,
}

impl Scan {
    pub(super) fn new(shared: Arc<Shared>, collection: Collection, filter: Filter) -> Self {
        let (wanted, filter) = split(filter);
        let snapshot = shared.index.read().snapshot();
        let finished = wanted == Wanted::None;
        Self { shared, snapshot, collection, filter, wanted, next: 0, finished }
    }

    /// Whether the records alone answer.
    pub(super) fn is_covered(&self) -> bool {
        self.filter.is_all()
    }

    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Counts the matches of the next slice of records, which alone must answer.
    pub(super) fn count_covered(&mut self) -> u64 {
        let mut count = 0;
        self.pass(|_| {
            count += 1;
            true
        });
        count
    }

    /// Reads the next slice and appends its matches to `found`. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn next_slice(&mut self, found: &mut VecDeque<Document>) -> Result<()> {
        let mut places = Vec::new();
        let mut bytes = 0;
        let files = self.pass(|located| {
            bytes += u64::from(located.state.place.len);
            places.push(Some(located));
            places.len() < SLICE_DOCUMENTS && bytes < SLICE_BYTES
        });
        let mut reading = Reading::new(files, places);
        reading.read_blocking()?;
        for document in reading.finish()?.into_iter().flatten() {
            if self.filter.is_all() || self.filter.matches(&document.to_bson()?) {
                found.push_back(document);
            }
        }
        Ok(())
    }

    /// Shows the wanted documents of the next records to `take` until it says to stop.
    fn pass(&mut self, mut take: impl FnMut(Located) -> bool) -> Arc<super::segment::Segments> {
        let index = self.shared.index.read();
        let table = index.table(self.collection);
        let records = table.records().get(self.next..).unwrap_or_default();
        self.finished |= records.len() <= SLICE_RECORDS;
        for record in records.iter().take(SLICE_RECORDS) {
            let ordinal = self.next as u32;
            self.next += 1;
            if let Wanted::Entity(name) = self.wanted
                && !record.id.is_entity(name)
            {
                continue;
            }
            let state = table.state_at(ordinal, self.snapshot.sequence(), &index.history);
            let Some(state) = state else { continue };
            if !take(Located::new(&index, self.collection, ordinal, &record.id, state)) {
                self.finished = self.next >= table.records().len();
                break;
            }
        }
        Arc::clone(&index.segments)
    }
}

/// Splits a filter into what the record decides and what is left.
fn split(filter: Filter) -> (Wanted, Filter) {
    let Some([entity]) = filter.required_equal("entity") else { return (Wanted::Any, filter) };
    let Some(text) = entity.as_str() else { return (Wanted::Any, filter) };
    let Some(name) = EntityName::lookup(text) else {
        // Every stored name is interned, unless there are more names than numbers for them.
        let missed = EntityName::misses_stored();
        return (if missed { Wanted::Any } else { Wanted::None }, filter);
    };
    let alone = FieldPath::parse("entity")
        .and_then(|path| Filter::compare(path, Comparison::Eq, text))
        .is_ok_and(|alone| alone == filter);
    (Wanted::Entity(name), if alone { Filter::all() } else { filter })
}
