//! An edge with the places of the nodes that it joins.

use std::ops::Deref;

use jvspatial_db::{Document, Id};

use crate::entity::AnyEdge;

/// An edge of a [`Subgraph`](crate::Subgraph), of any type, as it is stored: an [`AnyEdge`] that knows where in the
/// subgraph its nodes are.
#[derive(Clone, Debug)]
pub struct SubgraphEdge {
    edge: AnyEdge,
    source: usize,
    target: usize,
}

impl SubgraphEdge {
    pub(super) const fn new(document: Document, source: usize, target: usize) -> Self {
        Self { edge: AnyEdge::from_document(document), source, target }
    }

    /// The place of the node the edge leaves among [`Subgraph::nodes`](crate::Subgraph::nodes).
    pub const fn source_place(&self) -> usize {
        self.source
    }

    /// The place of the node the edge reaches among [`Subgraph::nodes`](crate::Subgraph::nodes).
    pub const fn target_place(&self) -> usize {
        self.target
    }
}

impl Deref for SubgraphEdge {
    type Target = AnyEdge;

    fn deref(&self) -> &AnyEdge {
        &self.edge
    }
}

impl AsRef<Id> for SubgraphEdge {
    fn as_ref(&self) -> &Id {
        self.edge.id()
    }
}
