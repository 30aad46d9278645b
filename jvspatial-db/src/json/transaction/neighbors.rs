//! Following edges at the commit of a view, with what the transaction has changed of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Store;
use super::view::View;
use crate::document::{Document, Ends};
use crate::error::{Error, Result};
use crate::expansion::{Adjacent, Begin, Expansion, Place};
use crate::filter::Filter;
use crate::id::{Collection, Handle, Id};
use crate::json::index::{Index, Side};
use crate::json::neighbors::rest;
use crate::json::reader::Located;
use crate::json::segment::Segments;
use crate::json::{neighbors, read};

/// How many edges are read at a time.
const SLICE: usize = 1024;

/// An edge to follow.
struct Hop {
    origin: u32,
    edge: Id,
    node: Id,
    /// Where a stored edge is, if it has to be read.
    located: Option<Located>,
}

/// The neighbours that a transaction sees.
pub(super) async fn find(
    store: &Store,
    view: &View,
    from: &[Handle],
    expansion: &Expansion,
) -> Result<Vec<Adjacent>> {
    let shared = &store.shared;
    if !view.is_reshaped && view.is_present(&shared.index.read()) {
        let found = neighbors::neighbors(shared, from, expansion, None).await?;
        // A commit that was not there afterwards was not there when the lists were read.
        if view.is_present(&shared.index.read()) {
            return Ok(found);
        }
    }
    let limit = expansion.limit.unwrap_or(usize::MAX);
    let mut after = expansion.after.clone();
    let mut found = Vec::new();
    // Edges that do not match leave room for others.
    while found.len() < limit {
        let asked = Asked { from, expansion, after: after.as_ref(), room: limit - found.len() };
        let (hops, files, next) = hops(store, view, asked).await?;
        filtered(store, files, hops, expansion, &mut found).await?;
        match next {
            Some(place) => after = Some(place),
            None => break,
        }
    }
    expansion.hide_edges(&mut found);
    Ok(found)
}

/// What is asked for at a time.
#[derive(Clone, Copy)]
struct Asked<'a> {
    from: &'a [Handle],
    expansion: &'a Expansion,
    after: Option<&'a Place>,
    /// How many hops there may be.
    room: usize,
}

/// The first hops behind a place, and where the next ones begin.
async fn hops(
    store: &Store,
    view: &View,
    asked: Asked<'_>,
) -> Result<(Vec<Hop>, Arc<Segments>, Option<Place>)> {
    let shared = &store.shared;
    let (mut hops, parted, files) = {
        let index = shared.index.read();
        let parted: BTreeSet<u32> = index.parted_since(&view.snapshot).collect();
        let hops = follow_all(&index, view, asked, |start, hops| {
            add_listed(start, &parted, hops);
            let mut own = view.own_edges(start.id);
            own.try_for_each(|edge| start.add(edge, hops))
        })?;
        (hops, located(&index, view, &parted), Arc::clone(&index.segments))
    };
    if !parted.is_empty() {
        let parted = read(Arc::clone(&files), parted, shared.deadline).await?;
        let index = shared.index.read();
        // Which nodes there are at the commit of the view, the index knows at any time.
        hops.extend(follow_all(&index, view, asked, |start, hops| {
            parted.iter().flatten().try_for_each(|edge| start.add(edge, hops))
        })?);
    }
    hops.sort_by(|a, b| a.origin.cmp(&b.origin).then_with(|| a.edge.cmp_creation(&b.edge)));
    let is_cut = hops.len() > asked.room;
    hops.truncate(asked.room);
    let last = hops.last().filter(|_| is_cut);
    let next = last.map(|last| Place::new(last.origin, last.edge.clone()));
    Ok((hops, files, next))
}

/// The stored edges that a view knows and the lists do not, or not as it knows them, unless the transaction has
/// written them.
fn located(index: &Index, view: &View, parted: &BTreeSet<u32>) -> Vec<Option<Located>> {
    let located = |ordinal: &u32| {
        let edge = index.table(Collection::Edge).id(*ordinal)?;
        let state = view.stored(index, Collection::Edge, *ordinal)?;
        let is_stored = view.own(&edge).is_none();
        is_stored.then(|| Located::new(index, Collection::Edge, *ordinal, &edge, state))
    };
    parted.iter().map(located).filter(Option::is_some).collect()
}

/// A node from which edges are followed.
struct Start<'a> {
    origin: u32,
    id: &'a Id,
    index: &'a Index,
    view: &'a View,
    expansion: &'a Expansion,
    begin: Begin<'a>,
    room: usize,
}

