//! An index as it stands in a store, and what is told of it.

use crate::entity_name::EntityName;
use crate::id::{Collection, Id};

use super::extract::{Keys, Source};
use super::spec::IndexSpec;
use crate::error::Result;

/// An index that a store has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub collection: Collection,
    /// The only type of documents that it holds.
    pub entity: Option<EntityName>,
    pub spec: IndexSpec,
    pub name: String,
}

impl Definition {
    pub(crate) fn new(collection: Collection, entity: Option<EntityName>, spec: IndexSpec) -> Self {
        Self { collection, entity, name: spec.name(), spec }
    }

    /// Whether another index of a store cannot stand beside this one.
    pub(crate) fn is_called_as(&self, other: &Self) -> bool {
        self.is_called(other.collection, other.entity, &other.name)
    }

    pub(crate) fn is_called(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> bool {
        self.collection == collection && self.entity == entity && self.name == name
    }

    /// Whether documents of this id may be in it.
    pub(crate) fn covers(&self, id: &Id) -> bool {
        self.collection == id.collection() && self.entity.is_none_or(|name| id.is_entity(name))
    }

    /// The keys of a document that it [covers](Self::covers), if it is in there.
    ///
    /// # Errors
    /// As [`Source::keys`], naming the document.
    pub(crate) fn keys(&self, source: &Source<'_>) -> Result<Option<Keys>> {
        source.keys(&self.spec).map_err(|error| error.with("id", source.id))
    }
}

/// One index of a store and what it has been good for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IndexInfo {
    /// The collection whose documents it holds.
    pub collection: Collection,
    /// The only type of documents that it holds; all when absent.
    pub entity: Option<EntityName>,
    /// What it was declared to be.
    pub spec: IndexSpec,
    /// How many keys it holds.
    pub keys: u64,
    /// The bytes of memory that it takes, about; 0 when the backend does not tell.
    pub bytes: u64,
    /// How many queries it has answered since the store was opened.
    pub uses: u64,
    /// Whether a document has an array in one of its fields, and so several keys.
    pub is_multikey: bool,
}

impl IndexInfo {
    pub(crate) fn new(definition: &Definition) -> Self {
        Self {
            collection: definition.collection,
            entity: definition.entity,
            spec: definition.spec.clone(),
            keys: 0,
            bytes: 0,
            uses: 0,
            is_multikey: false,
        }
    }
}
