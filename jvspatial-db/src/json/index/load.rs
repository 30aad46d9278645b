//! A whole journal becomes the index at once, which is far cheaper than batch by batch.
//!
//! What is made in the order in which ids are given out needs no look-up: an id newer than all before it
//! is not there yet. The hash tables are filled afterwards, and so are the lists of edges.

use std::num::NonZeroUsize;
use std::ops::Range;

use super::adjacency::{Adjacency, Pair, Side};
use super::chunk::{Chunk, Column};
use super::ends::{Ends, NOWHERE};
use super::runs::{self, Key, Run};
use super::table::{State, Table};
use super::usage::{Usage, Usages};
use super::{Index, Join, both};
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::json::segment::Segments;

/// The index while the journal is being read.
#[derive(Debug, Default)]
pub(in crate::json) struct Filling {
    collections: [Filled; 4],
    ends: Ends,
    usages: Usages,
    sequence: u64,
}

/// A collection of which the last records cannot be found by their ids yet.
#[derive(Debug, Default)]
struct Filled {
    table: Table,
    /// How many rows there may be.
    most: usize,
    /// Those records.
    unfound: Vec<Run>,
    /// The newest generated key so far.
    newest: Option<Key>,
    /// Which ordinals may have changed hands.
    released: Vec<bool>,
}

