//! The ends of edges while the journal is being read: an edge may come before its nodes, or outlive them.

use super::array::Array;
use super::runs::{Key, Kind, id_of, keyed};
use super::table::Table;
use super::{HopKind, Join, both};
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::id::{Collection, Id};

/// The ends of an edge as its line names them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::json) struct EndIds {
    pub source: Id,
    pub target: Id,
}

/// What an edge's line says of the edge; plain numbers, so that it is made where it is to stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::json) struct NewEdge {
    /// Kinds and keys of source and target.
    kinds: [Kind; 2],
    keys: [Key; 2],
    kind: HopKind,
    /// [`KEYED`], [`GONE`], or the place of the ends' ids.
    named: u32,
}

/// In the place of a place: source and target are ids of these kinds with generated keys.
const KEYED: u32 = u32::MAX;

/// In the place of a place: the edge is gone.
const GONE: u32 = u32::MAX - 1;

/// Edges on their way into the index.
#[derive(Debug, Default)]
pub(in crate::json) struct NewEdges {
    edges: Vec<NewEdge>,
    /// The ends that are no generated keys.
    named: Vec<EndIds>,
}

impl NewEdges {
    /// Adds an edge between ids of these kinds with generated keys.
    ///
    /// Inlined wherever it is called, for what [`NewEdge`] says.
    #[inline(always)]
    pub(in crate::json) fn push_keyed(&mut self, kinds: [Kind; 2], keys: [Key; 2], kind: HopKind) {
        self.edges.push(NewEdge { kinds, keys, kind, named: KEYED });
    }

    pub(in crate::json) fn push(&mut self, ends: EndIds, kind: HopKind) {
        if let (Some(source), Some(target)) = (keyed(&ends.source), keyed(&ends.target)) {
            self.push_keyed([source.0, target.0], [source.1, target.1], kind);
            return;
        }
        self.push_other(self.named.len() as u32, kind);
        self.named.push(ends);
    }

    /// Adds an edge that is gone.
    pub(in crate::json) fn push_gone(&mut self) {
        self.push_other(GONE, HopKind::default());
    }

    fn push_other(&mut self, named: u32, kind: HopKind) {
        let kinds = [(Collection::Node, EntityName::from_number(0)); 2];
        self.edges.push(NewEdge { kinds, keys: [Key::default(); 2], kind, named });
    }

    /// Drops the edges from `len` on.
    pub(in crate::json) fn truncate(&mut self, len: usize) {
        self.edges.truncate(len);
    }

    pub(super) fn clear(&mut self) {
        self.edges.clear();
        self.named.clear();
    }

    pub(in crate::json) fn iter(&self) -> impl Iterator<Item = &NewEdge> {
        self.edges.iter()
    }

    /// The ids of an edge's ends, unless it is gone.
    pub(in crate::json) fn ends(&self, edge: &NewEdge) -> Option<EndIds> {
        let [source, target] = edge.kinds;
        match edge.named {
            KEYED => Some(EndIds {
                source: id_of(source, edge.keys[0]),
                target: id_of(target, edge.keys[1]),
            }),
            place => self.named.get(place as usize).cloned(),
        }
    }
}

/// The ends of all edges, by the edges' ordinals.
///
/// Ends that got their ordinals in a run are kept as these ordinals, the others by their ids.
#[derive(Debug, Default)]
pub(super) struct Ends {
    joins: Array<Join>,
    /// How many there may be.
    most: usize,
    has_strays: bool,
    /// The run of the last source: edges of one node are often made together.
    near: usize,
    named: Vec<EndIds>,
    /// Places among them to be used again.
    free: Vec<u32>,
}

/// In the place of a source: the target is the place of the ids.
const NAMED: u32 = u32::MAX - 1;

/// In the place of both ends: the edge is gone.
pub(super) const NOWHERE: u32 = u32::MAX;

impl Ends {
    /// For so many edges at most.
    pub(super) fn of(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.joins.len()
    }

    /// Whether the ordinal of any edge does not say when it was made.
    pub(super) const fn has_strays(&self) -> bool {
        self.has_strays
    }

    /// Whether the ordinal of an edge does not say when it was made.
    pub(super) fn is_stray(&self, ordinal: u32) -> bool {
        self.joins.get(ordinal as usize).is_some_and(|join| join.kind.is_stray())
    }

    /// Adds edges at the next ordinals.
    pub(super) fn extend(&mut self, edges: &NewEdges, nodes: &Table) {
        /// Copying one by one would cost a call each.
        const BLOCK: usize = 64;
        self.joins.expect(self.most);
        let mut block = [Join::default(); BLOCK];
        for some in edges.edges.chunks(BLOCK) {
            for (join, edge) in block.iter_mut().zip(some) {
                *join = self.join(edge, edges, nodes);
            }
            self.joins.extend(block.get(..some.len()).unwrap_or_default());
        }
    }

