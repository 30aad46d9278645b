//! All that the JSON database keeps in memory: where documents are, and which edges touch which node.

mod adjacency;
mod array;
mod chunk;
mod ends;
mod history;
mod key_changes;
mod key_set;
mod load;
mod packed_id;
mod runs;
mod secondary;
mod slots;
mod table;
mod usage;

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub(super) use adjacency::{Adjacency, Hop, HopKind, Side};
use array::Array;
pub(super) use chunk::Chunk;
pub(super) use ends::EndIds;
pub(super) use history::{History, Snapshot};
use key_changes::Holder;
pub(super) use key_set::KeySet;
pub(super) use load::Filling;
#[cfg(test)]
pub(super) use runs::id_of;
pub(super) use runs::{Key, Kind, keyed};
pub(super) use secondary::{
    Definitions, KeyChange, KeyChanges, Secondary, changed_since, entry_of, split_entry,
};
pub(super) use table::{Place, State, Table};
pub(super) use usage::{Usage, Usages};

use super::segment::Segments;
use crate::document::Ends;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::write::Link;

/// The state of the store after its last acknowledged commit.
#[derive(Debug)]
pub(super) struct Index {
    tables: [Table; 4],
    /// What each edge joins, by the edge's ordinal.
    joins: Array<Join>,
    pub adjacency: Adjacency,
    pub history: History,
    /// The last commit that readers see.
    pub sequence: u64,
    /// Whether records and lists may be ahead of what readers see.
    ahead: bool,
    /// Edges that are gone and still stand in the lists, because readers may see them.
    parting: Vec<u32>,
    /// Edges that a snapshot may know and that no list does, or with other ends: the commit that took each away,
    /// and its ordinal.
    parted: VecDeque<(u64, u32)>,
    /// How much of each segment is in use.
    pub usages: Usages,
    /// The segments that places point into.
    pub segments: Arc<Segments>,
    /// Slots that only past states name, and the last commit that may have replaced one of those.
    retired: Vec<(u32, u64)>,
    /// The indexes, each at its place in `definitions`.
    pub secondary: Vec<Secondary>,
    pub definitions: Definitions,
    /// While somebody else holds this too, no ordinal is given to another document.
    pub pins: Arc<()>,
}

/// The ends of an edge as ordinals of nodes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Join {
    source: u32,
    target: u32,
    kind: HopKind,
}

/// One document's change, ready to be applied.
#[derive(Debug)]
pub(super) struct Change {
    pub id: Id,
    pub state: State,
    /// What a new edge joins.
    pub link: Option<Box<Link>>,
}

/// A document's line that stands elsewhere now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub collection: Collection,
    pub ordinal: u32,
    /// The slot and the offset where it stood.
    pub from: (u32, u32),
    /// The offset where it stands.
    pub to: u32,
}

impl Index {
    pub(super) fn new(segments: Segments) -> Self {
        Self {
            tables: Default::default(),
            joins: Array::default(),
            adjacency: Adjacency::default(),
            history: History::default(),
            sequence: 0,
            ahead: false,
            parting: Vec::new(),
            parted: VecDeque::new(),
            usages: Usages::default(),
            segments: Arc::new(segments),
            retired: Vec::new(),
            secondary: Vec::new(),
            definitions: Arc::default(),
            pins: Arc::default(),
        }
    }

    pub(super) const fn table(&self, collection: Collection) -> &Table {
        &self.tables[collection as usize]
    }

    pub(super) const fn nodes(&self) -> &Table {
        self.table(Collection::Node)
    }

