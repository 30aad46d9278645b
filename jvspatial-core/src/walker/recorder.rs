//! A transaction that notes what is written into it and is never committed.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jvspatial_db::{
    Adjacent, Bson, Capabilities, ChangeStream, Collection, Cursor, Database, Document, EntityName,
    Error, ErrorKind, Expansion, Explanation, FieldPath, Filter, Handle, Id, IndexInfo, IndexSpec,
    OrdinalPin, OrdinalSet, Query, Result, Transaction, WatchOptions, WriteBatch, WriteReport,
};
use tokio::sync::Mutex;

use super::plan::{Ledger, PlannedChange};

/// The database of a dry run.
///
/// It is a transaction too, so that a walk that is all or nothing has one to commit: that settles only whether its
/// changes count.
pub(super) struct Recorder {
    transaction: Arc<dyn Transaction>,
    ledger: Arc<Mutex<Ledger>>,
    is_committed: AtomicBool,
}

impl Recorder {
    pub(super) fn new(transaction: Arc<dyn Transaction>) -> Self {
        Self { transaction, ledger: Arc::default(), is_committed: AtomicBool::new(false) }
    }

    /// What the walk would have changed.
    pub(super) async fn changes(&self) -> Result<Vec<PlannedChange>> {
        self.ledger.lock().await.changes(&*self.transaction).await
    }

    /// Whether a walk that is all or nothing came to its end.
    pub(super) fn is_committed(&self) -> bool {
        self.is_committed.load(Ordering::Relaxed)
    }

    /// Gives the transaction up, also where a hook has kept a handle of it.
    pub(super) async fn give_up(&self) -> Result<()> {
        let _writes = self.ledger.lock().await;
        self.transaction.close().await
    }
}

#[async_trait]
impl Database for Recorder {
    fn capabilities(&self) -> &Capabilities {
        self.transaction.capabilities()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.transaction.handle(id)
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.transaction.get_many(handles).await
    }

    /// Writes in a task of its own: a hook may be dropped where it waits, and what is written must be noted.
    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        let mut ledger = Arc::clone(&self.ledger).lock_owned().await;
        let transaction = Arc::clone(&self.transaction);
        let written = tokio::spawn(async move { ledger.write(&*transaction, batch).await });
        match written.await {
            Ok(report) => report,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Error::new(ErrorKind::Unknown, "the runtime stopped during a write")),
            },
        }
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.transaction.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.transaction.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.transaction.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.transaction.neighbors(from, expansion).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        self.transaction.neighbors_except(from, expansion, known).await
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

    /// Gives nothing up: the changes are still to be read. The dry run does it.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Transaction for Recorder {
    async fn commit(&self) -> Result<()> {
        self.is_committed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn is_outrun(&self) -> bool {
        self.transaction.is_outrun()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recorder").field(&self.transaction).finish()
    }
}
