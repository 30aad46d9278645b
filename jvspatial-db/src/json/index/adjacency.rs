//! Which edges touch which node: two lists for each node, in the order in which the edges were made.

mod collect;

use std::cmp::Ordering;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::array::Array;
use crate::entity_name::EntityName;

pub(in crate::json) use collect::Pair;

/// One edge as seen from one of its ends.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(in crate::json) struct Hop {
    /// The ordinal of the edge.
    pub edge: u32,
    /// The ordinal of the node at the other end.
    pub node: u32,
    pub kind: HopKind,
}

/// What is known of an edge besides its ends.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(in crate::json) struct HopKind {
    entity: u16,
    flags: u16,
}

impl HopKind {
    /// In the place of the number: the edge's entity name is not interned, and its id has it.
    const UNNAMED: u16 = u16::MAX;

    /// Set if the edge can be followed from either end, so that it stands in both lists of both ends.
    const UNDIRECTED: u16 = 1;

    /// Set while the journal is being read if the edge's ordinal does not say when it was made.
    const STRAY: u16 = 2;

    #[inline]
    pub(in crate::json) fn new(entity: Option<EntityName>, undirected: bool) -> Self {
        let entity = entity.map_or(Self::UNNAMED, EntityName::number);
        Self { entity, flags: if undirected { Self::UNDIRECTED } else { 0 } }
    }

    #[inline]
    pub(super) const fn stray(self, stray: bool) -> Self {
        let flags = self.flags & !Self::STRAY;
        Self { flags: if stray { flags | Self::STRAY } else { flags }, ..self }
    }

    pub(super) const fn is_stray(self) -> bool {
        self.flags & Self::STRAY != 0
    }

    #[inline]
    pub(in crate::json) const fn is_undirected(self) -> bool {
        self.flags & Self::UNDIRECTED != 0
    }

    /// How many bits a mark has.
    const MARK_BITS: u32 = 13;

    /// With a mark in what is left of the flags.
    const fn marked(self, mark: u16) -> Self {
        Self { flags: self.flags | mark << 2, ..self }
    }

    const fn mark(self) -> u16 {
        self.flags >> 2
    }

    const fn unmarked(self) -> Self {
        Self { flags: self.flags & (Self::UNDIRECTED | Self::STRAY), ..self }
    }

    /// The number of the edge's entity name; `None` when it has none, so that the edge's id must tell.
    #[inline]
    pub(in crate::json) fn entity(self) -> Option<u16> {
        Some(self.entity).filter(|entity| *entity != Self::UNNAMED)
    }
}

impl Hop {
    /// Whether the edge can be followed from either end.
    #[inline]
    pub(in crate::json) const fn is_undirected(&self) -> bool {
        self.kind.is_undirected()
    }

    /// Whether the edge can be followed back to `node`; a loop is its own mirror image.
    const fn has_mirror_from(&self, node: u32) -> bool {
        self.is_undirected() && self.node != node
    }

    /// The node at the other end, and the hop from there to `node`.
    #[inline]
    pub(super) const fn mirrored(self, node: u32) -> (u32, Self) {
        (self.node, Self { node, ..self })
    }
}

/// Which of a node's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::json) enum Side {
    /// Edges to follow from the node.
    Out,
    /// Edges that lead to it.
    In,
}

/// The lists of all nodes.
#[derive(Debug, Default)]
pub(in crate::json) struct Adjacency {
    sides: [Lists; 2],
}

/// The lists of one side, by the nodes' ordinals.
///
/// Lists are slices of one pool, so that reading a node's neighbours touches one or two cache lines.
/// Blocks are as large as the lists found when the store was opened; a list that grows moves to one of
/// a power of two, so growing it never touches another.
#[derive(Debug, Default)]
pub(in crate::json) struct Lists {
    nodes: Array<List>,
    pool: Array<Hop>,
    /// Starts of free blocks by the logarithm of their size, rounded down.
    free: [Vec<u32>; 32],
}

