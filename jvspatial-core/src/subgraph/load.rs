//! Loading a part of the graph.

use std::ops::Range;

use foldhash::{HashSet, HashSetExt};
use jvspatial_db::{Adjacent, Collection, Handle, Id};

use super::Subgraph;
use crate::entity::{AnyEdge, AnyNode};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, detached};
use crate::query::{Expansion, both};

/// The largest chunk: what a chunk leads to is in memory at once.
const MAX_CHUNK: usize = 1_000_000;

/// The highest bound on nodes and on edges, so that places fit into 32 bits even when each edge counts
/// twice.
const MAX_BOUND: usize = 1_000_000_000;

/// A part of the graph about to be loaded.
///
/// ```
/// use jvspatial_core::{Graph, Result};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// let root = graph.root().await?;
/// let subgraph = graph.subgraph(&root, 3).max_nodes(1_000).load().await?;
/// assert_eq!(subgraph.nodes().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is loaded before `load`"]
pub struct SubgraphBuilder {
    graph: Graph,
    starts: Vec<Id>,
    depth: u32,
    expansions: Vec<jvspatial_db::Expansion>,
    /// The first error of an expansion.
    error: Option<Error>,
    max_nodes: usize,
    max_edges: usize,
    chunk_size: usize,
}

impl Graph {
    /// The nodes at most `depth` edges away from `from`, and the edges among them: with a depth of 0
    /// the starts alone, with `u32::MAX` all that can be reached. It is read when it is
    /// [loaded](SubgraphBuilder::load).
    pub fn subgraph(&self, from: impl AsRef<Id>, depth: u32) -> SubgraphBuilder {
        SubgraphBuilder {
            graph: self.clone(),
            starts: vec![from.as_ref().clone()],
            depth,
            expansions: Vec::new(),
            error: None,
            max_nodes: 100_000,
            max_edges: 1_000_000,
            chunk_size: 1_000,
        }
    }
}

impl SubgraphBuilder {
    /// Adds starts, in order.
    pub fn from_many(mut self, starts: impl IntoIterator<Item = impl AsRef<Id>>) -> Self {
        self.starts.extend(starts.into_iter().map(|start| start.as_ref().clone()));
        self
    }

    /// Follows the edges of `expansion` to the nodes it keeps; asked for several times, those of each.
    /// Default: `both::<AnyEdge>()`, all edges either way.
    ///
    /// The edges loaded are those that it would follow from one of the loaded nodes to another, also the ones
    /// that led to no new node and those among the farthest nodes.
    pub fn along<E, N>(mut self, expansion: Expansion<E, N>) -> Self {
        match expansion.into_database() {
            Ok(expansion) => self.expansions.push(expansion),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Fails instead of loading more than so many nodes, at most 1,000,000,000. Default: 100,000.
    pub fn max_nodes(mut self, nodes: usize) -> Self {
        self.max_nodes = nodes;
        self
    }

    /// Fails instead of loading more than so many edges, at most 1,000,000,000. Default: 1,000,000.
    pub fn max_edges(mut self, edges: usize) -> Self {
        self.max_edges = edges;
        self
    }

    /// How many nodes are followed by one query, and how many documents are read by one, from 1 to 1,000,000.
    /// Default: 1,000. It makes no difference to what is loaded or to its order; the ids of what a chunk of
    /// nodes leads to are in memory at once.
    pub fn chunk_size(mut self, nodes: usize) -> Self {
        self.chunk_size = nodes;
        self
    }

    /// Loads it, breadth first: for each chunk of nodes one query for each expansion, then one for each
    /// chunk of nodes and of edges that it found.
    ///
    /// What others write meanwhile may be seen in parts: a node that is deleted is left out with its
    /// edges. In a [transaction](Graph::transaction) all is of one point in time.
    ///
    /// # Errors
    /// `NotFound` for a start that does not exist; `Limit` naming `max_nodes` or `max_edges` when there
    /// is more to load; `Invalid` for a start that is no node, and for a bound or a chunk size out of its range;
    /// the error of an expansion's filter.
    pub async fn load(self) -> Result<Subgraph> {
        if let Some(error) = self.error {
            return Err(error);
        }
        check_range("max_nodes", self.max_nodes, 0..=MAX_BOUND)?;
        check_range("max_edges", self.max_edges, 0..=MAX_BOUND)?;
        check_range("chunk_size", self.chunk_size, 1..=MAX_CHUNK)?;
        let mut expansions = self.expansions;
        if expansions.is_empty() {
            expansions.push(both::<AnyEdge>().into_database()?);
        }
        for expansion in &mut expansions {
            expansion.with_edges = true;
            // What does not exist is noticed when it is read.
            expansion.may_dangle = true;
        }
        let mut loading = Loading {
            graph: self.graph,
            expansions,
            max_nodes: self.max_nodes,
            max_edges: self.max_edges,
            chunk_size: self.chunk_size,
            loaded: Subgraph::default(),
        };
        loading.load_starts(&self.starts).await?;
        loading.load_levels(self.depth).await?;
        Ok(loading.loaded)
    }
}

fn check_range(
    setting: &'static str,
    value: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "setting of a subgraph is out of its range")
        .with("setting", setting)
        .with("value", value)
        .with("least", range.start())
        .with("most", range.end()))
}

