//! The lists of all nodes at once: hops are dealt to buckets of nodes, then sorted there.

use std::ops::Range;
use std::slice::IterMut;

use parking_lot::Mutex;

use super::super::array::Array;
use super::super::both;
use super::{Adjacency, Hop, HopKind, List, Lists, Side};

/// The hops over one edge: the one out of its source, and the one into its target.
pub(in crate::json) type Pair = [(u32, Hop); 2];

impl Adjacency {
    /// The lists of the nodes below `nodes`, from `edges` hops of each side in the order in which they are
    /// to stand.
    ///
    /// An undirected hop is put into the list of the node at its other end too. `hops` gives those in a
    /// range; it is run several times and must give the same each time. Returns `None` when a pool would
    /// be larger than 2³² hops.
    pub(in crate::json) fn collect<I: Iterator<Item = Pair>>(
        nodes: usize,
        edges: usize,
        hops: impl Fn(Range<usize>) -> I + Sync,
        parallel: bool,
    ) -> Option<Self> {
        let middle = if parallel { edges / 2 } else { edges };
        let count = |edges| count(nodes.div_ceil(BUCKET), hops(edges));
        let (first, last) = both(parallel, || count(0..middle), || count(middle..edges));
        let mut sides = [lists(nodes, &first[0], &last[0])?, lists(nodes, &first[1], &last[1])?];
        let [out, into] = &mut sides;
        let (out_first, out_last) = rooms(&mut out.pool, &first[0], &last[0]);
        let (into_first, into_last) = rooms(&mut into.pool, &first[1], &last[1]);
        let (mut to_first, mut to_last) = ([out_first, into_first], [out_last, into_last]);
        both(
            parallel,
            || deal(&mut to_first, hops(0..middle)),
            || deal(&mut to_last, hops(middle..edges)),
        );
        let out = buckets(out, &first[0], &last[0]);
        let buckets = Mutex::new(out.chain(buckets(into, &first[1], &last[1])));
        let sort = || {
            let (mut next, mut dealt) = (Vec::new(), Vec::new());
            loop {
                let Some(bucket) = buckets.lock().next() else { break };
                bucket.sort(&mut next, &mut dealt);
            }
        };
        both(parallel, sort, sort);
        drop(buckets);
        Some(Self { sides })
    }
}

/// How many nodes' lists are filled at a time: they fit into the cache of one core, as all do not.
const BUCKET: usize = 1 << HopKind::MARK_BITS;

/// The bucket of a node, and its place there.
#[inline(always)]
const fn bucket_of(node: u32) -> (usize, u16) {
    (node as usize / BUCKET, (node as usize % BUCKET) as u16)
}

/// How many hops each bucket gets, by side.
fn count(buckets: usize, hops: impl Iterator<Item = Pair>) -> [Vec<u32>; 2] {
    let mut counts = [vec![0_u32; buckets], vec![0; buckets]];
    each(hops, |side, node, _| {
        if let Some(count) = counts[side as usize].get_mut(bucket_of(node).0) {
            *count += 1;
        }
    });
    counts
}

/// Lists of `nodes` with room for so many hops, which are not there yet.
fn lists(nodes: usize, first: &[u32], last: &[u32]) -> Option<Lists> {
    let mut counts = first.iter().chain(last);
    let hops = counts.try_fold(0_u32, |sum, count| sum.checked_add(*count))?;
    let (nodes, pool) = (Array::zeroed(nodes), Array::zeroed(hops as usize));
    Some(Lists { nodes, pool, ..Lists::default() })
}

/// The room for one thread's hops in each bucket.
type Rooms<'a> = Vec<IterMut<'a, Hop>>;

/// Splits a pool by buckets, and each by the threads: the hops of the first stand before those of the last.
fn rooms<'a>(mut pool: &'a mut [Hop], first: &[u32], last: &[u32]) -> (Rooms<'a>, Rooms<'a>) {
    let mut room = |count: u32| {
        let (room, rest) = std::mem::take(&mut pool).split_at_mut(count as usize);
        pool = rest;
        room.iter_mut()
    };
    first.iter().zip(last).map(|(first, last)| (room(*first), room(*last))).unzip()
}

