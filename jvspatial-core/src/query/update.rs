//! Changing what a search finds, without reading it first.

use std::fmt;
use std::marker::PhantomData;

use jvspatial_db::{Document, Filter, Id, Returning, UpdateReport, UpdateRequest, Upsert};

use super::change::Change;
use super::find::Find;
use crate::entity::{Entity, Standalone, Stored};
use crate::error::Result;
use crate::graph::{Graph, detached};

/// An update of the documents that a [`Find`] selects; made by [`Find::update`].
///
/// Nothing happens before one of [`one`](Self::one), [`many`](Self::many),
/// [`returning_before`](Self::returning_before) and [`returning_after`](Self::returning_after) is
/// called; a filter or a change that cannot be is reported there. The database changes the stored
/// fields by MongoDB's rules and does not ask whether the result fits `T`.
///
/// ```
/// use jvspatial_core::{Graph, Result, Root};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// graph.root().await?;
/// let seen = bson::doc! { "$inc": { "context.visits": 1 } };
/// let updated = graph.nodes::<Root>().update_doc(&seen).many().await?;
/// assert_eq!((updated.matched, updated.modified), (1, 1));
/// # Ok(())
/// # }
/// ```
#[must_use = "an update does nothing until it is told how many documents to change"]
pub struct FindUpdate<T> {
    target: Result<(Graph, Filter)>,
    change: Change,
    upsert: bool,
    entity: PhantomData<fn() -> T>,
}

/// What a [`FindUpdate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated {
    /// How many documents were found and are as the update says.
    pub matched: u64,
    /// How many of them were not before; each has its next version.
    pub modified: u64,
    /// The id of the document that was made because none was found.
    pub inserted: Option<Id>,
}

impl<T: Entity> Find<T> {
    /// Changes the fields of what is found: `|u| u.reach.inc(1).and(u.name.set("x"))`.
    ///
    /// With `skip` or `limit` the update fails with `Invalid`.
    pub fn update(self, change: impl FnOnce(T::Fields) -> Change) -> FindUpdate<T> {
        self.updated_by(change(T::fields()))
    }

    /// Changes the fields of what is found by MongoDB's update language. Its paths are the stored
    /// ones: `context.state` for a field.
    pub fn update_doc(self, update: &bson::Document) -> FindUpdate<T> {
        self.updated_by(Change::parse(update))
    }

    fn updated_by(self, change: Change) -> FindUpdate<T> {
        FindUpdate { target: self.into_target(), change, upsert: false, entity: PhantomData }
    }
}

impl<T: Standalone> FindUpdate<T> {
    /// Makes a document when none is found: with the fields that the filter says are equal to
    /// something, changed by the update. Its id is the one that the filter names, or a new one.
    /// Default: makes none.
    ///
    /// Tasks that make a document with the id of their filter make one, and the others change it.
    /// Without an id each may make its own.
    pub const fn upsert(mut self) -> Self {
        self.upsert = true;
        self
    }
}

impl<T: Entity> FindUpdate<T> {
    /// Changes one document, the first that is found.
    ///
    /// # Errors
    /// The error of the filter or the change; `Invalid` when an operator does not suit the document;
    /// `Conflict` when others changed it until the graph's deadline for
    /// [`modify`](Graph::modify) passed; `Duplicate` when a unique key is taken, naming the index and
    /// the document that has it, or an upsert's id by a document that is not found.
    ///
    /// # Cancellation
    /// The document may have been changed.
    pub async fn one(self) -> Result<Updated> {
        Ok(Updated::new(self.run(false, Returning::Nothing).await?))
    }

    /// Changes all documents found, each as a whole and once, in batches; what changes so that it is
    /// not found any more before its turn comes is left alone.
    ///
    /// # Errors
    /// As [`one`](Self::one), with the fact `modified`: how many documents had been changed by then.
    ///
    /// # Cancellation
    /// Some documents may have been changed.
    pub async fn many(self) -> Result<Updated> {
        Ok(Updated::new(self.run(true, Returning::Nothing).await?))
    }

    /// Changes one document and returns it as it was, or `None` when there was none.
    ///
    /// # Errors
    /// As [`one`](Self::one), and `Invalid` when the fields did not fit `T`; the document is changed
    /// then all the same.
    ///
    /// # Cancellation
    /// The document may have been changed.
    pub async fn returning_before(self) -> Result<Option<Stored<T>>> {
        self.run(false, Returning::Before).await?.document.map(decode).transpose()
    }

    /// Changes one document and returns it as it is now, or `None` when there is none.
    ///
    /// # Errors
    /// As [`one`](Self::one), and `Invalid` when the fields do not fit `T` any more; the document is
    /// changed then all the same.
    ///
    /// # Cancellation
    /// The document may have been changed.
    pub async fn returning_after(self) -> Result<Option<Stored<T>>> {
        self.run(false, Returning::After).await?.document.map(decode).transpose()
    }

    async fn run(self, many: bool, returning: Returning) -> Result<UpdateReport> {
        let (graph, filter) = self.target?;
        let mut request = UpdateRequest::one(T::COLLECTION, filter, self.change.into_update()?)
            .returning(returning)
            .deadline(graph.change_deadline());
        request.many = many;
        if self.upsert {
            request = request.upsert(Upsert::new(graph.new_id::<T>()).schema(T::SCHEMA));
        }
        Ok(graph.database().update(request).await?)
    }
}

impl Updated {
    fn new(report: UpdateReport) -> Self {
        let UpdateReport { matched, modified, inserted, .. } = report;
        Self { matched, modified, inserted }
    }
}

fn decode<T: Entity>(document: Document) -> Result<Stored<T>> {
    Stored::from_document(detached(document))
}

impl<T> fmt::Debug for FindUpdate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindUpdate")
            .field("target", &self.target)
            .field("change", &self.change)
            .field("upsert", &self.upsert)
            .finish()
    }
}
