//! A subgraph as a graph of petgraph, for its algorithms.

use petgraph::graph::{DiGraph, NodeIndex};

use super::{Subgraph, SubgraphEdge};
use crate::entity::AnyNode;
use crate::error::Result;

impl Subgraph {
    /// The subgraph as a directed graph of petgraph that borrows its nodes and edges.
    ///
    /// The index of a node is its place among [`nodes`](Self::nodes). An undirected edge becomes two
    /// arcs, one each way, in this order, since the algorithms follow arcs in one direction; joining a
    /// node to itself it is one. So where there are undirected edges the index of an arc is no place.
    pub fn to_petgraph(&self) -> DiGraph<&AnyNode, &SubgraphEdge> {
        let mut graph = DiGraph::with_capacity(self.nodes.len(), self.edges.len());
        for node in &self.nodes {
            graph.add_node(node);
        }
        for edge in &self.edges {
            for (source, target) in arcs(edge) {
                graph.add_edge(source, target, edge);
            }
        }
        graph
    }

    /// As [`to_petgraph`](Self::to_petgraph), with weights that the closures make of nodes and edges. The
    /// weight of an undirected edge is cloned for its second arc.
    ///
    /// ```
    /// # use jvspatial_core::{Graph, Result};
    /// # async fn lightest(graph: &Graph) -> Result {
    /// let root = graph.root().await?;
    /// let subgraph = graph.subgraph(&root, 3).load().await?;
    /// let weighted = subgraph.to_petgraph_with(
    ///     |node| Ok(node.id()),
    ///     |edge| Ok(edge.get("km")?.and_then(|km| km.as_f64()).unwrap_or(1.0)),
    /// )?;
    /// # let _ = weighted;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The first error of a closure.
    pub fn to_petgraph_with<'a, N, E: Clone>(
        &'a self,
        mut node: impl FnMut(&'a AnyNode) -> Result<N>,
        mut edge: impl FnMut(&'a SubgraphEdge) -> Result<E>,
    ) -> Result<DiGraph<N, E>> {
        let mut graph = DiGraph::with_capacity(self.nodes.len(), self.edges.len());
        for own in &self.nodes {
            graph.add_node(node(own)?);
        }
        for own in &self.edges {
            let weight = edge(own)?;
            for (source, target) in arcs(own) {
                graph.add_edge(source, target, weight.clone());
            }
        }
        Ok(graph)
    }
}

/// The arcs that stand for an edge.
fn arcs(edge: &SubgraphEdge) -> impl Iterator<Item = (NodeIndex, NodeIndex)> {
    let source = NodeIndex::new(edge.source_place());
    let target = NodeIndex::new(edge.target_place());
    let back = edge.is_undirected() && source != target;
    [Some((source, target)), back.then_some((target, source))].into_iter().flatten()
}