/// Hardly a line is shorter, and one that is costs no more than time.
const SHORTEST_LINE: u64 = 64;

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
    /// For a journal of so many bytes.
    pub(in crate::json) fn of(bytes: u64) -> Self {
        let lines = usize::try_from(bytes / SHORTEST_LINE).unwrap_or(usize::MAX);
        let filled = || Filled { most: lines, ..Filled::default() };
        let collections = [filled(), filled(), filled(), filled()];
        Self { collections, ends: Ends::of(lines), ..Self::default() }
    }

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
            for (id, state) in column.drain() {
                filled.put(collection, &id, state, &mut self.usages)?;
            }
        }
        self.take_edges(slot, chunk)?;
        chunk.clear();
        Ok(())
    }

    fn take_edges(&mut self, slot: u32, chunk: &mut Chunk) -> Result<()> {
        let Self { collections, ends, usages, .. } = self;
        // By the order of `Collection`.
        let [filled, _, nodes, _] = collections;
        let nodes = &nodes.table;
        let column = &mut chunk.columns[Collection::Edge as usize];
        let edges = &chunk.edges;
        if filled.can_append(column) {
            filled.append(Collection::Edge, column, usages.entry(slot))?;
            ends.extend(edges, nodes);
            return Ok(());
        }
        for ((id, state), edge) in column.drain().zip(edges.iter()) {
            let (ordinal, stray) = match filled.put(Collection::Edge, &id, state, usages)? {
                Put::Newest => (ends.len(), false),
                Put::Stray(ordinal) => (ordinal as usize, true),
                Put::Known(ordinal) | Put::Gone(ordinal) => {
                    (ordinal as usize, ends.is_stray(ordinal))
                }
                Put::Nothing => continue,
            };
            // The last line of an edge decides its ends.
            ends.set(ordinal, edge, edges, stray, nodes);
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
        let Self { mut collections, ends, usages, sequence } = self;
        let parallel = threads.get() > 1;
        // Edges are the first of `Collection`.
        let [edges, others @ ..] = &mut collections;
        both(parallel, || edges.find_all(), || others.iter_mut().for_each(Filled::find_all));
        let released = std::mem::take(&mut collections[Collection::Node as usize].released);
        let mut tables = collections.map(|filled| filled.table);
        let nodes = &mut tables[Collection::Node as usize];
        let has_strays = ends.has_strays();
        let joins = ends.resolve(nodes, &released, parallel)?;
        let order = has_strays.then(|| creation_order(&tables[Collection::Edge as usize], &joins));
        let nodes = tables[Collection::Node as usize].len();
        let edges = joins.len();
        let adjacency = match order {
            Some(order) => {
                let hops = |range: Range<usize>| {
                    hops(&joins, order.get(range).unwrap_or_default().iter().copied())
                };
                Adjacency::collect(nodes, edges, hops, parallel)
            }
            None => {
                let hops = |range: Range<usize>| hops(&joins, range.start as u32..range.end as u32);
                Adjacency::collect(nodes, edges, hops, parallel)
            }
        };
        let adjacency = adjacency
            .ok_or_else(|| Error::limit("graph has too many edges").with("limit", u32::MAX))?;
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
        let base = self.table.len();
        if base + column.rows.len() >= u32::MAX as usize {
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
        let lengths = column.rows.iter().map(|row| u64::from(row.state.place.len));
        usage.live_bytes += lengths.sum::<u64>();
        usage.live_documents += column.rows.len() as u64;
        self.table.live += column.rows.len() as u64;
        self.table.rows.expect(self.most);
        self.table.rows.extend(&column.rows);
        Ok(())
    }

    fn put(
        &mut self,
        collection: Collection,
        id: &Id,
        state: State,
        usages: &mut Usages,
    ) -> Result<Put> {
        let key = runs::key_of(id);
        let is_newest = key > self.newest;
        self.newest = self.newest.max(key);
        let exists = state.exists();
        if is_newest && exists && self.table.free.is_empty() {
            let run = Run::of(id, self.table.len() as u32);
            if let Some(run) = run {
                self.push(collection, id, state, usages)?;
                runs::append(&mut self.unfound, run);
                return Ok(Put::Newest);
            }
        }
        self.find_all();
        let table = &mut self.table;
        let known = if is_newest { None } else { table.ordinal(id) };
        if let Some(ordinal) = known
            && let Some(known) = table.rows.get_mut(ordinal as usize)
        {
            usages.lose(known.state.place);
            known.state = state;
            if exists {
                usages.gain(state.place);
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
        let tag = table.seed.tag(id);
        let ordinal = self.push(collection, id, state, usages)?;
        self.table.ordinals.insert(tag, ordinal);
        Ok(Put::Stray(ordinal))
    }

    fn push(
        &mut self,
        collection: Collection,
        id: &Id,
        state: State,
        usages: &mut Usages,
    ) -> Result<u32> {
        if self.table.free.is_empty() && self.table.len() >= u32::MAX as usize {
            return Err(full(collection));
        }
        usages.gain(state.place);
        self.table.live += 1;
        self.table.rows.expect(self.most);
        Ok(self.table.put(id, state))
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
            let rows = table.rows.get(members).unwrap_or_default();
            for (row, ordinal) in rows.iter().zip(run.first..) {
                if let Some(id) = table.texts.unpack(&row.id) {
                    table.ordinals.insert(table.seed.tag(&id), ordinal);
                }
            }
        }
    }
}

fn full(collection: Collection) -> Error {
    Error::limit("collection is full").with("collection", collection).with("limit", u32::MAX)
}

/// The edges in the order in which they were made.
fn creation_order(edges: &Table, joins: &[Join]) -> Vec<u32> {
    let stray =
        |ordinal: &u32| joins.get(*ordinal as usize).is_some_and(|join| join.kind.is_stray());
    let id = |ordinal: u32| edges.id(ordinal);
    let compare = |a: u32, b: u32| match (id(a), id(b)) {
        (Some(a), Some(b)) => a.cmp_creation(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let all = 0..joins.len() as u32;
    let mut strays: Vec<u32> = all.clone().filter(stray).collect();
    strays.sort_unstable_by(|a, b| compare(*a, *b));
    let mut order = Vec::with_capacity(joins.len());
    let mut strays = strays.into_iter().peekable();
    for ordinal in all.filter(|ordinal| !stray(ordinal)) {
        while let Some(earlier) = strays.next_if(|stray| compare(*stray, ordinal).is_lt()) {
            order.push(earlier);
        }
        order.push(ordinal);
    }
    order.extend(strays);
    order
}

/// The hops over each edge in `order`.
#[inline]
fn hops(joins: &[Join], order: impl Iterator<Item = u32>) -> impl Iterator<Item = Pair> {
    order.filter_map(move |edge| {
        let join = joins.get(edge as usize)?;
        (join.source != NOWHERE).then(|| [join.hop(edge, Side::Out), join.hop(edge, Side::In)])
    })
}
