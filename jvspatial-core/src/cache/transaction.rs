//! A transaction whose writes count once it commits.

use std::sync::Arc;

use async_trait::async_trait;
use bson::Bson;
use jvspatial_db::{
    Adjacent, Capabilities, ChangeStream, Collection, Cursor, Database, Document, EntityName,
    Expansion, Explanation, FieldPath, Filter, Handle, Id, IndexInfo, IndexSpec, OrdinalPin,
    OrdinalSet, Query, Result, Transaction, WatchOptions, WriteBatch, WriteReport,
};
use parking_lot::Mutex;

use super::coherence::Coherence;
use super::database::is_unknown;
use super::reads;
use super::touched::Touched;

/// A transaction on a database behind a cache. Nothing that is kept is read here, and nothing kept that is read: it
/// sees the graph as it was, with what it has written itself.
#[derive(Debug)]
pub(super) struct CachedTransaction {
    transaction: Arc<dyn Transaction>,
    coherence: Arc<Coherence>,
    /// Absent when something was written that was not noted.
    touched: Mutex<Option<Touched>>,
}

impl CachedTransaction {
    pub(super) fn new(transaction: Arc<dyn Transaction>, coherence: Arc<Coherence>) -> Self {
        Self { transaction, coherence, touched: Mutex::new(Some(Touched::default())) }
    }
}

#[async_trait]
impl Transaction for CachedTransaction {
    async fn commit(&self) -> Result<()> {
        let touched = self.touched.lock().clone();
        let transaction = Arc::clone(&self.transaction);
        let commit = async move { transaction.commit().await };
        let is_unknown = |answer: &Result<()>| answer.as_ref().is_err_and(is_unknown);
        self.coherence.change(touched, commit, is_unknown).await
    }

    fn is_outrun(&self) -> bool {
        self.transaction.is_outrun()
    }
}

#[async_trait]
impl Database for CachedTransaction {
    fn capabilities(&self) -> &Capabilities {
        self.transaction.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        reads::note(&self.coherence, |noted| noted.documents(handles.iter().map(Handle::id)));
        self.transaction.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        {
            let mut touched = self.touched.lock();
            match &mut *touched {
                Some(touched) if self.coherence.is_used() => touched.merge(Touched::by(&batch)),
                _ => *touched = None,
            }
        }
        self.transaction.write(batch).await
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        reads::note(&self.coherence, |noted| noted.found(query.collection, &query.filter));
        self.transaction.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        reads::note(&self.coherence, |noted| noted.found(collection, filter));
        self.transaction.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        reads::note(&self.coherence, |noted| noted.found(collection, filter));
        self.transaction.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        let Some(following) = reads::Following::note(&self.coherence, from, expansion) else {
            return self.transaction.neighbors(from, expansion).await;
        };
        let met = self.transaction.neighbors(from, following.expansion()).await?;
        Ok(following.note_met(met))
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        let Some(following) = reads::Following::note(&self.coherence, from, expansion) else {
            return self.transaction.neighbors_except(from, expansion, known).await;
        };
        let met = self.transaction.neighbors_except(from, following.expansion(), known).await?;
        Ok(following.note_met(met))
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        self.transaction.create_index(collection, entity, spec).await
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        self.transaction.drop_index(collection, entity, name).await
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.transaction.indexes(collection).await
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        self.transaction.explain(query).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        self.transaction.begin().await
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.transaction.watch(options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.transaction.pin_ordinals()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.transaction.handle(id)
    }

    async fn close(&self) -> Result<()> {
        self.transaction.close().await
    }
}
