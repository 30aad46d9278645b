//! The node under a walk, before a hook has said what type it takes it for.

use jvspatial_db::{Document, Handle, Id};

use crate::entity::{AnyNode, Node, Stored};
use crate::error::Result;

/// The node being visited, not decoded yet.
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

    /// Whether the node is of type `N`.
    pub fn is<N: Node>(&self) -> bool {
        self.document.id.is_entity(N::entity_name())
    }

    /// The node as a value of type `N`.
    ///
    /// # Errors
    /// `Invalid` naming the node when its fields do not fit `N`, `Unsupported` when a newer version of
    /// `N` wrote them.
    pub fn decode<N: Node>(&self) -> Result<Stored<N>> {
        Stored::from_document(self.document.clone())
    }

    /// The node as it is stored.
    pub fn any_node(&self) -> AnyNode {
        let id = self.document.id.clone();
        let handle = match self.ordinal {
            Some(ordinal) => Handle::with_ordinal(id, ordinal),
            None => Handle::new(id),
        };
        AnyNode::from_document(handle, self.document.clone())
    }
}