    /// A point in time that stays readable.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.history.snapshot(self.sequence)
    }

    /// The state of the document at `ordinal`, as readers see it; `None` when it does not exist.
    pub(super) fn state(&self, collection: Collection, ordinal: u32) -> Option<State> {
        self.table(collection).state_at(ordinal, self.sequence, &self.history)
    }

    /// Whether readers see a document at `ordinal`.
    pub(super) fn exists(&self, collection: Collection, ordinal: u32) -> bool {
        let state = self.table(collection).row(ordinal).map(|row| &row.state);
        match state {
            Some(state) if state.sequence <= self.sequence => state.exists(),
            Some(_) => self.state(collection, ordinal).is_some(),
            None => false,
        }
    }

    /// Whether the lists may name edges that readers do not see.
    pub(super) const fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// The edges that were taken away after the commit of `snapshot`. All other edges that it knows stand in the
    /// lists, as it knows them.
    pub(super) fn parted_since(&self, snapshot: &Snapshot) -> impl Iterator<Item = u32> {
        let first = self.parted.partition_point(|(sequence, _)| *sequence <= snapshot.sequence());
        self.parted.range(first..).map(|(_, ordinal)| *ordinal)
    }

    /// What the edge at `ordinal` joins.
    pub(super) fn ends(&self, ordinal: u32) -> Option<Ends> {
        let join = self.joins.get(ordinal as usize)?;
        let node = |ordinal| self.nodes().id(ordinal);
        Some(Ends {
            source: node(join.source)?,
            target: node(join.target)?,
            bidirectional: join.kind.is_undirected(),
        })
    }

    /// The edges that touch the node at `ordinal`, each once, as ordinals.
    pub(super) fn edges_of(&self, ordinal: u32) -> impl Iterator<Item = u32> {
        let out = self.adjacency.hops(ordinal, Side::Out).iter();
        // What can be followed from here as well as to here stands in both lists; a loop too.
        let into = self.adjacency.hops(ordinal, Side::In).iter();
        let only_in = into.filter(move |hop| !hop.is_undirected() && hop.node != ordinal);
        out.chain(only_in).map(|hop| hop.edge)
    }

    /// The edge of the same entity as `id` that stands in the way of a unique edge between these ends,
    /// among those that `counts` lets count.
    pub(super) fn connection(
        &self,
        id: &Id,
        ends: &Ends,
        counts: impl Fn(&Id) -> bool,
    ) -> Option<Id> {
        let source = self.nodes().ordinal(&ends.source)?;
        let target = self.nodes().ordinal(&ends.target)?;
        let wanted = |edge: &Id| edge.entity() == id.entity() && counts(edge);
        self.between(source, target, wanted)
            .or_else(|| ends.bidirectional.then(|| self.between(target, source, wanted)).flatten())
    }

    /// The first wanted edge that leads from `source` to `target`, found in the shorter of the two lists
    /// it stands in.
    fn between(&self, source: u32, target: u32, wanted: impl Fn(&Id) -> bool) -> Option<Id> {
        let out = self.adjacency.hops(source, Side::Out);
        let into = self.adjacency.hops(target, Side::In);
        let (hops, other) = if out.len() <= into.len() { (out, target) } else { (into, source) };
        let edges = self.table(Collection::Edge);
        hops.iter()
            .filter(|hop| hop.node == other)
            .filter_map(|hop| edges.id(hop.edge))
            .find(|edge| wanted(edge))
    }

    /// Makes ready for the changes of one batch. If the index is not held throughout, the states before
    /// are kept for the readers in between.
    fn begin(&mut self, is_held: bool) {
        self.settle_some(4 * HELD);
        self.history.begin(!is_held);
        let oldest = self.history.oldest().unwrap_or(u64::MAX);
        while self.parted.front().is_some_and(|(sequence, _)| *sequence <= oldest) {
            self.parted.pop_front();
        }
        self.reclaim();
        self.release_segments();
        self.ahead = !is_held;
    }

    /// Applies one change of the batch `sequence`; readers do not see it yet. Returns the document's ordinal.
    fn change(&mut self, sequence: u64, change: Change) -> Result<u32> {
        let Change { id, mut state, link } = change;
        state.sequence = sequence;
        let collection = id.collection();
        let ordinal = self.tables[collection as usize].intern(&id)?;
        let before = self.table(collection).row(ordinal).map(|row| row.state);
        let before = before.unwrap_or_default();
        if collection == Collection::Edge {
            if before.exists() && !state.exists() && self.history.is_keeping() {
                self.parted.push_back((sequence, ordinal));
            }
            match link {
                Some(link) if !before.exists() => self.join(&id, ordinal, &link.ends)?,
                None if before.exists() && !state.exists() && self.ahead => {
                    self.parting.push(ordinal);
                }
                None if before.exists() && !state.exists() => self.part(ordinal),
                // An edge keeps its ends for as long as it exists.
                _ => {}
            }
        }
        let Self { tables, history, usages, .. } = self;
        usages.lose(before.place);
        if state.exists() {
            usages.gain(state.place);
        }
        tables[collection as usize].set(ordinal, state, history);
        Ok(ordinal)
    }

    /// Applies some of the changes of a batch, whose first documents are noted as those that get `keys`.
    fn change_some(
        &mut self,
        sequence: u64,
        changes: impl Iterator<Item = Change>,
        keys: &KeyChanges,
        created: &mut Vec<Holder>,
    ) -> Result<()> {
        for change in changes {
            let collection = change.id.collection();
            let ordinal = self.change(sequence, change)?;
            if created.len() < keys.created.len() {
                created.push(self.holder(collection, ordinal));
            }
        }
        Ok(())
    }

    /// Applies the changes of a batch in one go, while the index is held.
    pub(super) fn apply(
        &mut self,
        sequence: u64,
        changes: Vec<Change>,
        keys: &KeyChanges,
    ) -> Result<()> {
        self.begin(true);
        let mut created = Vec::with_capacity(keys.created.len());
        self.change_some(sequence, changes.into_iter(), keys, &mut created)?;
        self.note_multikey(&keys.multikey);
        self.create_keys(sequence, keys, 0, &created);
        self.change_keys(sequence, keys, &keys.changes);
        self.sequence = sequence;
        Ok(())
    }

    /// Takes some edges that no reader sees any more out of the lists; `false` when none is left.
    fn part_some(&mut self, count: usize) -> bool {
        for _ in 0..count {
            let Some(ordinal) = self.parting.pop() else {
                self.ahead = false;
                return self.settle_some(count);
            };
            self.part(ordinal);
        }
        true
    }

    /// Moves documents to a segment that holds copies of their lines, unless they have changed meanwhile.
    pub(super) fn relocate(&mut self, moves: &[Move], slot: u32) {
        for &Move { collection, ordinal, from, to } in moves {
            let table = &mut self.tables[collection as usize];
            if let Some((from, to)) = table.relocate(ordinal, from, (slot, to)) {
                self.usages.lose(from);
                self.usages.gain(to);
            }
        }
    }

    /// Lets go of the segments in `slots`, which no present state names, once no reader needs them.
    pub(super) fn retire_segments(&mut self, slots: impl IntoIterator<Item = u32>) {
        // A batch that is being applied may have replaced states there; its readers are at the commit before.
        let last = self.sequence + u64::from(self.ahead);
        for slot in slots {
            *self.usages.entry(slot) = Usage::default();
            self.retired.push((slot, last));
        }
        self.release_segments();
    }

    fn release_segments(&mut self) {
        if self.retired.is_empty() {
            return;
        }
        let oldest =
            self.history.oldest().into_iter().chain(self.ahead.then_some(self.sequence)).min();
        let released = |&mut (_, last): &mut (u32, u64)| oldest.is_none_or(|oldest| oldest >= last);
        for (slot, _) in self.retired.extract_if(.., released) {
            Arc::make_mut(&mut self.segments).remove(slot);
        }
    }

    fn join(&mut self, id: &Id, ordinal: u32, ends: &Ends) -> Result<()> {
        let nodes = &mut self.tables[Collection::Node as usize];
        let (source, target) = (nodes.intern(&ends.source)?, nodes.intern(&ends.target)?);
        let kind = HopKind::new(id.entity_name(), ends.bidirectional);
        let join = Join { source, target, kind };
        if self.joins.len() <= ordinal as usize {
            self.joins.resize(ordinal as usize + 1);
        }
        if let Some(slot) = self.joins.get_mut(ordinal as usize) {
            *slot = join;
        }
        let edges = &self.tables[Collection::Edge as usize];
        for (node, side, hop) in join.hops(ordinal) {
            let compare = |hop: &Hop| {
                edges.id(hop.edge).map_or(std::cmp::Ordering::Less, |edge| edge.cmp_creation(id))
            };
            if !self.adjacency.insert(node, side, hop, compare) {
                return Err(Error::limit("graph has too many edges").with("limit", u32::MAX));
            }
        }
        Ok(())
    }

    fn part(&mut self, ordinal: u32) {
        if let Some(join) = self.joins.get(ordinal as usize).copied() {
            for (node, side, _) in join.hops(ordinal) {
                self.adjacency.remove(node, side, ordinal);
                if !self.adjacency.touches(node) {
                    self.tables[Collection::Node as usize].retire_absent(node);
                }
            }
        }
    }

    fn reclaim(&mut self) {
        let needed = self.tables.iter().any(Table::has_retired);
        if !needed || !self.history.is_idle() || Arc::strong_count(&self.pins) > 1 {
            return;
        }
        let Self { tables, adjacency, .. } = self;
        for collection in Collection::ALL {
            let is_node = collection == Collection::Node;
            tables[collection as usize].reclaim(|ordinal| is_node && adjacency.touches(ordinal));
        }
    }
}

