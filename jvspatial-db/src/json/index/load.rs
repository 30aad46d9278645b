//! A whole journal becomes the index at once, which is far cheaper than batch by batch.
//!
//! What is made in the order in which ids are given out needs no look-up: an id newer than all before it
//! is not there yet. The hash tables are filled afterwards, and so are the lists of edges.

use std::num::NonZeroUsize;

use super::adjacency::{Adjacency, Hop, Lists, Side};
use super::ends::{EndIds, Ends, NOWHERE};
use super::runs::{self, Key, Run};
use super::table::{self, Record, Table};
use super::usage::{Usage, Usages};
use super::{Index, Join, both};
use crate::error::{Error, Result};
use crate::id::Collection;
use crate::json::segment::Segments;

/// What an edge's line says of it besides its ends.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::json) struct EdgeKind {
    pub entity: u16,
    pub undirected: bool,
    /// Whether its ordinal does not say when it was made.
    pub stray: bool,
}

/// Committed lines of one segment, in the order of the journal, apart by collection.
///
/// Made to be used again and again, so that its memory is not asked for again and again.
#[derive(Debug, Default)]
pub(in crate::json) struct Chunk {
    pub columns: [Column; 4],
    /// The ends of each edge of its column; none for a tombstone.
    pub ends: Vec<Option<EndIds>>,
    pub kinds: Vec<EdgeKind>,
    /// How many lines of documents there are.
    pub documents: u64,
    pub tombstone_bytes: u64,
}

/// The lines of one collection; a tombstone is a record without a place.
#[derive(Debug)]
pub(in crate::json) struct Column {
    pub records: Vec<Record>,
    /// What the records are as long as each is a new document with a newer generated key than the one
    /// before; ordinals are positions.
    runs: Vec<Run>,
    ascending: bool,
}

/// How many records a column has room for at least, an eighth.
const FIRST_ROOM: usize = 128;

impl Default for Column {
    fn default() -> Self {
        Self { records: Vec::new(), runs: Vec::new(), ascending: true }
    }
}

impl Column {
    #[inline]
    pub(in crate::json) fn push(&mut self, record: Record) {
        if self.ascending {
            self.note(&record, self.records.len() as u32);
        }
        if self.records.len() == self.records.capacity() {
            table::make_room(&mut self.records, FIRST_ROOM);
        }
        self.records.push(record);
    }

    #[inline]
    fn note(&mut self, record: &Record, position: u32) {
        let last = self.runs.last().map(Run::last_key);
        match Run::of(&record.id, position) {
            Some(run) if record.state.exists() && Some(run.first_key()) > last => {
                runs::append(&mut self.runs, run);
            }
            _ => self.ascending = false,
        }
    }

    /// Drops the lines from `len` on.
    pub(in crate::json) fn truncate(&mut self, len: usize) {
        self.records.truncate(len);
        let records = std::mem::take(&mut self.records);
        self.clear();
        for record in records {
            self.push(record);
        }
    }

    fn clear(&mut self) {
        self.records.clear();
        self.runs.clear();
        self.ascending = true;
    }
}

impl Chunk {
    /// How many lines it has.
    pub(in crate::json) fn len(&self) -> usize {
        self.columns.iter().map(|column| column.records.len()).sum()
    }

    /// How many lines each of its columns has.
    pub(in crate::json) fn lengths(&self) -> [usize; 4] {
        self.columns.each_ref().map(|column| column.records.len())
    }

    /// Sets the commit that the lines between two [lengths](Self::lengths) belong to.
    pub(in crate::json) fn set_sequence(
        &mut self,
        from: [usize; 4],
        to: [usize; 4],
        sequence: u64,
    ) {
        for (column, range) in self.columns.iter_mut().zip(from.into_iter().zip(to)) {
            for record in column.records.get_mut(range.0..range.1).unwrap_or_default() {
                record.state.sequence = sequence;
            }
        }
    }

