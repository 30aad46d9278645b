//! An edge whose type is not known at compile time.

use jvspatial_db::{Bson, Document, Id, Version};

use super::{Edge, Stored};
use crate::error::Result;

/// An edge of any type, as it is stored: what a hook for every edge takes, and what `out::<AnyEdge>()` follows.
#[derive(Clone, Debug)]
pub struct AnyEdge {
    document: Document,
}

impl AnyEdge {
    pub(crate) const fn from_document(document: Document) -> Self {
        Self { document }
    }

    /// The id.
    pub const fn id(&self) -> &Id {
        &self.document.id
    }

    /// The name of the entity type.
    pub fn entity(&self) -> &str {
        self.document.id.entity()
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.document.version
    }

    /// The node the edge leaves.
    pub fn source(&self) -> &Id {
        self.document.ends.as_ref().map_or(&self.document.id, |ends| &ends.source)
    }

    /// The node the edge reaches.
    pub fn target(&self) -> &Id {
        self.document.ends.as_ref().map_or(&self.document.id, |ends| &ends.target)
    }

    /// Whether the edge can be followed from either end.
    pub fn is_undirected(&self) -> bool {
        self.document.ends.as_ref().is_some_and(|ends| ends.bidirectional)
    }

    /// Whether this is an edge of type `E`.
    pub fn is<E: Edge>(&self) -> bool {
        self.document.id.is_entity(E::entity_name())
    }

    /// The edge as a value of type `E`, or `None` when it is of another type.
    ///
    /// # Errors
    /// `Invalid` when it is of type `E` but its fields do not fit, `Unsupported` when a newer version of
    /// `E` wrote them.
    pub fn to<E: Edge>(&self) -> Result<Option<Stored<E>>> {
        if !self.is::<E>() {
            return Ok(None);
        }
        Stored::from_document(self.document.clone()).map(Some)
    }

    /// The value of a field, or `None` when the edge has no such field.
    ///
    /// # Errors
    /// `Corrupt` when the stored fields cannot be read.
    pub fn get(&self, field: &str) -> Result<Option<Bson>> {
        Ok(self.document.body.to_bson()?.remove(field))
    }

    /// The stored document.
    pub const fn document(&self) -> &Document {
        &self.document
    }
}

impl AsRef<Id> for AnyEdge {
    fn as_ref(&self) -> &Id {
        &self.document.id
    }
}
