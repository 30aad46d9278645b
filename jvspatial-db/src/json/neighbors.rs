//! Following edges from a whole frontier at once.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::index::{Hop, Index, Side};
use super::reader::Located;
use super::writer::Shared;
use crate::error::{Error, Result};
use crate::expansion::{Adjacent, Begin, Direction, EntitySet, Expansion, Place};
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
    let limit = expansion.limit.unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    if !expansion.edge_filter.is_all() {
        return filtered(shared, from, expansion, known, limit).await;
    }
    let index = shared.index.read();
    let mut after = expansion.after.clone();
    let mut found = Vec::new();
    // What is reached may not be kept, so the answer may take several turns to have as many as it may.
    loop {
        let reach = reach(&index, from, expansion, known, after.as_ref(), limit - found.len());
        let last = adjacent(&index, &reach.hops, expansion, &mut found);
        if found.len() == limit {
            let edges = index.table(Collection::Edge);
            if let (Some(end), Some(last)) = (found.last_mut(), last) {
                end.edge = edges.id(last.edge).map(|id| Handle::with_ordinal(id, last.edge));
            }
            return Ok(found);
        }
        match reach.next(&index) {
            Some(place) => after = Some(place),
            None => return Ok(found),
        }
    }
}

/// As [`neighbors`], of the edges that match a filter and so have to be read.
async fn filtered(
    shared: &Shared,
    from: &[Handle],
    expansion: &Expansion,
    known: Option<&OrdinalSet>,
    limit: usize,
) -> Result<Vec<Adjacent>> {
    let with_edges = expansion.with_edges || expansion.limit.is_some();
    let named = Expansion { with_edges, ..expansion.clone() };
    let mut after = expansion.after.clone();
    let mut kept = Vec::new();
    loop {
        // The lines are taken down in the same look at the index as the nodes, so both are of one point in
        // time however long the reading takes.
        let (adjacent, edges, files, next) = {
            let index = shared.index.read();
            let mut reach = reach(&index, from, &named, known, after.as_ref(), limit - kept.len());
            let next = reach.next(&index);
            reach.hops.retain(|hop| is_kept(&index, hop.node, &named));
            let table = index.table(Collection::Edge);
            let locate = |hop: &Reached| {
                let id = &table.id(hop.edge)?;
                let state = index.state(Collection::Edge, hop.edge)?;
                Some(Located::new(&index, Collection::Edge, hop.edge, id, state))
            };
            let edges: Vec<_> = reach.hops.iter().map(locate).collect();
            let mut found = Vec::with_capacity(reach.hops.len());
            adjacent(&index, &reach.hops, &named, &mut found);
            (found, edges, Arc::clone(&index.segments), next)
        };
        let (mut adjacent, mut edges) = (adjacent.into_iter(), edges.into_iter());
        loop {
            // In slices, so that a hub's edges are never all in memory.
            let slice: Vec<_> = edges.by_ref().take(1024).collect();
            if slice.is_empty() {
                break;
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
        match next {
            Some(place) if kept.len() < limit => after = Some(place),
            _ => break,
        }
    }
    expansion.hide_edges(&mut kept);
    Ok(kept)
}

/// Hops over edges of the right types, by start node and in the order of the edges' creation.
struct Reach {
    hops: Vec<Reached>,
    /// Whether there are more behind the last of them.
    is_cut: bool,
}

impl Reach {
    /// The place behind them, if they are not all.
    fn next(&self, index: &Index) -> Option<Place> {
        let last = self.hops.last().filter(|_| self.is_cut)?;
        Some(Place::new(last.origin, index.table(Collection::Edge).id(last.edge)?))
    }
}

/// At most `most` hops that come after a place.
///
/// Those to nodes that are `known` are passed over before anything of the node or of the edge is touched.
fn reach(
    index: &Index,
    from: &[Handle],
    expansion: &Expansion,
    known: Option<&OrdinalSet>,
    after: Option<&Place>,
    most: usize,
) -> Reach {
    let first = after.map_or(0, |place| place.origin);
    let skipped = usize::try_from(first).unwrap_or(usize::MAX);
    let mut hops = Vec::with_capacity((from.len().saturating_sub(skipped) * 2).min(most));
    for (origin, handle) in (first..).zip(from.iter().skip(skipped)) {
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
                if hops.len() == most {
                    return ControlFlow::Break(());
                }
                hops.push(Reached { origin, edge: hop.edge, node: hop.node });
            }
            ControlFlow::Continue(())
        };
        let begin = Place::begin(after, origin);
        let side = |side| rest(index, index.adjacency.hops(start, side), begin);
        let flow = match expansion.direction {
            Direction::Out => side(Side::Out).iter().try_for_each(push),
            Direction::In => side(Side::In).iter().try_for_each(push),
            Direction::Both => merge(index, start, side(Side::Out), side(Side::In), &mut push),
        };
        if flow.is_break() {
            return Reach { hops, is_cut: true };
        }
    }
    Reach { hops, is_cut: false }
}

/// The hops of a list from a place on.
pub(super) fn rest<'a>(index: &Index, hops: &'a [Hop], begin: Begin<'_>) -> &'a [Hop] {
    if matches!(begin, Begin::First) {
        return hops;
    }
    let edges = index.table(Collection::Edge);
    let is_before = |hop: &Hop| !edges.id(hop.edge).is_some_and(|id| begin.is_before(&id));
    hops.get(hops.partition_point(is_before)..).unwrap_or_default()
}

/// Shows the hops of both lists to `push` in the order of the edges' creation, each edge once.
fn merge(
    index: &Index,
    start: u32,
    out: &[Hop],
    into: &[Hop],
    push: &mut impl FnMut(&Hop) -> ControlFlow<()>,
) -> ControlFlow<()> {
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
            push(other)?;
        }
        push(hop)?;
    }
    into.try_for_each(push)
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

/// Adds where hops lead that are kept, and returns the last of those.
fn adjacent(
    index: &Index,
    reached: &[Reached],
    expansion: &Expansion,
    found: &mut Vec<Adjacent>,
) -> Option<Reached> {
    let edges = index.table(Collection::Edge);
    let mut last = None;
    for hop in reached {
        let Some(node) = index.nodes().id(hop.node) else { continue };
        if !index.exists(Collection::Node, hop.node) || !expansion.nodes.contains(&node) {
            continue;
        }
        let edge = || Some(Handle::with_ordinal(edges.id(hop.edge)?, hop.edge));
        let edge = if expansion.with_edges { edge() } else { None };
        found.push(Adjacent::new(hop.origin, edge, Handle::with_ordinal(node, hop.node)));
        last = Some(*hop);
    }
    last
}