/// A part of the graph, and what is left of loading it.
struct Loading {
    graph: Graph,
    expansions: Vec<jvspatial_db::Expansion>,
    max_nodes: usize,
    max_edges: usize,
    chunk_size: usize,
    loaded: Subgraph,
}

impl Loading {
    async fn load_starts(&mut self, starts: &[Id]) -> Result<()> {
        if let Some(id) = starts.iter().find(|id| id.collection() != Collection::Node) {
            return Err(
                Error::new(ErrorKind::Invalid, "subgraph starts at what is no node").with("id", id)
            );
        }
        let mut seen = HashSet::with_capacity(starts.len());
        let distinct = starts.iter().filter(|id| seen.insert(*id));
        let handles: Vec<Handle> = distinct.map(Handle::from).collect();
        self.load_nodes(handles, 0).await?;
        match starts.iter().find(|id| self.loaded.place(id).is_none()) {
            Some(id) => Err(Error::new(
                ErrorKind::NotFound,
                "subgraph starts at a node that does not exist",
            )
            .with("id", id)),
            None => Ok(()),
        }
    }

    /// Follows the edges of one level of nodes after the other, of the last one only to each other.
    async fn load_levels(&mut self, last: u32) -> Result<()> {
        let mut level = 0..self.loaded.nodes.len();
        let mut depth = 0;
        while !level.is_empty() {
            let mut start = level.start;
            while start < level.end {
                let end = level.end.min(start + self.chunk_size);
                self.load_around(start..end, (depth < last).then(|| depth + 1)).await?;
                start = end;
            }
            if depth == last {
                break;
            }
            level = level.end..self.loaded.nodes.len();
            depth += 1;
        }
        Ok(())
    }

    /// Loads what the nodes of a chunk lead to: new nodes, unless they would lie too deep, and edges.
    async fn load_around(&mut self, chunk: Range<usize>, deeper: Option<u32>) -> Result<()> {
        let adjacent = self.adjacent(chunk).await?;
        if let Some(depth) = deeper {
            let mut seen = HashSet::new();
            let new = adjacent
                .iter()
                .map(|adjacent| &adjacent.node)
                .filter(|node| self.loaded.place(node).is_none() && seen.insert(node.id()));
            let new = new.cloned().collect();
            self.load_nodes(new, depth).await?;
        }
        let mut seen = HashSet::new();
        let inner = adjacent.iter().filter(|adjacent| self.loaded.place(&adjacent.node).is_some());
        let new = inner
            .filter_map(|adjacent| adjacent.edge.as_ref())
            .filter(|edge| !self.loaded.has_edge(edge.id()) && seen.insert(edge.id()));
        let new = new.cloned().collect();
        self.load_edges(new).await
    }

    /// What the expansions reach from the nodes of a chunk, in the order of these nodes.
    async fn adjacent(&self, chunk: Range<usize>) -> Result<Vec<Adjacent>> {
        let from = self.loaded.nodes.get(chunk).unwrap_or_default();
        let from: Vec<Handle> = from.iter().map(|node| node.handle().clone()).collect();
        let mut adjacent = Vec::new();
        for expansion in &self.expansions {
            adjacent.extend(self.graph.database().neighbors(&from, expansion).await?);
        }
        if self.expansions.len() > 1 {
            // Otherwise what comes first would depend on the size of the chunk.
            adjacent.sort_by_key(|adjacent| adjacent.origin);
        }
        Ok(adjacent)
    }

    async fn load_nodes(&mut self, handles: Vec<Handle>, depth: u32) -> Result<()> {
        for chunk in handles.chunks(self.chunk_size) {
            let documents = self.graph.database().get_many(chunk).await?;
            for (handle, document) in chunk.iter().zip(documents) {
                let Some(document) = document else { continue };
                if self.loaded.nodes.len() >= self.max_nodes {
                    return Err(Error::new(ErrorKind::Limit, "subgraph has too many nodes")
                        .with("max_nodes", self.max_nodes)
                        .with("depth", depth));
                }
                let node = AnyNode::from_document(handle.clone(), detached(document));
                self.loaded.add_node(node, depth);
            }
        }
        Ok(())
    }

    async fn load_edges(&mut self, handles: Vec<Handle>) -> Result<()> {
        for chunk in handles.chunks(self.chunk_size) {
            let documents = self.graph.database().get_many(chunk).await?;
            for document in documents.into_iter().flatten() {
                if self.loaded.edges.len() >= self.max_edges {
                    return Err(Error::new(ErrorKind::Limit, "subgraph has too many edges")
                        .with("max_edges", self.max_edges)
                        .with("nodes", self.loaded.nodes.len()));
                }
                self.loaded.add_edge(detached(document));
            }
        }
        Ok(())
    }
}