/// The hops that `add` adds from the nodes that exist, one after the other until there is no room for more.
fn follow_all(
    index: &Index,
    view: &View,
    asked: Asked<'_>,
    mut add: impl FnMut(&Start<'_>, &mut Vec<Hop>) -> Result<()>,
) -> Result<Vec<Hop>> {
    let Asked { from, expansion, after, room } = asked;
    let mut hops = Vec::new();
    for (origin, start) in from.iter().enumerate() {
        let origin = u32::try_from(origin)
            .map_err(|_| Error::limit("too many start nodes").with("limit", u32::MAX))?;
        let begin = Place::begin(after, origin);
        let id = start.id();
        if !matches!(begin, Begin::Nowhere) && view.exists(index, id) {
            add(&Start { origin, id, index, view, expansion, begin, room }, &mut hops)?;
        }
        if hops.len() > room {
            break;
        }
    }
    Ok(hops)
}

/// Adds the hops over edges in the lists, of each list no more than there is room for and one; those that have to be
/// read are not compared with the filter yet.
fn add_listed(start: &Start<'_>, parted: &BTreeSet<u32>, hops: &mut Vec<Hop>) {
    let Start { index, view, begin, room, .. } = *start;
    let edges = index.table(Collection::Edge);
    let Some(node) = index.nodes().ordinal(start.id) else { return };
    for side in [Side::Out, Side::In] {
        let most = hops.len().saturating_add(room);
        for listed in rest(index, index.adjacency.hops(node, side), begin) {
            // What can be followed from here as well as to here stands in both lists; a loop too.
            let is_twice = listed.is_undirected() || listed.node == node;
            let ordinal = listed.edge;
            if (side == Side::In && is_twice) || parted.contains(&ordinal) {
                continue;
            }
            let Some(state) = view.stored(index, Collection::Edge, ordinal) else { continue };
            let Some(edge) = edges.id(ordinal).filter(|edge| view.own(edge).is_none()) else {
                continue;
            };
            let Some(node) = index.ends(ordinal).and_then(|ends| start.reached(&edge, &ends))
            else {
                continue;
            };
            let is_read = !start.expansion.edge_filter.is_all();
            let located =
                is_read.then(|| Located::new(index, Collection::Edge, ordinal, &edge, state));
            hops.push(Hop { origin: start.origin, edge, node, located });
            if hops.len() > most {
                break;
            }
        }
    }
}

impl Start<'_> {
    /// The node that an edge leads to from here, if it is wanted.
    fn reached(&self, edge: &Id, ends: &Ends) -> Option<Id> {
        let node = ends.follow(self.id, self.expansion.direction)?;
        let is_wanted = self.begin.is_before(edge)
            && self.expansion.edges.contains(edge)
            && self.expansion.nodes.contains(node)
            && self.view.exists(self.index, node);
        is_wanted.then(|| node.clone())
    }

    /// Adds the hop over an edge, if it leads anywhere from here.
    fn add(&self, edge: &Document, hops: &mut Vec<Hop>) -> Result<()> {
        let Some(node) = edge.ends.as_ref().and_then(|ends| self.reached(&edge.id, ends)) else {
            return Ok(());
        };
        if matches(&self.expansion.edge_filter, edge)? {
            hops.push(Hop { origin: self.origin, edge: edge.id.clone(), node, located: None });
        }
        Ok(())
    }
}

/// Adds where the hops lead whose edges match, each with its edge.
async fn filtered(
    store: &Store,
    files: Arc<Segments>,
    hops: Vec<Hop>,
    expansion: &Expansion,
    found: &mut Vec<Adjacent>,
) -> Result<()> {
    found.reserve(hops.len());
    let mut hops = hops.into_iter().peekable();
    while hops.peek().is_some() {
        // In slices, so that a hub's edges are never all in memory.
        let mut slice: Vec<Hop> = hops.by_ref().take(SLICE).collect();
        let located: Vec<_> = slice.iter_mut().map(|hop| hop.located.take()).collect();
        let edges = read(Arc::clone(&files), located, store.shared.deadline).await?;
        for (hop, edge) in slice.into_iter().zip(edges) {
            if edge.map_or(Ok(true), |edge| matches(&expansion.edge_filter, &edge))? {
                let edge = Some(Handle::new(hop.edge));
                found.push(Adjacent::new(hop.origin, edge, Handle::new(hop.node)));
            }
        }
    }
    Ok(())
}

fn matches(filter: &Filter, edge: &Document) -> Result<bool> {
    Ok(filter.is_all() || filter.matches(&edge.to_bson()?))
}
