//! Edges between two nodes, and their removal.

use jvspatial_db::{Handle, Id};

use super::{Graph, detached};
use crate::entity::{Edge, Stored};
use crate::error::Result;
use crate::query::out;

impl Graph {
    /// The edges of type `E` that lead from `source` to `target`, oldest first: none, one, or several
    /// of a `parallel` type. Undirected edges lead either way.
    ///
    /// # Errors
    /// `Invalid` when the fields of an edge do not fit `E`.
    pub async fn edges_between<E: Edge>(
        &self,
        source: impl AsRef<Id>,
        target: impl AsRef<Id>,
    ) -> Result<Vec<Stored<E>>> {
        let edges = self.edge_handles::<E>(source.as_ref(), target.as_ref()).await?;
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let documents = self.0.database.get_many(&edges).await?;
        documents
            .into_iter()
            .flatten()
            .map(|document| Stored::from_document(detached(document)))
            .collect()
    }

    /// Removes the edges of type `E` that lead from `source` to `target`, and says how many there were.
    /// Undirected edges lead either way. An edge that someone else creates meanwhile may stay.
    ///
    /// # Errors
    /// What the backend reports.
    ///
    /// # Cancellation
    /// The edges may have been removed.
    pub async fn disconnect<E: Edge>(
        &self,
        source: impl AsRef<Id>,
        target: impl AsRef<Id>,
    ) -> Result<u64> {
        let edges = self.edge_handles::<E>(source.as_ref(), target.as_ref()).await?;
        let mut removed = 0;
        for edges in edges.chunks(self.0.limits.operations) {
            let mut batch = self.batch();
            for edge in edges {
                batch.delete(edge.id().clone(), None, false)?;
            }
            let report = self.0.database.write(batch).await?;
            removed += report.written() as u64;
        }
        Ok(removed)
    }

    /// Looks through the edges that leave `source`; none of them is read.
    async fn edge_handles<E: Edge>(&self, source: &Id, target: &Id) -> Result<Vec<Handle>> {
        let mut expansion = out::<E>().into_database()?;
        expansion.with_edges = true;
        let from = [Handle::new(source.clone())];
        let adjacent = self.0.database.neighbors(&from, &expansion).await?;
        Ok(adjacent
            .into_iter()
            .filter(|adjacent| adjacent.node.id() == target)
            .filter_map(|adjacent| adjacent.edge)
            .collect())
    }
}