/// Applies the changes of one batch; readers see none of it before it is [published](publish). The index is
/// held for a few documents at a time, so that nobody waits for a large batch.
///
/// # Errors
/// `Limit` when a collection has no ordinal left; the batch must not be published then.
pub(super) fn prepare(
    index: &RwLock<Index>,
    sequence: u64,
    changes: Vec<Change>,
    keys: &KeyChanges,
) -> Result<()> {
    index.write().begin(false);
    let indexes = index.read().secondary.len();
    let (in_order, created) = both(
        keys.count() >= PARALLEL_KEYS,
        || keys.in_order(indexes),
        || change_documents(index, sequence, changes, keys),
    );
    let created = created?;
    // Before the keys, so that nobody takes a document for one that has a single key.
    index.write().note_multikey(&keys.multikey);
    key_changes::change_keys(index, sequence, keys, &created, in_order);
    Ok(())
}

/// Applies the changes of documents; returns those that were created, as far as they get `keys`.
fn change_documents(
    index: &RwLock<Index>,
    sequence: u64,
    changes: Vec<Change>,
    keys: &KeyChanges,
) -> Result<Vec<Holder>> {
    let mut changes = changes.into_iter();
    let mut created = Vec::with_capacity(keys.created.len());
    while changes.len() > 0 {
        let some = changes.by_ref().take(HELD);
        index.write().change_some(sequence, some, keys, &mut created)?;
    }
    Ok(created)
}

