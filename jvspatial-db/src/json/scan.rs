//! Finding: a collection is passed in slices, all at one point in time.

use std::sync::Arc;

use super::index::Snapshot;
use super::reader::{Located, Reading};
use super::segment::Segments;
use super::writer::Shared;
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::filter::{Comparison, FieldPath, Filter};
use crate::id::Collection;
use crate::projection::PathTree;
use crate::query::Needs;

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
    needs: Needs,
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

/// What the caller of a scan wants of a match beside the paths it named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bodies {
    /// The document with its body.
    Wanted,
    /// The envelope of the document.
    Envelope,
    /// Nothing.
    Ignored,
}

/// A document that matches.
#[derive(Debug)]
pub(super) struct Match {
    pub ordinal: u32,
    /// Without its body, and possibly without its ends, where those are not wanted.
    pub document: Document,
    /// What the filter and the caller look at.
    pub fields: bson::Document,
}

impl Scan {
    /// A pass that shows, of each match, the paths that `add_paths` adds.
    pub(super) fn new(
        shared: Arc<Shared>,
        collection: Collection,
        filter: Filter,
        add_paths: impl FnOnce(&mut PathTree),
    ) -> Self {
        let (wanted, filter) = split(filter);
        let mut needs = Needs::of_filter(&filter);
        needs.add(add_paths);
        let snapshot = shared.index.read().snapshot();
        let finished = wanted == Wanted::None;
        Self { shared, snapshot, collection, filter, needs, wanted, next: 0, finished }
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
        self.pass(|_, _| {
            count += 1;
            true
        });
        count
    }

    /// Reads the next slice and shows its matches to `see`. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`, and those of `see`.
    pub(super) fn next_slice(
        &mut self,
        bodies: Bodies,
        mut see: impl FnMut(Match) -> Result<()>,
    ) -> Result<()> {
        let mut places = Vec::new();
        let mut ordinals = Vec::new();
        let mut bytes = 0;
        let reads = bodies == Bodies::Wanted || !self.needs.is_id_only();
        let files = self.pass(|ordinal, located| {
            bytes += u64::from(located.state.place.len);
            ordinals.push(ordinal);
            places.push(Some(located));
            !reads || (places.len() < SLICE_DOCUMENTS && bytes < SLICE_BYTES)
        });
        let bodies = if reads { Bodies::Wanted } else { bodies };
        let documents = read(files, places, bodies)?;
        for (ordinal, document) in ordinals.into_iter().zip(documents) {
            let Some(document) = document else { continue };
            let fields = self.needs.read(&document)?;
            if self.filter.is_all() || self.filter.matches(&fields) {
                see(Match { ordinal, document, fields })?;
            }
        }
        Ok(())
    }

    /// The next few of the documents at `ordinals` as they are in this pass, in that order. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn fetch(
        &self,
        bodies: Bodies,
        ordinals: &mut impl Iterator<Item = u32>,
    ) -> Result<Vec<Document>> {
        let mut places = Vec::new();
        let mut bytes = 0;
        let files = {
            let index = self.shared.index.read();
            let table = index.table(self.collection);
            while places.len() < SLICE_DOCUMENTS
                && bytes < SLICE_BYTES
                && let Some(ordinal) = ordinals.next()
            {
                let state = table.state_at(ordinal, self.snapshot.sequence(), &index.history);
                let Some((state, record)) = state.zip(table.record(ordinal)) else { continue };
                bytes += u64::from(state.place.len);
                let id = &record.id;
                places.push(Some(Located::new(&index, self.collection, ordinal, id, state)));
            }
            Arc::clone(&index.segments)
        };
        Ok(read(files, places, bodies)?.into_iter().flatten().collect())
    }

    /// Shows the wanted documents of the next records to `take` until it says to stop.
    fn pass(&mut self, mut take: impl FnMut(u32, Located) -> bool) -> Arc<Segments> {
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
            let located = Located::new(&index, self.collection, ordinal, &record.id, state);
            if !take(ordinal, located) {
                self.finished = self.next >= table.records().len();
                break;
            }
        }
        Arc::clone(&index.segments)
    }
}

/// Reads what has to be read of documents of which only the envelope may be wanted.
fn read(
    files: Arc<Segments>,
    places: Vec<Option<Located>>,
    bodies: Bodies,
) -> Result<Vec<Option<Document>>> {
    let is_known = match bodies {
        Bodies::Wanted => false,
        Bodies::Envelope => places.iter().flatten().all(Located::knows_ends),
        Bodies::Ignored => true,
    };
    if is_known {
        return Ok(places.into_iter().map(|located| located.map(Located::unread)).collect());
    }
    let mut reading = Reading::new(files, places);
    reading.read_blocking()?;
    reading.finish()
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
