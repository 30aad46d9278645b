//! Making, dropping and listing single indexes.

use jvspatial_db::{Collection, IndexInfo};

use super::Graph;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::query::Index;

/// Where the documents of an application are.
const COLLECTIONS: [Collection; 3] = [Collection::Node, Collection::Edge, Collection::Object];

impl Graph {
    /// Makes an index on the documents of type `T` and fills it:
    /// `graph.create_index::<Airport>(|a| Index::on(a.state.asc()).sparse())`. One that is there as it is
    /// to be is left as it is.
    ///
    /// It is kept until it is dropped. What a type always needs is better declared on it, see
    /// [`apply_indexes`](Self::apply_indexes).
    ///
    /// # Errors
    /// `Duplicate` when documents share a key that is to be unique, with the facts `violations`, how many
    /// there are, and `documents`, the ids of some; `Invalid` when an index on the same fields has other
    /// options, or two fields lie in different lists of a document; `Limit` for more than 64 indexes of a
    /// collection; those of [`Index::into_spec`]; `Unsupported` on backends without indexes. There is no index
    /// then.
    ///
    /// # Cancellation
    /// The index may be made.
    pub async fn create_index<T: Entity>(
        &self,
        index: impl FnOnce(T::Fields) -> Index,
    ) -> Result<()> {
        let spec = index(T::fields()).into_spec()?;
        let created = self.0.database.create_index(T::COLLECTION, Some(T::entity_name()), spec);
        created.await.map_err(|error| Error::from(error).with("entity", T::NAME))
    }

    /// Drops the index on the documents of type `T` that is called `name`, such as
    /// `context.state_1_context.latitude_-1`; `false` when there is none.
    ///
    /// # Errors
    /// `Unsupported` on backends without indexes, and what else the backend reports.
    ///
    /// # Cancellation
    /// The index may be dropped.
    pub async fn drop_index<T: Entity>(&self, name: &str) -> Result<bool> {
        let dropped = self.0.database.drop_index(T::COLLECTION, Some(T::entity_name()), name);
        Ok(dropped.await?)
    }

    /// The indexes on nodes, then those on edges and on objects, as they were made: what they are, how
    /// large, and how many searches each has answered since the database was opened.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn indexes(&self) -> Result<Vec<IndexInfo>> {
        let mut found = Vec::new();
        for collection in COLLECTIONS {
            found.extend(self.0.database.indexes(collection).await?);
        }
        Ok(found)
    }
}