/// Shows the batch that was prepared last to readers.
pub(super) fn publish(index: &RwLock<Index>, sequence: u64) {
    index.write().sequence = sequence;
    while index.write().part_some(HELD) {}
}

/// Applies the changes of one committed batch; readers see all of it or nothing.
///
/// # Errors
/// As [`prepare`].
pub(super) fn apply(
    index: &RwLock<Index>,
    sequence: u64,
    changes: Vec<Change>,
    keys: &KeyChanges,
) -> Result<()> {
    if changes.len() <= HELD || !can_be_prepared(&changes) {
        return index.write().apply(sequence, changes, keys);
    }
    prepare(index, sequence, changes, keys)?;
    publish(index, sequence);
    Ok(())
}

/// For how many documents the index is held: some microseconds.
pub(super) const HELD: usize = 32;

/// From how many new keys on they are put in order on a thread of their own.
const PARALLEL_KEYS: usize = 4096;

/// Whether readers can be kept from seeing changes that are applied but not published: not when an edge may
/// be taken away and made again with other ends.
pub(super) fn can_be_prepared(changes: &[Change]) -> bool {
    let edges = || changes.iter().filter(|change| change.id.collection() == Collection::Edge);
    !(edges().any(|change| !change.state.exists()) && edges().any(|change| change.link.is_some()))
}

impl Join {
    /// The edge at `ordinal` as seen from one of its ends.
    #[inline]
    const fn hop(self, ordinal: u32, side: Side) -> (u32, Hop) {
        let Self { source, target, kind } = self;
        let (node, other) = match side {
            Side::Out => (source, target),
            Side::In => (target, source),
        };
        (node, Hop { edge: ordinal, node: other, kind })
    }

    /// The lists that the edge at `ordinal` stands in: node, side, and the hop.
    fn hops(self, ordinal: u32) -> impl Iterator<Item = (u32, Side, Hop)> {
        let sides = [Side::Out, Side::In];
        let forward = sides.map(|side| (self.hop(ordinal, side), side));
        let backward = forward.map(|((node, hop), side)| (hop.mirrored(node), side));
        let has_mirror = self.kind.is_undirected() && self.source != self.target;
        let backward = backward.into_iter().filter(move |_| has_mirror);
        forward.into_iter().chain(backward).map(|((node, hop), side)| (node, side, hop))
    }
}

/// Does both, at the same time if `parallel` says so and there is a thread to be had.
fn both<A: Send, B>(
    parallel: bool,
    first: impl FnMut() -> A + Send,
    second: impl FnOnce() -> B,
) -> (A, B) {
    let first = Mutex::new(first);
    let run_first = || (first.lock())();
    if !parallel {
        return (run_first(), second());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("jvspatial-reader".to_owned());
        let Ok(thread) = thread.spawn_scoped(scope, run_first) else {
            return (run_first(), second());
        };
        let second = second();
        match thread.join() {
            Ok(first) => (first, second),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