    /// Sets the ends of the edge at `ordinal`, which is at most one beyond all before.
    pub(super) fn set(
        &mut self,
        ordinal: usize,
        edge: &NewEdge,
        edges: &NewEdges,
        stray: bool,
        nodes: &Table,
    ) {
        let before = self.joins.get(ordinal).filter(|join| join.source == NAMED);
        self.free.extend(before.map(|join| join.target));
        let join = self.join(edge, edges, nodes);
        self.has_strays |= stray;
        let join = Join { kind: join.kind.stray(stray), ..join };
        match self.joins.get_mut(ordinal) {
            Some(known) => *known = join,
            None => {
                self.joins.expect(self.most);
                self.joins.push(&join);
            }
        }
    }

    /// The ends of `edge`, one of `edges`.
    #[inline]
    fn join(&mut self, edge: &NewEdge, edges: &NewEdges, nodes: &Table) -> Join {
        let NewEdge { kinds: [source, target], keys, kind, named } = *edge;
        let found = match named {
            KEYED => {
                let found = nodes.runs.find_key_near(source, keys[0], &mut self.near);
                found.zip(nodes.runs.find_key(target, keys[1]))
            }
            _ => None,
        };
        let (source, target) = found.unwrap_or_else(|| match edges.ends(edge) {
            Some(ends) => (NAMED, self.name(ends)),
            None => (NOWHERE, NOWHERE),
        });
        Join { source, target, kind }
    }

    fn name(&mut self, ends: EndIds) -> u32 {
        match self.free.pop().and_then(|place| Some((place, self.named.get_mut(place as usize)?))) {
            Some((place, known)) => {
                *known = ends;
                place
            }
            None => {
                self.named.push(ends);
                // There are fewer edges than `NAMED`.
                (self.named.len() - 1) as u32
            }
        }
    }

    /// The ordinals of all ends. One that has no document gets an ordinal as well.
    ///
    /// `released` says which ordinals of nodes may have changed hands.
    pub(super) fn resolve(
        mut self,
        nodes: &mut Table,
        released: &[bool],
        parallel: bool,
    ) -> Result<Array<Join>> {
        self.doubt(nodes, released);
        let Self { mut joins, named, .. } = self;
        if named.is_empty() {
            return Ok(joins);
        }
        let is_named = |join: &&mut Join| join.source == NAMED;
        let places: Vec<u32> = joins.iter_mut().filter(is_named).map(|join| join.target).collect();
        let (first, last) = places.split_at(if parallel { places.len() / 2 } else { 0 });
        let (first, last) =
            both(parallel, || find(nodes, &named, first), || find(nodes, &named, last));
        let found = first.into_iter().chain(last);
        for (join, (source, target)) in joins.iter_mut().filter(is_named).zip(found) {
            if let Some(ids) = named.get(join.target as usize) {
                join.source = if source == NOWHERE { nodes.intern(&ids.source)? } else { source };
                join.target = if target == NOWHERE { nodes.intern(&ids.target)? } else { target };
            }
        }
        Ok(joins)
    }

    /// Goes back from ordinals to ids where an ordinal may have changed hands.
    fn doubt(&mut self, nodes: &Table, released: &[bool]) {
        if released.is_empty() {
            return;
        }
        let in_doubt = |ordinal: u32| released.get(ordinal as usize).copied().unwrap_or_default();
        for edge in 0..self.joins.len() {
            let Some(&Join { source, target, .. }) = self.joins.get(edge) else { return };
            if !in_doubt(source) && !in_doubt(target) {
                continue;
            }
            if let (Some(source), Some(target)) = (nodes.runs.id(source), nodes.runs.id(target)) {
                let place = self.name(EndIds { source, target });
                if let Some(join) = self.joins.get_mut(edge) {
                    (join.source, join.target) = (NAMED, place);
                }
            }
        }
    }
}

/// Looks up the ends at these places.
fn find(nodes: &Table, named: &[EndIds], places: &[u32]) -> Vec<(u32, u32)> {
    /// So many look-ups are under way at once: each is a wait for memory, and the waits overlap.
    const BLOCK: usize = 64;
    let mut found = Vec::with_capacity(places.len());
    let mut searched = Vec::with_capacity(BLOCK);
    for places in places.chunks(BLOCK) {
        searched.clear();
        let ids = places.iter().filter_map(|place| named.get(*place as usize));
        let tags = ids.map(|ids| (ids, nodes.seed.tag(&ids.source), nodes.seed.tag(&ids.target)));
        searched.extend(tags.map(|(ids, source, target)| {
            let candidate = |tag| nodes.ordinals.candidate(tag).unwrap_or(NOWHERE);
            (ids, source, candidate(source), target, candidate(target))
        }));
        found.extend(searched.iter().map(|(ids, source, first, target, last)| {
            let source = nodes.ordinal_at(&ids.source, *source, *first);
            let target = nodes.ordinal_at(&ids.target, *target, *last);
            (source.unwrap_or(NOWHERE), target.unwrap_or(NOWHERE))
        }));
    }
    found
}
