//! Writes that are acknowledged before they are written.
//!
//! What is accepted waits in a queue ([`queue`]) with the documents that it leaves, by which the next is judged ([`judge`]); a task
//! writes it in order ([`writer`]).

mod judge;
mod options;
mod queue;
mod shared;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use bson::Bson;
use jvspatial_db::{
    Adjacent, Capabilities, ChangeStream, Collection, Cursor, Database, Document, EntityName,
    Expansion, Explanation, FieldPath, Filter, Handle, Id, IndexInfo, IndexSpec, OrdinalPin,
    OrdinalSet, Query, Result, Transaction, WatchOptions, WriteBatch, WriteReport,
};

use super::database::CachedDatabase;
use super::epochs::Time;
use super::finish::to_the_end;
use super::reads;
use super::slot::Slot;
use super::statistics::WriteBehindStatistics;
pub use options::{RefusedWrite, WriteBehind};
use shared::Shared;

/// How often documents are looked for that change meanwhile, before what is pending is waited for.
const ROUNDS: usize = 3;

/// A database that acknowledges writes before they are written, or a transaction on it, which begins and commits behind them.
#[derive(Debug)]
pub(crate) struct WritesBehind<D: Database + ?Sized = CachedDatabase> {
    database: Arc<D>,
    shared: Arc<Shared>,
    /// Absent in a transaction.
    owner: Option<Owner>,
}

/// Ends the task that writes when nobody is left to write for.
#[derive(Debug)]
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

impl WritesBehind {
    pub(super) fn new(below: Arc<CachedDatabase>, options: WriteBehind) -> Self {
        let shared = Arc::new(Shared::new(Arc::clone(&below), options));
        let owner = Some(Owner(Arc::clone(&shared)));
        Self { database: below, shared, owner }
    }

    /// Waits until what was acknowledged is written.
    pub(super) async fn flush(&self) -> Result<()> {
        self.shared.flushed().await
    }

    pub(super) fn statistics(&self) -> WriteBehindStatistics {
        self.shared.statistics()
    }
}

impl<D: Database + ?Sized> WritesBehind<D> {
    const fn is_transaction(&self) -> bool {
        self.owner.is_none()
    }

    /// The database, with all that was acknowledged until now.
    async fn flushed(&self) -> Result<&D> {
        if !self.is_transaction() && !self.shared.queue.is_closed() {
            self.shared.flushed().await?;
        }
        Ok(&self.database)
    }

    /// The documents of `handles`, of which some are `pending`; nothing when the others changed after `since`, which was before
    /// it was known what is pending.
    async fn mixed(
        &self,
        handles: &[Handle],
        pending: Vec<Option<Option<Document>>>,
        since: Time,
    ) -> Result<Option<Vec<Option<Document>>>> {
        let epochs = self.shared.below.coherence.epochs();
        let others = || handles.iter().zip(&pending).filter(|(_, found)| found.is_none());
        let others: Vec<Handle> = others().map(|(handle, _)| handle.clone()).collect();
        let slots: Vec<Slot> = others.iter().map(|handle| Slot::document(handle.id())).collect();
        if others.is_empty() {
            return Ok(Some(pending.into_iter().map(Option::flatten).collect()));
        }
        let mut found = self.database.get_many(&others).await?.into_iter();
        if !epochs.is_unchanged(since, &slots) {
            return Ok(None);
        }
        let whole = pending.into_iter().map(|one| one.or_else(|| found.next()).flatten());
        Ok(Some(whole.collect()))
    }
}

