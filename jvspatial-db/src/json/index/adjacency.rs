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

    /// Whether the edge can be followed back to `node`; a loop is its own mirror image.
    const fn has_mirror_from(&self, node: u32) -> bool {
        self.undirected && self.node != node
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
/// Lists are slices of one pool in blocks of a power of two, so that reading a node's neighbours
/// touches one or two cache lines and growing a list never touches another.
#[derive(Debug, Default)]
pub(in crate::json) struct Lists {
    nodes: Vec<List>,
    pool: Vec<Hop>,
    /// Starts of free blocks by the logarithm of their size.
    free: [Vec<u32>; 32],
}

#[derive(Clone, Copy, Debug, Default)]
struct List {
    start: u32,
    len: u32,
    /// The logarithm of the block's size; meaningless while nothing is allocated.
    class: u8,
    allocated: bool,
}

/// The smallest block: most nodes have a few edges, and four hops are less than a cache line.
const SMALLEST_CLASS: u8 = 2;

impl Adjacency {
    /// The lists of both sides, made apart from each other.
    pub(in crate::json) const fn new(out: Lists, into: Lists) -> Self {
        Self { sides: [out, into] }
    }

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
    /// The lists of the nodes below `nodes`, from hops in the order in which they are to stand.
    ///
    /// An undirected hop is put into the list of the node at its other end too. `hops` is run twice and
    /// must give the same both times. Returns `None` when the pool would be larger than 2³² hops.
    pub(in crate::json) fn collect<I: Iterator<Item = (u32, Hop)>>(
        nodes: usize,
        hops: impl Fn() -> I,
    ) -> Option<Self> {
        // How many hops a list has, then where the next one goes: small, because it is hit at random.
        let mut next = vec![0_u32; nodes];
        let mut count = |node: u32| {
            if let Some(count) = next.get_mut(node as usize) {
                *count += 1;
            }
        };
        for (node, hop) in hops() {
            count(node);
            if hop.has_mirror_from(node) {
                count(hop.node);
            }
        }
        let mut lists = Vec::with_capacity(nodes);
        let mut end = 0_u32;
        for next in &mut next {
            let len = std::mem::replace(next, end);
            if len == 0 {
                lists.push(List::default());
                continue;
            }
            let class = class_of(len);
            lists.push(List { start: end, len, class, allocated: true });
            end = end.checked_add(1_u32.checked_shl(class.into())?)?;
        }
        let mut pool = vec![Hop::default(); end as usize];
        let mut add = |node: u32, hop: Hop| {
            if let Some(next) = next.get_mut(node as usize)
                && let Some(slot) = pool.get_mut(*next as usize)
            {
                *slot = hop;
                *next += 1;
            }
        };
        for (node, hop) in hops() {
            add(node, hop);
            if hop.has_mirror_from(node) {
                add(hop.node, Hop { node, ..hop });
            }
        }
        Some(Self { nodes: lists, pool, free: <[Vec<u32>; 32]>::default() })
    }

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
            self.free[usize::from(freed.class)].push(freed.start);
        }
    }

    /// Makes room for one more hop; returns the start of the list.
    fn grow(&mut self, node: u32) -> Option<u32> {
        if self.nodes.len() <= node as usize {
            self.nodes.resize(node as usize + 1, List::default());
        }
        let list = *self.nodes.get(node as usize)?;
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
        *self.nodes.get_mut(node as usize)? = List { start, len: list.len, class, allocated: true };
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

/// The class of the smallest block that holds `len` hops, at least one.
const fn class_of(len: u32) -> u8 {
    let class = (u32::BITS - (len - 1).leading_zeros()) as u8;
    if class < SMALLEST_CLASS { SMALLEST_CLASS } else { class }
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
        let pool = adjacency.sides[0].pool.len();
        for edge in 0..20 {
            insert(&mut adjacency, 2, edge);
        }
        assert_eq!(adjacency.sides[0].pool.len(), pool);
    }

    #[test]
    fn lists_made_at_once_are_those_made_hop_by_hop_and_grow_as_they_do() {
        let all: Vec<(u32, Hop)> = (0..500).map(|edge| (edge * 7 % 31 % 13, hop(edge))).collect();
        let out = Lists::collect(20, || all.iter().copied()).unwrap();
        let mut at_once = Adjacency::new(out, Lists::default());
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
