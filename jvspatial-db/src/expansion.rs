//! A step from nodes along their edges.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::document::Ends;
use crate::entity_name::EntityName;
use crate::filter::Filter;
use crate::id::{Handle, Id};

/// Which way edges are followed from a node. An undirected edge is followed from either end in
/// every direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From source to target.
    Out,
    /// From target to source.
    In,
    /// Either way; an edge that qualifies both ways is followed once.
    Both,
}

/// A set of entity types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EntitySet {
    /// Every type.
    #[default]
    Any,
    /// One type.
    One(EntityName),
    /// Several types.
    Several(Arc<[EntityName]>),
}

impl EntitySet {
    /// Whether the type of the document `id` is in the set.
    pub fn contains(&self, id: &Id) -> bool {
        match self {
            Self::Any => true,
            Self::One(name) => id.is_entity(*name),
            Self::Several(names) => names.iter().any(|name| id.is_entity(*name)),
        }
    }
}

/// Which edges to follow from a node and which of the nodes behind them to keep.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Expansion {
    /// Which way.
    pub direction: Direction,
    /// The types of the edges to follow. Default: any.
    pub edges: EntitySet,
    /// What an edge's document must look like. Default: anything; then no edge is read.
    pub edge_filter: Filter,
    /// The types of the nodes to keep. Default: any.
    pub nodes: EntitySet,
    /// Whether the answer names the edges. Default: no, which saves looking them up.
    pub with_edges: bool,
    /// Whether nodes that do not exist may be in the answer, for a caller who reads them next and sees it then.
    /// Default: no; a backend behind a network then asks once more.
    pub may_dangle: bool,
    /// How many neighbours the answer has at most, so that those of a hub come page by page. Default: all of them are in it.
    ///
    /// An answer with fewer is the last one. The last neighbour of an answer with as many names its edge, also without
    /// [`with_edges`](Self::with_edges), and [`place_after`](Self::place_after) is where the next one begins.
    pub limit: Option<usize>,
    /// Where the answer begins. Default: with the first edge of the first node.
    pub after: Option<Place>,
}

/// A place in the neighbours of a list of nodes: right behind one of the edges. It stays one when the edge is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The place in the list of start nodes of the one that the edge was followed from.
    pub origin: u32,
    /// The edge.
    pub edge: Id,
}

impl Place {
    /// The place behind `edge`, followed from the start node at `origin`.
    pub const fn new(origin: u32, edge: Id) -> Self {
        Self { origin, edge }
    }

    /// Where to begin with the start node at `origin`: behind the edge, at its first one, or not at all.
    pub(crate) fn begin(this: Option<&Self>, origin: u32) -> Begin<'_> {
        match this.map(|place| (place.origin.cmp(&origin), &place.edge)) {
            None | Some((Ordering::Less, _)) => Begin::First,
            Some((Ordering::Equal, edge)) => Begin::Behind(edge),
            Some((Ordering::Greater, _)) => Begin::Nowhere,
        }
    }
}

/// Where to begin with the edges of one start node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin<'a> {
    First,
    Behind(&'a Id),
    Nowhere,
}

#[cfg(feature = "json")]
impl Begin<'_> {
    /// Whether `edge` comes after it.
    pub(crate) fn is_before(self, edge: &Id) -> bool {
        match self {
            Self::First => true,
            Self::Behind(last) => last.cmp_creation(edge).is_lt(),
            Self::Nowhere => false,
        }
    }
}

impl Expansion {
    /// All edges in `direction`, to all nodes.
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            edges: EntitySet::Any,
            edge_filter: Filter::all(),
            nodes: EntitySet::Any,
            with_edges: false,
            may_dangle: false,
            limit: None,
            after: None,
        }
    }

    /// Takes the edges out of an answer that names them all though this does not ask for it. That by which
    /// [`place_after`](Self::place_after) finds the next answer stays.
    pub fn hide_edges(&self, found: &mut [Adjacent]) {
        if self.with_edges {
            return;
        }
        let is_full = self.limit.is_some_and(|limit| found.len() >= limit);
        let hidden = found.len().saturating_sub(usize::from(is_full));
        found.iter_mut().take(hidden).for_each(|found| found.edge = None);
    }

    /// Where the answer after `found` begins; `None` when `found` is the end.
    pub fn place_after(&self, found: &[Adjacent]) -> Option<Place> {
        let last = found.last().filter(|_| self.limit.is_some_and(|limit| found.len() >= limit))?;
        Some(Place::new(last.origin, last.edge.as_ref()?.id().clone()))
    }
}

impl Ends {
    /// The node that the edge leads to from `start`.
    pub(crate) fn follow(&self, start: &Id, direction: Direction) -> Option<&Id> {
        let forward = direction != Direction::In || self.bidirectional;
        let backward = direction != Direction::Out || self.bidirectional;
        if forward && self.source == *start {
            Some(&self.target)
        } else if backward && self.target == *start {
            Some(&self.source)
        } else {
            None
        }
    }
}

/// A node reached by an [`Expansion`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Adjacent {
    /// The place in the list of start nodes of the one that this node was reached from.
    pub origin: u32,
    /// The edge, when the expansion asked for it, or when an answer with a limit ends here.
    pub edge: Option<Handle>,
    /// The node.
    pub node: Handle,
}

impl Adjacent {
    /// A node reached from the start node at `origin`.
    pub const fn new(origin: u32, edge: Option<Handle>, node: Handle) -> Self {
        Self { origin, edge, node }
    }
}
