//! Reading documents by id.

use jvspatial_db::{Document, Handle, Id};

use super::Graph;
use crate::entity::{Entity, Stored};
use crate::error::{Error, ErrorKind, Result};

impl Graph {
    /// Reads the document `id`, or `None` when there is none.
    ///
    /// # Errors
    /// `Invalid` when the id is not one of a `T` or the stored fields do not fit `T`, `Unsupported`
    /// when a newer version of `T` wrote it.
    pub async fn get<T: Entity>(&self, id: impl AsRef<Id>) -> Result<Option<Stored<T>>> {
        let id = id.as_ref();
        check_type::<T>(id)?;
        let document = match self.0.database.get_kept(id) {
            Some(kept) => kept,
            None => {
                let documents = self.0.database.get_many(&[Handle::new(id.clone())]).await?;
                documents.into_iter().next().flatten()
            }
        };
        document.map(Stored::from_document).transpose()
    }

    /// Reads many documents of one type in one round trip, all as of one point in time.
    ///
    /// The answer has one place for each id, in order; a missing document is `None`, and an id given
    /// twice is answered twice.
    ///
    /// # Errors
    /// As [`get`](Self::get), for the first that fails.
    pub async fn get_many<T: Entity>(
        &self,
        ids: &[impl AsRef<Id>],
    ) -> Result<Vec<Option<Stored<T>>>> {
        let handles =
            ids.iter().map(|id| typed_handle::<T>(id.as_ref())).collect::<Result<Vec<_>>>()?;
        let documents = self.0.database.get_many(&handles).await?;
        documents
            .into_iter()
            .map(|document| document.map(detached).map(Stored::from_document).transpose())
            .collect()
    }
}

/// A document that does not keep alive those it was read with.
pub(crate) fn detached(mut document: Document) -> Document {
    document.body = document.body.detach();
    document
}

fn typed_handle<T: Entity>(id: &Id) -> Result<Handle> {
    check_type::<T>(id)?;
    Ok(Handle::new(id.clone()))
}

/// Refuses the id of another type before anything is asked of the database.
pub(super) fn check_type<T: Entity>(id: &Id) -> Result<()> {
    if id.collection() == T::COLLECTION && id.is_entity(T::entity_name()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "id is of another type")
        .with("id", id)
        .with("expected", format_args!("{}.{}", T::COLLECTION.letter(), T::NAME)))
}
