//! Creating nodes and objects.

use std::future::poll_fn;
use std::task::Poll;

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Id, Outcome, WriteBatch, WriteReport};

use super::Graph;
use super::batch::failed;
use crate::entity::{Entity, Standalone, Stored};
use crate::error::{Error, Result};

impl Graph {
    /// Creates a node or an object under a new id.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when the value cannot be stored, naming the field; `Duplicate` when a
    /// unique key is taken, with the facts `index`, its name, and `taken by`, the id of the document that
    /// has the key.
    ///
    /// # Cancellation
    /// It may have been created.
    pub async fn create<T: Standalone>(&self, value: T) -> Result<Stored<T>> {
        let id = Id::generated(T::COLLECTION, T::entity_name(), self.0.ids.next_key());
        self.insert(id, value).await
    }

    /// Creates a node or an object whose id ends in `key`: `n.City.oslo`.
    ///
    /// # Errors
    /// `Duplicate` when the id is taken, `Invalid` or `Limit` when the key breaks the rule of [`Id`],
    /// otherwise as [`create`](Self::create).
    ///
    /// # Cancellation
    /// It may have been created.
    pub async fn create_with_key<T: Standalone>(
        &self,
        key: impl AsRef<str>,
        value: T,
    ) -> Result<Stored<T>> {
        self.insert(T::id(key)?, value).await
    }

    /// Creates many nodes or objects of one type, with ids in the order of the values.
    ///
    /// They go out in one batch of up to 100,000 documents or 64 MiB
    /// ([`GraphBuilder`](crate::GraphBuilder) has the setters), larger sets in several, one after
    /// the other. Each batch is all or nothing on a backend with
    /// [`atomic_batches`](jvspatial_db::Capabilities::atomic_batches).
    ///
    /// # Errors
    /// As [`create`](Self::create), for the first document that failed: its place among the values is
    /// the fact `position`, and how many documents were created is the fact `written`. Nothing is
    /// tried after the batch that failed.
    ///
    /// # Cancellation
    /// Some batches may have been written, each whole as above.
    pub async fn create_many<T: Standalone>(
        &self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Stored<T>>> {
        let values: Vec<T> = values.into_iter().collect();
        let keys = self.0.ids.reserve(values.len());
        let ids = keys.map(|key| Id::generated(T::COLLECTION, T::entity_name(), key));
        self.insert_many(ids, values).await
    }

    /// Creates many nodes or objects of one type whose ids end in the given keys, in the order of the
    /// values.
    ///
    /// Batches are as for [`create_many`](Self::create_many).
    ///
    /// # Errors
    /// `Duplicate` when an id is taken or a key is given twice; `Invalid` or `Limit` when a key breaks
    /// the rule of [`Id`], before anything is written; otherwise as
    /// [`create_many`](Self::create_many), with the same facts.
    ///
    /// # Cancellation
    /// As for [`create_many`](Self::create_many).
    pub async fn create_many_with_keys<T: Standalone>(
        &self,
        values: impl IntoIterator<Item = (impl AsRef<str>, T)>,
    ) -> Result<Vec<Stored<T>>> {
        let pairs = values.into_iter();
        let expected = pairs.size_hint().0.min(MAX_BATCH_OPERATIONS);
        let (mut ids, mut values) = (Vec::with_capacity(expected), Vec::with_capacity(expected));
        for (key, value) in pairs {
            ids.push(T::id(key).map_err(|error| failed(error, ids.len(), 0))?);
            values.push(value);
        }
        self.insert_many(ids.iter().cloned(), values).await
    }

    /// Creates documents in batches that are all or nothing if the backend can.
    async fn insert_many<T: Standalone>(
        &self,
        mut ids: impl Iterator<Item = Id> + Clone + Send,
        values: Vec<T>,
    ) -> Result<Vec<Stored<T>>> {
        let mut created = Vec::with_capacity(values.len());
        let mut values = values.into_iter();
        while !values.as_slice().is_empty() {
            let written = created.len();
            let batch = self.batch_of(ids.clone(), values.as_slice(), written)?;
            let count = batch.len();
            let mut writing = self.0.database.write(batch);
            // What is returned is put together while the backend writes.
            let begun = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
            let batch = ids.by_ref().zip(values.by_ref()).take(count);
            created.extend(batch.map(|(id, value)| Stored::created(id, value, None)));
            let report = match begun {
                Poll::Ready(report) => report,
                Poll::Pending => writing.await,
            };
            let report = report.map_err(|error| Error::from(error).with("written", written))?;
            check_created(created.get(written..).unwrap_or_default(), report, written)?;
        }
        Ok(created)
    }

    /// The batch that creates the first of `values`, as many as go into one; `written` stand before them.
    fn batch_of<T: Standalone>(
        &self,
        ids: impl Iterator<Item = Id>,
        values: &[T],
        written: usize,
    ) -> Result<WriteBatch> {
        let mut batch = self.atomic_batch();
        batch.reserve(values.len().min(self.0.limits.operations));
        for (position, (id, value)) in ids.zip(values).enumerate() {
            batch
                .insert_with(id, value, T::SCHEMA, None)
                .map_err(|error| failed(error.into(), written + position, written))?;
            if self.0.limits.filled_by(&batch) {
                break;
            }
        }
        Ok(batch)
    }

    /// Creates a node or an object under `id`.
    pub(super) async fn insert<T: Standalone>(&self, id: Id, value: T) -> Result<Stored<T>> {
        let mut batch = self.batch();
        batch.insert_with(id.clone(), &value, T::SCHEMA, None)?;
        self.write_version(batch, &id).await?;
        Ok(Stored::created(id, value, None))
    }
}

/// Fails as the first of the documents `new` that was not created; `written` stand before them.
fn check_created<T: Entity>(new: &[Stored<T>], report: WriteReport, written: usize) -> Result<()> {
    let total = written + report.written();
    // A skipped document says nothing about why; the one it was skipped for does.
    let blamed = |outcome: &Outcome| !outcome.is_written() && *outcome != Outcome::Skipped;
    for (index, (stored, outcome)) in new.iter().zip(report.outcomes).enumerate() {
        if blamed(&outcome) {
            outcome
                .into_result(stored.id())
                .map_err(|error| failed(error.into(), written + index, total))?;
        }
    }
    Ok(())
}
