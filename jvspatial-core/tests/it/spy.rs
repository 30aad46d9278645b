//! A database that lets other tasks in between any two calls and counts the calls.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jvspatial_core::Graph;
use jvspatial_db::{
    Adjacent, Bson, Capabilities, Collection, Cursor, Database, Document, Expansion, FieldPath,
    Filter, Handle, Id, MemoryDb, OrdinalPin, Query, Result, WriteBatch, WriteReport,
};

#[derive(Debug, Default)]
pub(crate) struct Spy {
    inner: MemoryDb,
    /// Deletes the next edges that are asked for before they are read, as a rival might.
    pub(crate) edges_vanish: AtomicBool,
    /// What a rival deletes, with its edges, before the next write.
    pub(crate) rival_deletes: Mutex<Vec<Id>>,
    pub(crate) reads: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    pub(crate) expansions: AtomicUsize,
}

impl Spy {
    pub(crate) fn graph() -> (Graph, Arc<Self>) {
        let spy = Arc::new(Self::default());
        (Graph::with_database(spy.clone()), spy)
    }

    async fn delete(&self, ids: Vec<Id>) -> Result<()> {
        let mut batch = WriteBatch::new(self.inner.capabilities().encoding);
        for id in ids {
            batch.delete(id, None, true)?;
        }
        assert!(self.inner.write(batch).await?.is_complete());
        Ok(())
    }

    async fn note(&self, calls: &AtomicUsize) {
        calls.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Database for Spy {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.note(&self.reads).await;
        let edges = handles.iter().any(|handle| handle.id().collection() == Collection::Edge);
        if edges && self.edges_vanish.swap(false, Ordering::Relaxed) {
            let ids = handles.iter().map(|handle| handle.id().clone());
            self.delete(ids.collect()).await?;
        }
        self.inner.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        self.note(&self.writes).await;
        let rivals = std::mem::take(&mut *self.rival_deletes.lock().expect("lock"));
        self.delete(rivals).await?;
        self.inner.write(batch).await
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.note(&self.reads).await;
        self.inner.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.note(&self.reads).await;
        self.inner.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.note(&self.reads).await;
        self.inner.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.note(&self.expansions).await;
        self.inner.neighbors(from, expansion).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.inner.pin_ordinals()
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
