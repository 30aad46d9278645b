//! A database that holds writes back, loses their replies and refuses them, as it is told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jvspatial_core::ErrorKind;
use jvspatial_db::{
    Adjacent, Bson, Capabilities, ChangeStream, Collection, Cursor, Database, Document, EntityName,
    Error, Expansion, Explanation, FieldPath, Filter, Handle, Id, IndexInfo, IndexSpec, MemoryDb,
    OrdinalPin, Outcome, Query, Result, Transaction, WatchOptions, WriteBatch, WriteReport,
};
use tokio::sync::{Notify, Semaphore};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happens, and that is told.
    Away,
    /// Nothing happens, and the reply is lost.
    LostBefore,
    /// It happens, and the reply is lost.
    LostAfter,
    /// Nothing happens, and each operation is told to be unknown.
    UnknownBefore,
    /// It happens, and each operation is told to be unknown.
    UnknownAfter,
}

#[derive(Debug)]
pub(crate) struct Fickle {
    pub(crate) inner: MemoryDb,
    /// Has one permit while writes may pass.
    gate: Semaphore,
    /// What becomes of the next writes.
    faults: Mutex<VecDeque<Fault>>,
    /// A batch with it is refused.
    pub(crate) poison: Mutex<Option<Id>>,
    /// What the reply of the next write waits for.
    late: Mutex<Option<Arc<Notify>>>,
    /// What was written, with its version, in order.
    written: Mutex<Vec<(Id, Option<u64>)>>,
    pub(crate) reads: AtomicUsize,
    pub(crate) writes: AtomicUsize,
}

impl Default for Fickle {
    fn default() -> Self {
        Self {
            inner: MemoryDb::new(),
            gate: Semaphore::new(1),
            faults: Mutex::default(),
            poison: Mutex::default(),
            late: Mutex::default(),
            written: Mutex::default(),
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
        }
    }
}

impl Fickle {
    /// Lets no write pass any more.
    pub(crate) async fn hold(&self) {
        self.gate.acquire().await.unwrap().forget();
    }

    /// Lets writes pass again.
    pub(crate) fn release(&self) {
        self.gate.add_permits(1);
    }

    /// Has the reply of the next write wait until what comes is notified.
    pub(crate) fn be_late(&self) -> Arc<Notify> {
        let late = Arc::new(Notify::new());
        *self.late.lock().unwrap() = Some(Arc::clone(&late));
        late
    }

    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// What was written so far, in order.
    pub(crate) fn written(&self) -> Vec<(Id, Option<u64>)> {
        self.written.lock().unwrap().clone()
    }

    /// The document `id` as it is stored.
    pub(crate) async fn stored(&self, id: &Id) -> Option<Document> {
        self.inner.get_many(&[Handle::new(id.clone())]).await.unwrap().remove(0)
    }

    async fn apply(&self, batch: WriteBatch) -> Result<WriteReport> {
        let late = self.late.lock().unwrap().take();
        let ids: Vec<Id> = batch.operations().iter().map(|one| one.id.clone()).collect();
        let report = self.inner.write(batch).await?;
        if let Some(late) = late {
            late.notified().await;
        }
        let mut written = self.written.lock().unwrap();
        for (id, outcome) in ids.into_iter().zip(&report.outcomes) {
            if outcome.is_written() {
                written.push((id, outcome.version().map(|version| version.get())));
            }
        }
        Ok(report)
    }
}

#[async_trait]
impl Database for Fickle {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.acquire().await.unwrap());
        tokio::task::yield_now().await;
        let poison = self.poison.lock().unwrap().clone();
        if batch.operations().iter().any(|one| Some(&one.id) == poison.as_ref()) {
            return Err(Error::invalid("batch cannot be stored"));
        }
        let fault = self.faults.lock().unwrap().pop_front();
        let lost = || Error::new(ErrorKind::Unknown, "reply was lost");
        let count = batch.len();
        let unknown = move || {
            Ok(WriteReport { outcomes: vec![Outcome::Unknown; count], ..WriteReport::default() })
        };
        match fault {
            None => self.apply(batch).await,
            Some(Fault::Away) => Err(Error::new(ErrorKind::Unavailable, "database is away")),
            Some(Fault::LostBefore) => Err(lost()),
            Some(Fault::LostAfter) => self.apply(batch).await.and_then(|_| Err(lost())),
            Some(Fault::UnknownBefore) => unknown(),
            Some(Fault::UnknownAfter) => self.apply(batch).await.and_then(|_| unknown()),
        }
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.inner.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.inner.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.inner.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.inner.neighbors(from, expansion).await
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        self.inner.create_index(collection, entity, spec).await
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        self.inner.drop_index(collection, entity, name).await
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.inner.indexes(collection).await
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        self.inner.explain(query).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        self.inner.begin().await
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.inner.watch(options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.inner.pin_ordinals()
    }

    /// What it holds can still be looked at.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
