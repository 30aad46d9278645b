//! A part of the graph in memory: nodes, and the edges among them.

mod edge;
mod load;
#[cfg(feature = "petgraph")]
mod petgraph;

use foldhash::HashMap;
use jvspatial_db::{Document, Id};

use crate::entity::{AnyNode, Edge, Node, Stored};
use crate::error::Result;

pub use edge::SubgraphEdge;
pub use load::SubgraphBuilder;

/// A part of the graph as it was read: some nodes, and the edges among them; loaded by
/// [`Graph::subgraph`](crate::Graph::subgraph).
///
/// Nodes and edges have places, counted from 0, which never change: nodes nearest to a start first, in
/// the order in which the edges to them were made, and edges in the order in which they were met
/// from those nodes. Changing the graph changes nothing here.
#[derive(Clone, Debug, Default)]
pub struct Subgraph {
    nodes: Vec<AnyNode>,
    /// For each node, how many edges it is away from the nearest start.
    depths: Vec<u32>,
    edges: Vec<SubgraphEdge>,
    node_places: HashMap<Id, usize>,
    edge_places: HashMap<Id, usize>,
}

impl Subgraph {
    /// The nodes by their places.
    pub fn nodes(&self) -> &[AnyNode] {
        &self.nodes
    }

    /// The edges by their places.
    pub fn edges(&self) -> &[SubgraphEdge] {
        &self.edges
    }

    /// The nodes that loading began at, which have the first places.
    pub fn starts(&self) -> &[AnyNode] {
        self.nodes.get(..self.depths.partition_point(|depth| *depth == 0)).unwrap_or_default()
    }

    /// The node with this id, when it is in here.
    pub fn node(&self, id: impl AsRef<Id>) -> Option<&AnyNode> {
        self.nodes.get(self.place(id)?)
    }

    /// The edge with this id, when it is in here.
    pub fn edge(&self, id: impl AsRef<Id>) -> Option<&SubgraphEdge> {
        self.edges.get(*self.edge_places.get(id.as_ref())?)
    }

    /// The place of the node with this id, when it is in here.
    pub fn place(&self, id: impl AsRef<Id>) -> Option<usize> {
        self.node_places.get(id.as_ref()).copied()
    }

    /// How many edges the node with this id is away from the nearest start.
    pub fn depth(&self, id: impl AsRef<Id>) -> Option<u32> {
        self.depths.get(self.place(id)?).copied()
    }

    /// The nodes of type `N` as values, in order; others are passed over.
    ///
    /// An item is an `Invalid` error when the stored fields of a node do not fit, and `Unsupported` when a newer
    /// version of `N` wrote them.
    pub fn nodes_of<N: Node>(&self) -> impl Iterator<Item = Result<Stored<N>>> + '_ {
        self.nodes.iter().filter_map(|node| node.to().transpose())
    }

    /// The edges of type `E` as values, in order; others are passed over. Errors are as for
    /// [`nodes_of`](Self::nodes_of).
    pub fn edges_of<E: Edge>(&self) -> impl Iterator<Item = Result<Stored<E>>> + '_ {
        self.edges.iter().filter_map(|edge| edge.to().transpose())
    }

    fn has_edge(&self, id: &Id) -> bool {
        self.edge_places.contains_key(id)
    }

    fn add_node(&mut self, node: AnyNode, depth: u32) {
        self.node_places.insert(node.id().clone(), self.nodes.len());
        self.nodes.push(node);
        self.depths.push(depth);
    }

    /// Adds an edge unless one of its ends is not in here.
    fn add_edge(&mut self, document: Document) {
        let Some(ends) = &document.ends else { return };
        if let (Some(source), Some(target)) = (self.place(&ends.source), self.place(&ends.target)) {
            self.edge_places.insert(document.id.clone(), self.edges.len());
            self.edges.push(SubgraphEdge::new(document, source, target));
        }
    }
}
