//! Following edges from a whole frontier at once.

use std::sync::Arc;

use super::index::{Hop, Index, Side};
use super::reader::Located;
use super::writer::Shared;
use crate::error::{Error, Result};
use crate::expansion::{Adjacent, Direction, EntitySet, Expansion};
use crate::id::{Collection, Handle};
use crate::ordinal_set::OrdinalSet;

/// A hop that passed what memory can tell.
#[derive(Clone, Copy)]
struct Reached {
    origin: u32,
    edge: u32,
    node: u32,
}

pub(super) async fn neighbors(
    shared: &Shared,
    from: &[Handle],
    expansion: &Expansion,
    known: Option<&OrdinalSet>,
) -> Result<Vec<Adjacent>> {
    if u32::try_from(from.len()).is_err() {
        return Err(Error::limit("too many start nodes").with("limit", u32::MAX));
    }
    if expansion.edge_filter.is_all() {
        let index = shared.index.read();
        let reached = reach(&index, from, expansion, known);
        return Ok(adjacent(&index, &reached, expansion));
    }
    // The lines are taken down in the same look at the index as the nodes, so both are of one point in
    // time however long the reading takes.
    let (adjacent, edges, files) = {
        let index = shared.index.read();
        let mut reached = reach(&index, from, expansion, known);
        reached.retain(|hop| is_kept(&index, hop.node, expansion));
        let table = index.table(Collection::Edge);
        let locate = |hop: &Reached| {
            let id = &table.id(hop.edge)?;
            let state = index.state(Collection::Edge, hop.edge)?;
            Some(Located::new(&index, Collection::Edge, hop.edge, id, state))
        };
        let edges: Vec<_> = reached.iter().map(locate).collect();
        (adjacent(&index, &reached, expansion), edges, Arc::clone(&index.segments))
    };
    let mut kept = Vec::new();
    let (mut adjacent, mut edges) = (adjacent.into_iter(), edges.into_iter());
    loop {
        // In slices, so that a hub's edges are never all in memory.
        let slice: Vec<_> = edges.by_ref().take(1024).collect();
        if slice.is_empty() {
            return Ok(kept);
        }
        let count = slice.len();
        let documents = super::read(Arc::clone(&files), slice, shared.deadline).await?;
        for (adjacent, edge) in adjacent.by_ref().take(count).zip(documents) {
            if let Some(edge) = edge
                && expansion.edge_filter.matches(&edge.to_bson()?)
            {
                kept.push(adjacent);
            }
        }
        tokio::task::yield_now().await;
    }
}

/// The hops over edges of the right types, by start node and in the order of the edges' creation.
///
/// Those to nodes that are `known` are passed over before anything of the node or of the edge is touched.
fn reach(
    index: &Index,
    from: &[Handle],
    expansion: &Expansion,
    known: Option<&OrdinalSet>,
) -> Vec<Reached> {
    let mut reached = Vec::with_capacity(from.len() * 2);
    for (origin, handle) in (0_u32..).zip(from) {
        let Some(start) = index.nodes().resolve(handle) else { continue };
        // A node that is gone may still have edges that were not detached.
        if !index.exists(Collection::Node, start) {
            continue;
        }
        let mut push = |hop: &Hop| {
            if known.is_none_or(|known| !known.contains(hop.node))
                && follows(index, hop, &expansion.edges)
                && (!index.is_ahead() || index.exists(Collection::Edge, hop.edge))
            {
                reached.push(Reached { origin, edge: hop.edge, node: hop.node });
            }
        };
        match expansion.direction {
            Direction::Out => index.adjacency.hops(start, Side::Out).iter().for_each(push),
            Direction::In => index.adjacency.hops(start, Side::In).iter().for_each(push),
            Direction::Both => {
                let out = index.adjacency.hops(start, Side::Out);
                let into = index.adjacency.hops(start, Side::In);
                merge(index, start, out, into, &mut push);
            }
        }
    }
    reached
}

/// Shows the hops of both lists to `push` in the order of the edges' creation, each edge once.
fn merge(index: &Index, start: u32, out: &[Hop], into: &[Hop], push: &mut impl FnMut(&Hop)) {
    let edges = index.table(Collection::Edge);
    let id = |hop: &Hop| edges.id(hop.edge);
    // An edge to follow either way stands in both lists, and so does a loop.
    let mut into = into.iter().filter(|hop| !hop.is_undirected() && hop.node != start).peekable();
    for hop in out {
        let earlier = |other: &&Hop| match (id(other), id(hop)) {
            (Some(other), Some(id)) => other.cmp_creation(&id).is_lt(),
            _ => false,
        };
        while let Some(other) = into.next_if(earlier) {
            push(other);
        }
        push(hop);
    }
    into.for_each(push);
}

fn follows(index: &Index, hop: &Hop, set: &EntitySet) -> bool {
    let by_id = || {
        let edge = index.table(Collection::Edge).id(hop.edge);
        edge.is_some_and(|edge| set.contains(&edge))
    };
    match (set, hop.kind.entity()) {
        (EntitySet::Any, _) => true,
        (EntitySet::One(name), Some(entity)) => name.number() == entity,
        (EntitySet::Several(names), Some(entity)) => {
            names.iter().any(|name| name.number() == entity)
        }
        (EntitySet::One(_) | EntitySet::Several(_), None) => by_id(),
    }
}

fn is_kept(index: &Index, node: u32, expansion: &Expansion) -> bool {
    index.exists(Collection::Node, node)
        && index.nodes().id(node).is_some_and(|node| expansion.nodes.contains(&node))
}

fn adjacent(index: &Index, reached: &[Reached], expansion: &Expansion) -> Vec<Adjacent> {
    let edges = index.table(Collection::Edge);
    let to_adjacent = |hop: &Reached| {
        let node = index.nodes().id(hop.node)?;
        if !index.exists(Collection::Node, hop.node) || !expansion.nodes.contains(&node) {
            return None;
        }
        let edge = || Some(Handle::with_ordinal(edges.id(hop.edge)?, hop.edge));
        let edge = if expansion.with_edges { edge() } else { None };
        Some(Adjacent::new(hop.origin, edge, Handle::with_ordinal(node, hop.node)))
    };
    reached.iter().filter_map(to_adjacent).collect()
}