    /// Makes it as good as new.
    pub(in crate::json) fn clear(&mut self) {
        for column in &mut self.columns {
            column.clear();
        }
        self.ends.clear();
        self.kinds.clear();
        (self.documents, self.tombstone_bytes) = (0, 0);
    }
}

/// The index while the journal is being read.
#[derive(Debug, Default)]
pub(in crate::json) struct Filling {
    collections: [Filled; 4],
    ends: Ends,
    kinds: Vec<EdgeKind>,
    usages: Usages,
    sequence: u64,
}

/// A collection of which the last records cannot be found by their ids yet.
#[derive(Debug, Default)]
struct Filled {
    table: Table,
    /// Those records.
    unfound: Vec<Run>,
    /// The newest generated key so far.
    newest: Option<Key>,
    /// Which ordinals may have changed hands.
    released: Vec<bool>,
}

/// So many runs are not kept waiting: each chunk passes them all.
const MANY_UNFOUND: usize = 1024;

/// What became of a line.
enum Put {
    /// A new document got the next ordinal, as it is newer than all before.
    Newest,
    /// A new document got this ordinal, which does not say when it was made.
    Stray(u32),
    /// The document had this ordinal before.
    Known(u32),
    /// The document that had this ordinal is gone.
    Gone(u32),
    /// Nothing was known of the document, and it is gone.
    Nothing,
}

impl Filling {
    /// Notes that the segment in `slot` has so many bytes and ends with the commit `sequence`.
    pub(in crate::json) fn end(&mut self, slot: u32, bytes: u64, sequence: u64) {
        self.usages.entry(slot).bytes = bytes;
        self.sequence = sequence;
    }

    /// Takes the next lines of the segment in `slot` and leaves the chunk empty.
    ///
    /// # Errors
    /// `Limit` when a collection has no ordinal left.
    pub(in crate::json) fn take(&mut self, slot: u32, chunk: &mut Chunk) -> Result<()> {
        let usage = self.usages.entry(slot);
        usage.documents += chunk.documents;
        usage.tombstone_bytes += chunk.tombstone_bytes;
        for collection in Collection::ALL.into_iter().filter(|&other| other != Collection::Edge) {
            let column = &mut chunk.columns[collection as usize];
            let filled = &mut self.collections[collection as usize];
            if filled.can_append(column) {
                filled.append(collection, column, self.usages.entry(slot))?;
                continue;
            }
            for record in column.records.drain(..) {
                filled.put(collection, record, &mut self.usages)?;
            }
        }
        self.take_edges(slot, chunk)?;
        chunk.clear();
        Ok(())
    }

    fn take_edges(&mut self, slot: u32, chunk: &mut Chunk) -> Result<()> {
        let Self { collections, ends, kinds, usages, .. } = self;
        // By the order of `Collection`.
        let [filled, _, nodes, _] = collections;
        let nodes = &nodes.table;
        let column = &mut chunk.columns[Collection::Edge as usize];
        let lines = chunk.ends.drain(..).zip(&chunk.kinds);
        if filled.can_append(column) {
            filled.append(Collection::Edge, column, usages.entry(slot))?;
            for (new, kind) in lines {
                ends.set(ends.len(), new, kind.undirected, nodes);
                kinds.push(*kind);
            }
            return Ok(());
        }
        for (record, (new, kind)) in column.records.drain(..).zip(lines) {
            let stray = |ordinal| kinds.get(ordinal as usize).is_some_and(|kind| kind.stray);
            let (ordinal, stray) = match filled.put(Collection::Edge, record, usages)? {
                Put::Newest => (kinds.len(), false),
                Put::Stray(ordinal) => (ordinal as usize, true),
                Put::Known(ordinal) | Put::Gone(ordinal) => (ordinal as usize, stray(ordinal)),
                Put::Nothing => continue,
            };
            // The last line of an edge decides its ends.
            ends.set(ordinal, new, kind.undirected, nodes);
            let kind = EdgeKind { stray, ..*kind };
            match kinds.get_mut(ordinal) {
                Some(known) => *known = kind,
                None => kinds.push(kind),
            }
        }
        Ok(())
    }

