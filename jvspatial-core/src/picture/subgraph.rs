//! Pictures of a subgraph.

use super::label::of_value;
use super::{Arrow, Language, NodeLink, Picture, Shape};
use crate::entity::AnyNode;
use crate::error::Result;
use crate::subgraph::{Subgraph, SubgraphEdge};

impl Subgraph {
    /// A picture in the language of Graphviz, drawn by `dot -Tsvg`. Starts have a double border, and
    /// undirected edges no arrowhead.
    pub fn dot(&self) -> Picture<'_, AnyNode, SubgraphEdge> {
        self.picture(Language::Dot)
    }

    /// A picture in the language of Mermaid, drawn by many viewers of Markdown. Starts have round ends, and
    /// undirected edges no arrowhead. Viewers may refuse large ones, of more than 500 edges or 50,000
    /// characters by default.
    pub fn mermaid(&self) -> Picture<'_, AnyNode, SubgraphEdge> {
        self.picture(Language::Mermaid)
    }

    /// Nodes and edges with their fields as node-link JSON.
    ///
    /// # Errors
    /// `Corrupt` when the stored fields of a document cannot be read.
    pub fn json(&self) -> Result<NodeLink<'_>> {
        NodeLink::new(self)
    }

    fn picture(&self, language: Language) -> Picture<'_, AnyNode, SubgraphEdge> {
        let starts = self.starts().len();
        let shapes = self.nodes().iter().enumerate().map(|(place, node)| Shape {
            node,
            label: node.id().to_string(),
            is_start: place < starts,
            is_highlighted: false,
        });
        let arrows = self.edges().iter().map(|edge| Arrow {
            edge,
            id: Some(edge.id()),
            from: edge.source_place(),
            to: edge.target_place(),
            label: edge.entity().to_owned(),
            is_undirected: edge.is_undirected(),
            is_highlighted: false,
        });
        Picture::new(language, shapes.collect(), arrows.collect())
    }
}

impl Picture<'_, AnyNode, SubgraphEdge> {
    /// Labels each node with the value of a field, as it is named in the store. A node without the field,
    /// and one where it is null, keeps its label.
    ///
    /// # Errors
    /// `Corrupt` when the stored fields of a node cannot be read.
    pub fn label_field(mut self, field: &str) -> Result<Self> {
        for shape in &mut self.shapes {
            if let Some(label) = shape.node.get(field)?.and_then(of_value) {
                shape.label = label;
            }
        }
        Ok(self)
    }

    /// Labels each edge with the value of a field, likewise.
    ///
    /// # Errors
    /// `Corrupt` when the stored fields of an edge cannot be read.
    pub fn edge_label_field(mut self, field: &str) -> Result<Self> {
        for arrow in &mut self.arrows {
            if let Some(label) = arrow.edge.get(field)?.and_then(of_value) {
                arrow.label = label;
            }
        }
        Ok(self)
    }
}
