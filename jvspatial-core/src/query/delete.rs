//! Deleting what a search finds.

use std::time::Duration;

use jvspatial_db::{Document, Filter, Handle, Id, Outcome, Version, WriteBatch};
use tokio::time::Instant;

use super::find::Find;
use crate::entity::Entity;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, detaches};

/// How many documents are deleted in one batch.
const CHUNK: usize = 256;

/// How long to wait before documents are looked at again that others were changing.
const PAUSE: Duration = Duration::from_millis(1);

/// What [`Find::delete`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteReport {
    /// How many documents that were found.
    pub documents: u64,
    /// How many edges went with their nodes.
    pub edges: u64,
}

impl<T: Entity> Find<T> {
    /// Deletes all documents found, nodes together with their edges, in batches.
    ///
    /// A document that someone changes meanwhile is deleted only if it would still be found. With
    /// `skip` or `limit` the deletion fails with `Invalid`.
    ///
    /// # Errors
    /// The error of the filter; `Conflict` when others changed a document until the graph's deadline
    /// for [`modify`](Graph::modify) passed; what the backend reports. The fact `deleted` says how
    /// many documents were deleted by then.
    ///
    /// # Cancellation
    /// Some documents may have been deleted.
    pub async fn delete(self) -> Result<DeleteReport> {
        let mut deletion = self.begin_deletion().await?;
        let mut report = DeleteReport::default();
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            while chunk.len() < CHUNK
                && let Some(Document { id, version, .. }) = deletion.documents.try_next().await?
            {
                chunk.push((id, version));
            }
            if chunk.is_empty() {
                return Ok(report);
            }
            if let Err(error) = deletion.delete(chunk, &mut report).await {
                return Err(error.with("deleted", report.documents));
            }
        }
    }

    async fn begin_deletion(self) -> Result<Deletion> {
        let (graph, filter) = self.into_target()?;
        let query = jvspatial_db::Query::new(T::COLLECTION, filter.clone());
        let documents = graph.database().find(query).await?;
        Ok(Deletion { graph, filter, documents })
    }
}

/// A deletion on its way.
struct Deletion {
    graph: Graph,
    filter: Filter,
    documents: jvspatial_db::Cursor,
}

impl Deletion {
    /// Deletes documents at the versions that they were found at, and looks again at those that were
    /// changed.
    async fn delete(&self, found: Vec<(Id, Version)>, report: &mut DeleteReport) -> Result<()> {
        let deadline = Instant::now() + self.graph.change_deadline();
        let mut changed = self.delete_unchanged(found, report).await?;
        while let Some(first) = changed.first() {
            if Instant::now() >= deadline {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "document was changed by others until the deadline passed",
                )
                .with("id", first));
            }
            tokio::time::sleep(PAUSE).await;
            let handles: Vec<Handle> = changed.into_iter().map(Handle::new).collect();
            let mut again = Vec::new();
            for document in self.graph.database().get_many(&handles).await?.into_iter().flatten() {
                if self.filter.is_all() || self.filter.matches(&document.to_bson()?) {
                    again.push((document.id, document.version));
                }
            }
            changed = self.delete_unchanged(again, report).await?;
        }
        Ok(())
    }

    /// Deletes what still has its version, and returns the rest.
    async fn delete_unchanged(
        &self,
        found: Vec<(Id, Version)>,
        report: &mut DeleteReport,
    ) -> Result<Vec<Id>> {
        let mut batch = WriteBatch::new(self.graph.database().capabilities().encoding);
        for (id, version) in &found {
            batch.delete(id.clone(), Some(*version), detaches(id))?;
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let written = self.graph.database().write(batch).await?;
        report.edges += written.detached;
        let mut changed = Vec::new();
        for ((id, _), outcome) in found.into_iter().zip(written.outcomes) {
            match outcome {
                Outcome::Conflict { .. } => changed.push(id),
                Outcome::Missing(_) => {}
                outcome => {
                    outcome.into_result(&id)?;
                    report.documents += 1;
                }
            }
        }
        Ok(changed)
    }
}