#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct List {
    start: u32,
    len: u32,
    /// The size of its block; zero when it has none.
    room: u32,
}

/// The smallest block: most nodes have a few edges, and four hops are less than a cache line.
const SMALLEST_CLASS: u32 = 2;

impl Adjacency {
    #[inline]
    pub(in crate::json) fn hops(&self, node: u32, side: Side) -> &[Hop] {
        self.sides[side as usize].hops(node)
    }

    pub(in crate::json) fn touches(&self, node: u32) -> bool {
        self.sides
            .iter()
            .any(|lists| lists.nodes.get(node as usize).is_some_and(|list| list.len > 0))
    }

    /// Adds `hop` to a list, before the hops that `compare` says come after it.
    ///
    /// Returns `false` when the pool is full, at 2³² hops.
    #[must_use]
    pub(in crate::json) fn insert(
        &mut self,
        node: u32,
        side: Side,
        hop: Hop,
        compare: impl FnMut(&Hop) -> Ordering,
    ) -> bool {
        self.sides[side as usize].insert(node, hop, compare).is_some()
    }

    /// Removes the hop over `edge` from a list.
    pub(in crate::json) fn remove(&mut self, node: u32, side: Side, edge: u32) {
        self.sides[side as usize].remove(node, edge);
    }
}

impl Lists {
    #[inline]
    fn hops(&self, node: u32) -> &[Hop] {
        let list = self.nodes.get(node as usize).copied().unwrap_or_default();
        self.pool
            .get(list.start as usize..list.start as usize + list.len as usize)
            .unwrap_or_default()
    }

    fn insert(
        &mut self,
        node: u32,
        hop: Hop,
        mut compare: impl FnMut(&Hop) -> Ordering,
    ) -> Option<()> {
        let hops = self.hops(node);
        // Edges come in the order of their creation nearly always.
        let position = match hops.last() {
            Some(last) if compare(last) == Ordering::Greater => {
                hops.partition_point(|other| compare(other) != Ordering::Greater)
            }
            _ => hops.len(),
        };
        let start = self.grow(node)?;
        let list = self.nodes.get_mut(node as usize)?;
        list.len += 1;
        let end = start as usize + list.len as usize;
        let block = self.pool.get_mut(start as usize + position..end)?;
        block.rotate_right(1);
        *block.first_mut()? = hop;
        Some(())
    }

    fn remove(&mut self, node: u32, edge: u32) {
        let Some(position) = self.hops(node).iter().position(|hop| hop.edge == edge) else {
            return;
        };
        let Some(list) = self.nodes.get_mut(node as usize) else { return };
        let (start, end) =
            (list.start as usize + position, list.start as usize + list.len as usize);
        if let Some(rest) = self.pool.get_mut(start..end) {
            rest.rotate_left(1);
        }
        list.len -= 1;
        if list.len == 0 {
            let freed = std::mem::take(list);
            self.release(freed);
        }
    }

    /// Makes room for one more hop; returns the start of the list.
    fn grow(&mut self, node: u32) -> Option<u32> {
        if self.nodes.len() <= node as usize {
            self.nodes.resize(node as usize + 1);
        }
        let list = *self.nodes.get(node as usize)?;
        if list.len < list.room {
            return Some(list.start);
        }
        let class = (list.len + 1).next_power_of_two().ilog2().max(SMALLEST_CLASS);
        let start = self.allocate(class)?;
        let old = list.start as usize..list.start as usize + list.len as usize;
        self.pool.copy_within(old, start as usize);
        self.release(list);
        *self.nodes.get_mut(node as usize)? = List { start, len: list.len, room: 1 << class };
        Some(start)
    }

    /// Frees the block of a list. One that is smaller than all others is of no use any more.
    fn release(&mut self, list: List) {
        if let Some(class) = list.room.checked_ilog2().filter(|class| *class >= SMALLEST_CLASS) {
            self.free[class as usize].push(list.start);
        }
    }

