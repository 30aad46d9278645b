//! A node whose type is not known at compile time.

use jvspatial_db::{Bson, Document, Handle, Id, Version};

use super::{Node, Stored};
use crate::error::Result;

/// A node of any type, as it is stored: what a hook for every node takes.
#[derive(Clone, Debug)]
pub struct AnyNode {
    document: Document,
    handle: Handle,
}

impl AnyNode {
    #[doc(hidden)]
    pub fn from_document(handle: Handle, document: Document) -> Self {
        Self { document, handle }
    }

    /// The id.
    pub fn id(&self) -> &Id {
        &self.document.id
    }

    /// The id with the hint where the document is kept.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The name of the entity type.
    pub fn entity(&self) -> &str {
        self.document.id.entity()
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.document.version
    }

    /// Whether this is a node of type `N`.
    pub fn is<N: Node>(&self) -> bool {
        self.document.id.is_entity(N::entity_name())
    }

    /// The node as a value of type `N`, or `None` when it is of another type.
    ///
    /// # Errors
    /// `Invalid` when it is of type `N` but its fields do not fit.
    pub fn to<N: Node>(&self) -> Result<Option<Stored<N>>> {
        if !self.is::<N>() {
            return Ok(None);
        }
        Stored::from_document(self.document.clone()).map(Some)
    }

    /// The value of a field, or `None` when the node has no such field.
    ///
    /// # Errors
    /// `Corrupt` when the stored fields cannot be read.
    pub fn get(&self, field: &str) -> Result<Option<Bson>> {
        Ok(self.document.body.to_bson()?.remove(field))
    }

    /// The stored document.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

impl AsRef<Id> for AnyNode {
    fn as_ref(&self) -> &Id {
        &self.document.id
    }
}
