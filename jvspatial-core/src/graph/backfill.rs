//! Giving versions to documents that were written without.

use jvspatial_db::{BackfillOptions, Collection, backfill};

use super::Graph;
use crate::error::Result;

impl Graph {
    /// Gives version 1 to the nodes, edges and objects that have none, such as those that the Python library wrote, and
    /// returns how many those were. Nothing else of them changes.
    ///
    /// They are written in batches. A call after one that was interrupted goes on with what is left. A save that gets
    /// ahead of it wins. Writers that keep no versions must not be at work meanwhile, since nobody can tell that
    /// they wrote. [`jvspatial_db::backfill`] does it by portions.
    ///
    /// # Errors
    /// What the backend reports. Some documents may have been given a version.
    ///
    /// # Cancellation
    /// Some documents may have been given a version.
    pub async fn backfill(&self) -> Result<u64> {
        let mut versioned = 0;
        for collection in [Collection::Node, Collection::Edge, Collection::Object] {
            let options = BackfillOptions::new();
            versioned += backfill(&**self.database(), collection, options).await?.versioned;
        }
        Ok(versioned)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jvspatial_db::{EntityName, Envelope, Id, Version, WriteBatch, doc};

    use super::*;

    #[tokio::test]
    async fn every_kind_of_document_gains_a_version() {
        let graph = Graph::open("memory:").await.unwrap();
        let mut batch = WriteBatch::new(graph.database().capabilities().encoding);
        for collection in [Collection::Node, Collection::Object] {
            let id = Id::with_key(collection, EntityName::new("City").unwrap(), "oslo").unwrap();
            let envelope = Envelope { version: Version::NONE, schema: 1, link: None };
            batch.insert_as(id, &doc! {}, envelope).unwrap();
        }
        assert!(graph.database().write(batch).await.unwrap().is_complete());
        assert_eq!(graph.backfill().await.unwrap(), 2);
        assert_eq!(graph.backfill().await.unwrap(), 0);
    }
}
