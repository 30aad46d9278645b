//! All that the JSON database keeps in memory: where documents are, and which edges touch which node.

mod adjacency;
mod history;
mod table;
mod usage;

use std::sync::Arc;

pub(super) use adjacency::{Adjacency, Hop, Side};
pub(super) use history::{History, Snapshot};
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
    joins: Vec<Join>,
    pub adjacency: Adjacency,
    pub history: History,
    /// The last commit applied.
    pub sequence: u64,
    /// How much of each segment is in use.
    pub usages: Usages,
    /// The segments that places point into.
    pub segments: Arc<Segments>,
    /// While somebody else holds this too, no ordinal is given to another document.
    pub pins: Arc<()>,
}

/// The ends of an edge as ordinals of nodes.
#[derive(Clone, Copy, Debug, Default)]
struct Join {
    source: u32,
    target: u32,
    undirected: bool,
}

/// One document's change, ready to be applied.
#[derive(Debug)]
pub(super) struct Change {
    pub id: Id,
    pub state: State,
    /// What a new edge joins.
    pub link: Option<Box<Link>>,
}

impl Index {
    pub(super) fn new(segments: Segments) -> Self {
        Self {
            tables: Default::default(),
            joins: Vec::new(),
            adjacency: Adjacency::default(),
            history: History::default(),
            sequence: 0,
            usages: Usages::default(),
            segments: Arc::new(segments),
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

    /// What the edge at `ordinal` joins.
    pub(super) fn ends(&self, ordinal: u32) -> Option<Ends> {
        let join = self.joins.get(ordinal as usize)?;
        let node = |ordinal| Some(self.nodes().record(ordinal)?.id.clone());
        Some(Ends {
            source: node(join.source)?,
            target: node(join.target)?,
            bidirectional: join.undirected,
        })
    }

    /// The edges that touch the node at `ordinal`, each once, as ordinals.
    pub(super) fn edges_of(&self, ordinal: u32) -> impl Iterator<Item = u32> {
        let out = self.adjacency.hops(ordinal, Side::Out).iter();
        // What can be followed from here as well as to here stands in both lists; a loop too.
        let into = self.adjacency.hops(ordinal, Side::In).iter();
        let only_in = into.filter(move |hop| !hop.undirected && hop.node != ordinal);
        out.chain(only_in).map(|hop| hop.edge)
    }

    /// The edge of the same entity as `id` that stands in the way of a unique edge between these ends,
    /// among those that `counts` lets count.
    pub(super) fn connection(
        &self,
        id: &Id,
        ends: &Ends,
        counts: impl Fn(&Id) -> bool,
    ) -> Option<&Id> {
        let source = self.nodes().ordinal(&ends.source)?;
        let target = self.nodes().ordinal(&ends.target)?;
        let wanted = |edge: &Id| edge.entity() == id.entity() && counts(edge);
        self.between(source, target, wanted)
            .or_else(|| ends.bidirectional.then(|| self.between(target, source, wanted)).flatten())
    }

    /// The first wanted edge that leads from `source` to `target`, found in the shorter of the two lists
    /// it stands in.
    fn between(&self, source: u32, target: u32, wanted: impl Fn(&Id) -> bool) -> Option<&Id> {
        let out = self.adjacency.hops(source, Side::Out);
        let into = self.adjacency.hops(target, Side::In);
        let (hops, other) = if out.len() <= into.len() { (out, target) } else { (into, source) };
        let edges = self.table(Collection::Edge);
        hops.iter()
            .filter(|hop| hop.node == other)
            .filter_map(|hop| Some(&edges.record(hop.edge)?.id))
            .find(|edge| wanted(edge))
    }

    /// Applies the changes of one committed batch; readers see all of it or nothing, because the caller
    /// holds the index for writing throughout.
    ///
    /// # Errors
    /// `Limit` when a collection has no ordinal left.
    pub(super) fn apply(&mut self, sequence: u64, changes: Vec<Change>) -> Result<()> {
        self.history.begin();
        self.reclaim();
        for Change { id, mut state, link } in changes {
            state.sequence = sequence;
            let collection = id.collection();
            let ordinal = self.tables[collection as usize].intern(&id)?;
            if collection == Collection::Edge {
                let existed =
                    self.table(collection).record(ordinal).is_some_and(|edge| edge.state.exists());
                match link {
                    Some(link) if !existed => self.join(&id, ordinal, &link.ends)?,
                    None if existed && !state.exists() => self.part(ordinal),
                    // An edge keeps its ends for as long as it exists.
                    _ => {}
                }
            }
            let Self { tables, history, usages, .. } = self;
            let table = &mut tables[collection as usize];
            usages.lose(table.record(ordinal).map(|record| record.state.place).unwrap_or_default());
            if state.exists() {
                usages.gain(state.place);
            }
            table.set(ordinal, state, history);
        }
        self.sequence = sequence;
        Ok(())
    }

    fn join(&mut self, id: &Id, ordinal: u32, ends: &Ends) -> Result<()> {
        let nodes = &mut self.tables[Collection::Node as usize];
        let (source, target) = (nodes.intern(&ends.source)?, nodes.intern(&ends.target)?);
        let join = Join { source, target, undirected: ends.bidirectional };
        if self.joins.len() <= ordinal as usize {
            self.joins.resize(ordinal as usize + 1, Join::default());
        }
        if let Some(slot) = self.joins.get_mut(ordinal as usize) {
            *slot = join;
        }
        let entity = id.entity_name().map_or(Hop::UNNAMED, |name| name.number());
        let edges = &self.tables[Collection::Edge as usize];
        for (node, side, other) in join.hops() {
            let hop = Hop { edge: ordinal, node: other, entity, undirected: join.undirected };
            let compare = |hop: &Hop| {
                edges
                    .record(hop.edge)
                    .map_or(std::cmp::Ordering::Less, |edge| edge.id.cmp_creation(id))
            };
            if !self.adjacency.insert(node, side, hop, compare) {
                return Err(Error::limit("graph has too many edges").with("limit", u32::MAX));
            }
        }
        Ok(())
    }

    fn part(&mut self, ordinal: u32) {
        if let Some(join) = self.joins.get(ordinal as usize).copied() {
            for (node, side, _) in join.hops() {
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

impl Join {
    /// The lists that the edge stands in: node, side, and the node at the other end.
    fn hops(self) -> impl Iterator<Item = (u32, Side, u32)> {
        let Self { source, target, undirected } = self;
        let forward = [(source, Side::Out, target), (target, Side::In, source)];
        let backward = [(target, Side::Out, source), (source, Side::In, target)];
        // A loop is its own mirror image.
        let backward = backward.into_iter().filter(move |_| undirected && source != target);
        forward.into_iter().chain(backward)
    }
}