/// Puts hops into their buckets, marked by the place of their node there.
fn deal(rooms: &mut [Rooms<'_>; 2], hops: impl Iterator<Item = Pair>) {
    each(hops, |side, node, hop| {
        let (bucket, place) = bucket_of(node);
        if let Some(room) = rooms[side as usize].get_mut(bucket).and_then(Iterator::next) {
            *room = Hop { kind: hop.kind.marked(place), ..hop };
        }
    });
}

/// The lists of consecutive nodes.
struct Bucket<'a> {
    /// Where its hops begin in the pool.
    start: u32,
    lists: &'a mut [List],
    /// The hops dealt to it.
    hops: &'a mut [Hop],
}

/// Splits lists into buckets, to which so many hops were dealt.
fn buckets<'a>(
    lists: &'a mut Lists,
    first: &[u32],
    last: &[u32],
) -> impl Iterator<Item = Bucket<'a>> {
    let (mut start, mut pool) = (0, &mut *lists.pool);
    lists.nodes.chunks_mut(BUCKET).zip(first.iter().zip(last)).map(move |(lists, (first, last))| {
        let (hops, rest) = std::mem::take(&mut pool).split_at_mut((first + last) as usize);
        pool = rest;
        let bucket = Bucket { start, lists, hops };
        start += first + last;
        bucket
    })
}

impl Bucket<'_> {
    /// Puts the hops in the order of their nodes and says where each list is.
    fn sort(self, next: &mut Vec<u32>, dealt: &mut Vec<Hop>) {
        let Self { start, lists, hops } = self;
        next.clear();
        next.resize(lists.len(), 0);
        let (mut before, mut in_order) = (0, true);
        for hop in &*hops {
            let place = hop.kind.mark();
            in_order &= before <= place;
            before = place;
            if let Some(count) = next.get_mut(usize::from(place)) {
                *count += 1;
            }
        }
        let mut end = 0;
        for (list, next) in lists.iter_mut().zip(&mut *next) {
            let len = std::mem::replace(next, end);
            *list = List { start: start + end, len, room: len };
            end += len;
        }
        if in_order {
            hops.iter_mut().for_each(|hop| hop.kind = hop.kind.unmarked());
            return;
        }
        dealt.clear();
        dealt.extend_from_slice(hops);
        for hop in dealt {
            if let Some(next) = next.get_mut(usize::from(hop.kind.mark()))
                && let Some(room) = hops.get_mut(*next as usize)
            {
                *room = Hop { kind: hop.kind.unmarked(), ..*hop };
                *next += 1;
            }
        }
    }
}

/// Runs `put` for each hop of each side and each mirror image of one.
#[inline(always)]
fn each(hops: impl Iterator<Item = Pair>, mut put: impl FnMut(Side, u32, Hop)) {
    for [(source, out), (target, into)] in hops {
        put(Side::Out, source, out);
        put(Side::In, target, into);
        if out.has_mirror_from(source) {
            let (node, hop) = out.mirrored(source);
            put(Side::Out, node, hop);
        }
        if into.has_mirror_from(target) {
            let (node, hop) = into.mirrored(target);
            put(Side::In, node, hop);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nodes_of_all_buckets_have_their_hops_in_the_order_of_the_edges() {
        let nodes = 3 * BUCKET as u32 + 5;
        let edges: Vec<Pair> = (0..20_000_u32)
            .map(|edge| {
                let source = edge.wrapping_mul(0x9e37_79b1) % nodes;
                let target = if edge % 7 == 0 { source } else { edge.wrapping_mul(97) % nodes };
                let kind = HopKind::new(None, edge % 3 == 0);
                let hop = |node| Hop { edge, node, kind };
                [(source, hop(target)), (target, hop(source))]
            })
            .collect();
        let mut expected = [vec![Vec::new(); nodes as usize], vec![Vec::new(); nodes as usize]];
        each(edges.iter().copied(), |side, node, hop| {
            expected[side as usize][node as usize].push(hop);
        });
        for parallel in [false, true] {
            let hops = |range: Range<usize>| edges[range].iter().copied();
            let made = Adjacency::collect(nodes as usize, edges.len(), hops, parallel).unwrap();
            for side in [Side::Out, Side::In] {
                for node in 0..nodes {
                    let expected = expected[side as usize][node as usize].as_slice();
                    assert_eq!(made.hops(node, side), expected, "{side:?} of node {node}");
                }
            }
        }
    }
}
