//! What a walk is at, before a hook has said what type it takes it for.

use jvspatial_db::{Collection, Document, Handle, Id};

use crate::entity::{AnyEdge, AnyNode, Stored, Visitable};
use crate::error::Result;

/// The node or edge being visited, not decoded yet.
///
/// Generated code asks it for the type of each hook's parameter.
#[derive(Debug)]
pub struct Here {
    document: Document,
    ordinal: Option<u32>,
}

impl Here {
    pub(super) const fn new(document: Document, ordinal: Option<u32>) -> Self {
        Self { document, ordinal }
    }

    /// The id.
    pub const fn id(&self) -> &Id {
        &self.document.id
    }

    /// Whether it is of type `T`.
    pub fn is<T: Visitable>(&self) -> bool {
        self.document.id.is_entity(T::entity_name()) && self.document.collection() == T::COLLECTION
    }

    /// Whether it is a node.
    pub fn is_node(&self) -> bool {
        self.document.collection() == Collection::Node
    }

    /// Whether it is an edge.
    pub fn is_edge(&self) -> bool {
        self.document.collection() == Collection::Edge
    }

    /// It as a value of type `T`.
    ///
    /// # Errors
    /// `Invalid` naming it when its fields do not fit `T`, `Unsupported` when a newer version of
    /// `T` wrote them.
    pub fn decode<T: Visitable>(&self) -> Result<Stored<T>> {
        Stored::from_document(self.document.clone())
    }

    /// The node as it is stored; `None` when it is an edge.
    pub fn any_node(&self) -> Option<AnyNode> {
        let handle = match self.ordinal {
            Some(ordinal) => Handle::with_ordinal(self.id().clone(), ordinal),
            None => Handle::new(self.id().clone()),
        };
        self.is_node().then(|| AnyNode::from_document(handle, self.document.clone()))
    }

    /// The edge as it is stored; `None` when it is a node.
    pub fn any_edge(&self) -> Option<AnyEdge> {
        self.is_edge().then(|| AnyEdge::from_document(self.document.clone()))
    }

    pub(super) const fn document_mut(&mut self) -> &mut Document {
        &mut self.document
    }

    /// The stored document.
    pub const fn document(&self) -> &Document {
        &self.document
    }
}
