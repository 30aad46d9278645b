//! Which edges touch which node: two lists for each node, in the order in which the edges were made.

use std::cmp::Ordering;

/// One edge as seen from one of its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::json) struct Hop {
    /// The ordinal of the edge.
    pub edge: u32,
    /// The ordinal of the node at the other end.
    pub node: u32,
    /// The number of the edge's entity name; [`Hop::UNNAMED`] when it has none.
    pub entity: u16,
    /// Whether the edge can be followed from either end, so that it stands in both lists of both ends.
    pub undirected: bool,
}

impl Hop {
    /// The edge's entity name is not interned; the edge's id has it.
    pub(in crate::json) const UNNAMED: u16 = u16::MAX;
}

/// Which of a node's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::json) enum Side {
    /// Edges to follow from the node.
    Out,
    /// Edges that lead to it.
    In,
}

/// The lists of all nodes, by the nodes' ordinals.
///
/// Lists are slices of one pool in blocks of a power of two, so that reading a node's neighbours
/// touches one or two cache lines and growing a list never touches another.
#[derive(Debug, Default)]
pub(in crate::json) struct Adjacency {
    nodes: Vec<[List; 2]>,
    pool: Vec<Hop>,
    /// Starts of free blocks by the logarithm of their size.
    free: [Vec<u32>; 32],
}

#[derive(Clone, Copy, Debug, Default)]
struct List {
    start: u32,
    len: u32,
    /// The logarithm of the block's size; meaningless when `len` never was above 0.
    class: u8,
    allocated: bool,
}

/// The smallest block: most nodes have a few edges, and four hops are less than a cache line.
const SMALLEST_CLASS: u8 = 2;

impl Adjacency {
    pub(in crate::json) fn hops(&self, node: u32, side: Side) -> &[Hop] {
        let list = self.nodes.get(node as usize).map(|lists| lists[side as usize]);
        let list = list.unwrap_or_default();
        self.pool
            .get(list.start as usize..list.start as usize + list.len as usize)
            .unwrap_or_default()
    }

    pub(in crate::json) fn touches(&self, node: u32) -> bool {
        self.nodes.get(node as usize).is_some_and(|lists| lists.iter().any(|list| list.len > 0))
    }

    /// Adds `hop` to a list, before the hops that `later` says come after it.
    ///
    /// Returns `false` when the pool is full, at 2³² hops.
    #[must_use]
    pub(in crate::json) fn insert(
        &mut self,
        node: u32,
        side: Side,
        hop: Hop,
        mut compare: impl FnMut(&Hop) -> Ordering,
    ) -> bool {
        let hops = self.hops(node, side);
        // Edges come in the order of their creation nearly always.
        let position = match hops.last() {
            Some(last) if compare(last) == Ordering::Greater => {
                hops.partition_point(|other| compare(other) != Ordering::Greater)
            }
            _ => hops.len(),
        };
        let Some(start) = self.grow(node, side) else { return false };
        let Some(lists) = self.nodes.get_mut(node as usize) else { return false };
        let list = &mut lists[side as usize];
        list.len += 1;
        let end = start as usize + list.len as usize;
        if let Some(block) = self.pool.get_mut(start as usize + position..end) {
            block.rotate_right(1);
            if let Some(first) = block.first_mut() {
                *first = hop;
            }
        }
        true
    }

    /// Removes the hop over `edge` from a list.
    pub(in crate::json) fn remove(&mut self, node: u32, side: Side, edge: u32) {
        let Some(position) = self.hops(node, side).iter().position(|hop| hop.edge == edge) else {
            return;
        };
        let Some(lists) = self.nodes.get_mut(node as usize) else { return };
        let list = &mut lists[side as usize];
        let (start, end) =
            (list.start as usize + position, list.start as usize + list.len as usize);
        if let Some(rest) = self.pool.get_mut(start..end) {
            rest.rotate_left(1);
        }
        list.len -= 1;
        if list.len == 0 {
            let freed = std::mem::take(list);
            self.free[usize::from(freed.class)].push(freed.start);
        }
    }

    /// Makes room for one more hop; returns the start of the list.
    fn grow(&mut self, node: u32, side: Side) -> Option<u32> {
        if self.nodes.len() <= node as usize {
            self.nodes.resize(node as usize + 1, <[List; 2]>::default());
        }
        let list = self.nodes.get(node as usize)?[side as usize];
        if list.allocated && list.len < 1 << list.class {
            return Some(list.start);
        }
        let class = if list.allocated { list.class + 1 } else { SMALLEST_CLASS };
        let start = self.allocate(class)?;
        let old = list.start as usize..list.start as usize + list.len as usize;
        if list.allocated {
            self.pool.copy_within(old, start as usize);
            self.free[usize::from(list.class)].push(list.start);
        }
        self.nodes.get_mut(node as usize)?[side as usize] =
            List { start, len: list.len, class, allocated: true };
        Some(start)
    }

    fn allocate(&mut self, class: u8) -> Option<u32> {
        if let Some(start) = self.free.get_mut(usize::from(class))?.pop() {
            return Some(start);
        }
        let start = u32::try_from(self.pool.len()).ok()?;
        let end = self.pool.len() + (1_usize << class);
        u32::try_from(end).ok()?;
        self.pool.resize(end, Hop::default());
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(edge: u32) -> Hop {
        Hop { edge, node: edge + 100, entity: 1, undirected: false }
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
        let pool = adjacency.pool.len();
        for edge in 0..20 {
            insert(&mut adjacency, 2, edge);
        }
        assert_eq!(adjacency.pool.len(), pool);
    }
}
