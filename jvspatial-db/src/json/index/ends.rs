//! The ends of edges while the journal is being read: an edge may come before its nodes, or outlive them.

use super::array::Array;
use super::runs::{Key, Kind, id_of};
use super::table::Table;
use super::{HopKind, Join, both};
use crate::error::Result;
use crate::id::Id;

/// The ends of an edge as its line names them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::json) struct EndIds {
    pub source: Id,
    pub target: Id,
}

/// What an edge's line says of the edge.
#[derive(Debug, PartialEq)]
pub(in crate::json) struct NewEdge {
    /// None when the edge is gone.
    pub ends: Option<NewEnds>,
    pub kind: HopKind,
}

/// The ends of an edge on their way into the index.
#[derive(Debug, PartialEq)]
pub(in crate::json) enum NewEnds {
    Ids(EndIds),
    /// Source and target are ids of these kinds with generated keys.
    Keys([Kind; 2], [Key; 2]),
}

impl NewEdge {
    /// What a tombstone says.
    pub(in crate::json) fn gone() -> Self {
        Self { ends: None, kind: HopKind::default() }
    }
}

impl From<&NewEnds> for EndIds {
    fn from(ends: &NewEnds) -> Self {
        match ends {
            NewEnds::Ids(ids) => ids.clone(),
            NewEnds::Keys(kinds, keys) => {
                Self { source: id_of(kinds[0], keys[0]), target: id_of(kinds[1], keys[1]) }
            }
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

    /// Adds an edge at the next ordinal.
    #[inline]
    pub(super) fn push(&mut self, edge: &NewEdge, nodes: &Table) {
        let join = self.join(edge, nodes);
        self.joins.expect(self.most);
        self.joins.push(&join);
    }

    /// Sets the ends of the edge at `ordinal`, which is at most one beyond all before.
    pub(super) fn set(&mut self, ordinal: usize, edge: &NewEdge, stray: bool, nodes: &Table) {
        if ordinal == self.joins.len() {
            self.push(edge, nodes);
        } else {
            let before = self.joins.get(ordinal).filter(|join| join.source == NAMED);
            self.free.extend(before.map(|join| join.target));
            let join = self.join(edge, nodes);
            if let Some(known) = self.joins.get_mut(ordinal) {
                *known = join;
            }
        }
        self.has_strays |= stray;
        if let Some(join) = self.joins.get_mut(ordinal) {
            join.kind = join.kind.stray(stray);
        }
    }

    #[inline]
    fn join(&mut self, edge: &NewEdge, nodes: &Table) -> Join {
        let NewEdge { ends, kind } = edge;
        let found = match ends {
            None => Some((NOWHERE, NOWHERE)),
            Some(NewEnds::Ids(ends)) => {
                nodes.runs.find(&ends.source).zip(nodes.runs.find(&ends.target))
            }
            Some(NewEnds::Keys(kinds, keys)) => {
                let [source, target] = *kinds;
                let found = nodes.runs.find_key_near(source, keys[0], &mut self.near);
                found.zip(nodes.runs.find_key(target, keys[1]))
            }
        };
        let (source, target) = match (found, ends) {
            (None, Some(ends)) => (NAMED, self.name(EndIds::from(ends))),
            (found, _) => found.unwrap_or((NOWHERE, NOWHERE)),
        };
        Join { source, target, kind: *kind }
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