    fn allocate(&mut self, class: u32) -> Option<u32> {
        if let Some(start) = self.free.get_mut(class as usize)?.pop() {
            return Some(start);
        }
        let start = u32::try_from(self.pool.len()).ok()?;
        let end = self.pool.len() + (1_usize << class);
        u32::try_from(end).ok()?;
        self.pool.resize(end);
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(edge: u32) -> Hop {
        Hop { edge, node: edge + 100, kind: HopKind::default() }
    }

    fn edges(adjacency: &Adjacency, node: u32) -> Vec<u32> {
        adjacency.hops(node, Side::Out).iter().map(|hop| hop.edge).collect()
    }

    fn insert(adjacency: &mut Adjacency, node: u32, edge: u32) {
        assert!(adjacency.insert(node, Side::Out, hop(edge), |other| other.edge.cmp(&edge)));
    }

    #[test]
    fn hops_stay_in_order_however_they_arrive() {
        let mut adjacency = Adjacency::default();
        for edge in [5, 9, 1, 7, 3, 8, 2, 6, 4, 0] {
            insert(&mut adjacency, 3, edge);
            insert(&mut adjacency, 0, edge);
        }
        assert_eq!(edges(&adjacency, 3), (0..10).collect::<Vec<_>>());
        assert_eq!(edges(&adjacency, 0), (0..10).collect::<Vec<_>>());
        assert_eq!(adjacency.hops(3, Side::In), &[]);
    }

    #[test]
    fn removing_keeps_the_order_and_reuses_the_block() {
        let mut adjacency = Adjacency::default();
        for edge in 0..20 {
            insert(&mut adjacency, 1, edge);
        }
        for edge in [0, 19, 7] {
            adjacency.remove(1, Side::Out, edge);
        }
        adjacency.remove(1, Side::Out, 77);
        let left: Vec<u32> = (1..19).filter(|&edge| edge != 7).collect();
        assert_eq!(edges(&adjacency, 1), left);
        for edge in left {
            adjacency.remove(1, Side::Out, edge);
        }
        assert!(!adjacency.touches(1));
        let pool = adjacency.sides[0].pool.len();
        for edge in 0..20 {
            insert(&mut adjacency, 2, edge);
        }
        assert_eq!(adjacency.sides[0].pool.len(), pool);
    }

    #[test]
    fn lists_made_at_once_are_those_made_hop_by_hop_and_grow_as_they_do() {
        let all: Vec<(u32, Hop)> = (0..500).map(|edge| (edge * 7 % 31 % 13, hop(edge))).collect();
        let hops = |range: std::ops::Range<usize>| all[range].iter().map(|hop| [*hop; 2]);
        let mut at_once = Adjacency::collect(20, all.len(), hops, false).unwrap();
        let by_two = Adjacency::collect(20, all.len(), hops, true).unwrap();
        for node in 0..20 {
            assert_eq!(edges(&at_once, node), edges(&by_two, node), "node {node}");
            let into = |adjacency: &Adjacency| adjacency.hops(node, Side::In).to_vec();
            assert_eq!(into(&at_once), into(&by_two), "node {node}");
        }
        let mut one_by_one = Adjacency::default();
        for (node, hop) in &all {
            insert(&mut one_by_one, *node, hop.edge);
        }
        for edge in 500..700 {
            for node in [edge % 13, 19] {
                insert(&mut at_once, node, edge);
                insert(&mut one_by_one, node, edge);
            }
            for adjacency in [&mut at_once, &mut one_by_one] {
                adjacency.remove(edge * 7 % 31 % 13, Side::Out, edge - 450);
            }
        }
        for node in 0..21 {
            assert_eq!(edges(&at_once, node), edges(&one_by_one, node), "node {node}");
        }
    }
}