#[async_trait]
impl<D: Database + ?Sized> Database for WritesBehind<D> {
    fn capabilities(&self) -> &Capabilities {
        self.database.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        if self.is_transaction() {
            return self.database.get_many(handles).await;
        }
        let coherence = &self.shared.below.coherence;
        reads::note(coherence, |noted| noted.documents(handles.iter().map(Handle::id)));
        for _ in 0..ROUNDS {
            let since = coherence.epochs().now();
            let pending = self.shared.queue.pending(handles);
            if pending.iter().all(Option::is_none) {
                return self.database.get_many(handles).await;
            }
            if let Some(found) = self.mixed(handles, pending, since).await? {
                return Ok(found);
            }
        }
        self.flushed().await?.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        if self.is_transaction() {
            return self.database.write(batch).await;
        }
        Box::pin(self.shared.write(batch)).await
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.flushed().await?.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.flushed().await?.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.flushed().await?.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.flushed().await?.neighbors(from, expansion).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        self.flushed().await?.neighbors_except(from, expansion, known).await
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        if self.is_transaction() {
            return self.database.create_index(collection, entity, spec).await;
        }
        let shared = Arc::clone(&self.shared);
        // Nothing is accepted meanwhile that the index may refuse.
        to_the_end(async move {
            let _gate = shared.gate().await;
            shared.flushed().await?;
            let made = shared.below.create_index(collection, entity, spec).await;
            shared.forget_indexes();
            made
        })
        .await
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        if self.is_transaction() {
            return self.database.drop_index(collection, entity, name).await;
        }
        let _gate = self.shared.gate().await;
        let dropped = self.flushed().await?.drop_index(collection, entity, name).await;
        self.shared.forget_indexes();
        dropped
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.flushed().await?.indexes(collection).await
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        self.flushed().await?.explain(query).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        let database = self.flushed().await?.begin().await?;
        Ok(Arc::new(WritesBehind { database, shared: Arc::clone(&self.shared), owner: None }))
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.flushed().await?.watch(options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.database.pin_ordinals()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.database.handle(id)
    }

    async fn close(&self) -> Result<()> {
        if self.is_transaction() {
            return self.database.close().await;
        }
        let flushed = self.shared.close().await;
        let closed = self.database.close().await;
        flushed.and(closed)
    }
}

#[async_trait]
impl Transaction for WritesBehind<dyn Transaction> {
    async fn commit(&self) -> Result<()> {
        let (shared, transaction) = (Arc::clone(&self.shared), Arc::clone(&self.database));
        // What it conflicts with has to be written, and nothing may be judged by what it is about to change.
        to_the_end(async move {
            let _gate = shared.gate().await;
            if let Err(error) = shared.flushed().await {
                let _ = transaction.close().await;
                return Err(error);
            }
            transaction.commit().await
        })
        .await
    }

    fn is_outrun(&self) -> bool {
        self.database.is_outrun()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jvspatial_db::{MemoryDb, Version};
    use parking_lot::Mutex;

    use super::*;
    use crate::cache::coherence::Peers;
    use crate::cache::touched::Touched;
    use crate::cache::written::Written;
    use crate::cache::{CacheOptions, Strategy};
    use crate::graph::Graph;

    /// What is stored whenever others are told of a change.
    #[derive(Debug)]
    struct Others {
        database: Arc<MemoryDb>,
        found: Mutex<Vec<Option<Version>>>,
    }

    #[async_trait]
    impl Peers for Others {
        async fn tell(&self, _: &Touched, _: &[Written]) {
            let found = self.database.get_many(&[Handle::new(Id::root())]).await.unwrap();
            self.found.lock().push(found[0].as_ref().map(|root| root.version));
        }

        fn is_heard(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn others_are_told_of_a_write_when_it_is_written() {
        let database = Arc::new(MemoryDb::new());
        let options = CacheOptions::new().strategy(Strategy::WriteBehind(WriteBehind::new()));
        let graph = Graph::builder().database(database.clone()).cache(options);
        let graph = graph.open().await.unwrap();
        let others = Arc::new(Others { database, found: Mutex::default() });
        graph.kept().unwrap().coherence().join(|| others.clone());
        graph.root().await.unwrap();
        assert!(others.found.lock().is_empty(), "they were told when it was acknowledged");
        graph.flush().await.unwrap();
        assert_eq!(*others.found.lock(), [Some(Version::FIRST)]);
    }
}