    /// The index of what was taken, made by so many threads.
    ///
    /// # Errors
    /// `Limit` when there are too many nodes or edges.
    pub(in crate::json) fn finish(
        self,
        segments: Segments,
        threads: NonZeroUsize,
    ) -> Result<Index> {
        let Self { mut collections, ends, kinds, usages, sequence } = self;
        let parallel = threads.get() > 1;
        // Edges are the first of `Collection`.
        let [edges, others @ ..] = &mut collections;
        both(parallel, || edges.find_all(), || others.iter_mut().for_each(Filled::find_all));
        let released = std::mem::take(&mut collections[Collection::Node as usize].released);
        let mut tables = collections.map(|filled| filled.table);
        let nodes = &mut tables[Collection::Node as usize];
        let joins = ends.resolve(nodes, &released, parallel)?;
        let edges = &tables[Collection::Edge as usize];
        let nodes = tables[Collection::Node as usize].records().len();
        let order = creation_order(edges, &kinds);
        let collect = |side: Side| match &order {
            None => Lists::collect(nodes, || hops(&joins, &kinds, 0..joins.len() as u32, side)),
            Some(order) => {
                Lists::collect(nodes, || hops(&joins, &kinds, order.iter().copied(), side))
            }
        };
        let (out, into) = both(parallel, || collect(Side::Out), || collect(Side::In));
        let (Some(out), Some(into)) = (out, into) else {
            return Err(Error::limit("graph has too many edges").with("limit", u32::MAX));
        };
        let adjacency = Adjacency::new(out, into);
        Ok(Index { tables, joins, adjacency, usages, sequence, ..Index::new(segments) })
    }
}

impl Filled {
    /// Whether the lines are documents newer than all before, for which there is no older ordinal.
    fn can_append(&self, column: &Column) -> bool {
        let first = column.runs.first().map(Run::first_key);
        column.ascending && first > self.newest && self.table.free.is_empty()
    }

    fn append(
        &mut self,
        collection: Collection,
        column: &mut Column,
        usage: &mut Usage,
    ) -> Result<()> {
        let base = self.table.records.len();
        if base + column.records.len() >= u32::MAX as usize {
            return Err(full(collection));
        }
        // Runs are found in the order of their keys, so those before come first.
        self.unfound.retain(|run| !self.table.runs.add(*run));
        if self.unfound.len() > MANY_UNFOUND {
            self.find_all();
        }
        for mut run in column.runs.drain(..) {
            run.first += base as u32;
            self.newest = Some(run.last_key());
            // One that goes on where the lines before ended is as long as both.
            let continued = self.unfound.pop_if(|before| before.extend(&run));
            let run = continued.unwrap_or(run);
            if !self.table.runs.add(run) {
                self.unfound.push(run);
            }
        }
        let lengths = column.records.iter().map(|record| u64::from(record.state.place.len));
        usage.live_bytes += lengths.sum::<u64>();
        usage.live_documents += column.records.len() as u64;
        self.table.live += column.records.len() as u64;
        table::make_room(&mut self.table.records, column.records.len());
        self.table.records.append(&mut column.records);
        Ok(())
    }

    fn put(&mut self, collection: Collection, record: Record, usages: &mut Usages) -> Result<Put> {
        let key = runs::key_of(&record.id);
        let is_newest = key > self.newest;
        self.newest = self.newest.max(key);
        let exists = record.state.exists();
        if is_newest && exists && self.table.free.is_empty() {
            let run = Run::of(&record.id, self.table.records.len() as u32);
            if let Some(run) = run {
                self.push(collection, record, usages)?;
                runs::append(&mut self.unfound, run);
                return Ok(Put::Newest);
            }
        }
        self.find_all();
        let table = &mut self.table;
        let known = if is_newest { None } else { table.ordinal(&record.id) };
        if let Some(ordinal) = known
            && let Some(known) = table.records.get_mut(ordinal as usize)
        {
            usages.lose(known.state.place);
            known.state = record.state;
            if exists {
                usages.gain(record.state.place);
                return Ok(Put::Known(ordinal));
            }
            table.live -= 1;
            table.release(ordinal);
            self.note_released(ordinal);
            return Ok(Put::Gone(ordinal));
        }
        if !exists {
            return Ok(Put::Nothing);
        }
        let tag = table.seed.tag(&record.id);
        let ordinal = match table.free.pop() {
            Some(ordinal) => {
                usages.gain(record.state.place);
                table.live += 1;
                if let Some(freed) = table.records.get_mut(ordinal as usize) {
                    *freed = record;
                }
                ordinal
            }
            None => self.push(collection, record, usages)?,
        };
        self.table.ordinals.insert(tag, ordinal);
        Ok(Put::Stray(ordinal))
    }

    fn push(&mut self, collection: Collection, record: Record, usages: &mut Usages) -> Result<u32> {
        let ordinal = u32::try_from(self.table.records.len())
            .ok()
            .filter(|&ordinal| ordinal != u32::MAX)
            .ok_or_else(|| full(collection))?;
        usages.gain(record.state.place);
        self.table.live += 1;
        table::make_room(&mut self.table.records, 1);
        self.table.records.push(record);
        Ok(ordinal)
    }

    fn note_released(&mut self, ordinal: u32) {
        let ordinal = ordinal as usize;
        if self.released.len() <= ordinal {
            self.released.resize(ordinal + 1, false);
        }
        self.released[ordinal] = true;
    }

    /// Makes all records so far such that they are found by their ids.
    fn find_all(&mut self) {
        let Self { table, unfound, .. } = self;
        unfound.retain(|run| !table.runs.add(*run));
        if unfound.is_empty() {
            return;
        }
        table.ordinals.reserve(unfound.iter().map(|run| run.len as usize).sum());
        for run in unfound.drain(..) {
            let members = run.first as usize..(run.first + run.len) as usize;
            let records = table.records.get(members).unwrap_or_default();
            for (record, ordinal) in records.iter().zip(run.first..) {
                table.ordinals.insert(table.seed.tag(&record.id), ordinal);
            }
        }
    }
}

fn full(collection: Collection) -> Error {
    Error::limit("collection is full").with("collection", collection).with("limit", u32::MAX)
}

/// The edges in the order in which they were made, unless that is the order of their ordinals.
fn creation_order(edges: &Table, kinds: &[EdgeKind]) -> Option<Vec<u32>> {
    let stray = |ordinal: &u32| kinds.get(*ordinal as usize).is_some_and(|kind| kind.stray);
    let id = |ordinal: u32| edges.record(ordinal).map(|record| &record.id);
    let compare = |a: u32, b: u32| match (id(a), id(b)) {
        (Some(a), Some(b)) => a.cmp_creation(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let all = 0..kinds.len() as u32;
    let mut strays: Vec<u32> = all.clone().filter(stray).collect();
    if strays.is_empty() {
        return None;
    }
    strays.sort_unstable_by(|a, b| compare(*a, *b));
    let mut order = Vec::with_capacity(kinds.len());
    let mut strays = strays.into_iter().peekable();
    for ordinal in all.filter(|ordinal| !stray(ordinal)) {
        while let Some(earlier) = strays.next_if(|stray| compare(*stray, ordinal).is_lt()) {
            order.push(earlier);
        }
        order.push(ordinal);
    }
    order.extend(strays);
    Some(order)
}

/// The hops from one end of each edge in `order`.
fn hops(
    joins: &[Join],
    kinds: &[EdgeKind],
    order: impl Iterator<Item = u32>,
    side: Side,
) -> impl Iterator<Item = (u32, Hop)> {
    order.filter_map(move |edge| {
        let join = joins.get(edge as usize)?;
        let entity = kinds.get(edge as usize)?.entity;
        let (node, other) = match side {
            Side::Out => (join.source, join.target),
            Side::In => (join.target, join.source),
        };
        (node != NOWHERE)
            .then_some((node, Hop { edge, node: other, entity, undirected: join.undirected }))
    })
}
