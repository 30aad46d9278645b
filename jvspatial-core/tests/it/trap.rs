//! A database at which a process stops, as if it were killed: before its nth write, or after it and before it hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use jvspatial_core::Graph;
use jvspatial_db::{
    Adjacent, Bson, Capabilities, Collection, Cursor, Database, Document, Expansion, FieldPath,
    Filter, Handle, Id, OrdinalPin, OrdinalSet, Query, Result, WriteBatch, WriteReport,
};
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Trap {
    inner: Arc<dyn Database>,
    capabilities: Capabilities,
    /// How many writes go well.
    left: AtomicUsize,
    after: AtomicBool,
    sprung: Notify,
    /// How many writes are on their way, also those for which nobody waits any more.
    running: Arc<AtomicUsize>,
    /// How many batches were applied.
    pub(crate) applied: AtomicUsize,
    /// How many atomic batches were asked for, and how many others.
    pub(crate) atomic: AtomicUsize,
    pub(crate) others: AtomicUsize,
}

impl Trap {
    /// One that springs at write number `left`, counted from 0.
    pub(crate) fn new(graph: &Graph, left: usize, after: bool) -> Arc<Self> {
        Arc::new(Self {
            inner: graph.database().clone(),
            capabilities: graph.database().capabilities().clone(),
            left: AtomicUsize::new(left),
            after: AtomicBool::new(after),
            sprung: Notify::new(),
            running: Arc::default(),
            applied: AtomicUsize::new(0),
            atomic: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
        })
    }

    /// A graph in a database that cannot make a batch all or nothing.
    pub(crate) fn without_atomic_batches(graph: &Graph) -> Graph {
        let mut trap = Self::new(graph, usize::MAX, false);
        if let Some(trap) = Arc::get_mut(&mut trap) {
            trap.capabilities.atomic_batches = false;
        }
        trap.graph()
    }

    pub(crate) fn graph(self: &Arc<Self>) -> Graph {
        Graph::with_database(self.clone())
    }

    /// Has it spring at another write, counted from now.
    pub(crate) fn set(&self, left: usize, after: bool) {
        self.left.store(left, Ordering::Relaxed);
        self.after.store(after, Ordering::Relaxed);
    }

    /// What `awaited` comes to, unless the trap springs before; then it is dropped where it waits.
    pub(crate) async fn watch<T>(&self, awaited: impl Future<Output = T>) -> Option<T> {
        match select(Box::pin(awaited), Box::pin(self.sprung.notified())).await {
            Either::Left((awaited, _)) => Some(awaited),
            Either::Right(((), _)) => None,
        }
    }

    /// Waits until no write is on its way.
    pub(crate) async fn settled(&self) {
        while self.running.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Writes in a task of its own, as a driver may: a batch that was begun is written whoever waits.
    async fn write_apart(&self, batch: WriteBatch) -> Result<WriteReport> {
        let (inner, running) = (self.inner.clone(), Running::begin(&self.running));
        let written = tokio::spawn(async move {
            let report = inner.write(batch).await;
            drop(running);
            report
        });
        written.await.unwrap()
    }

    async fn stop<T>(&self) -> T {
        self.sprung.notify_one();
        std::future::pending().await
    }
}

/// A write on its way, until this is dropped.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets others in, so that a future can be dropped there.
async fn pause() {
    tokio::task::yield_now().await;
}

#[async_trait]
impl Database for Trap {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn handle(&self, id: &Id) -> Handle {
        self.inner.handle(id)
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        pause().await;
        self.inner.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        // A graph has a write go on that was begun, whoever waits for it.
        let _running = Running::begin(&self.running);
        pause().await;
        let kind = if batch.is_atomic() { &self.atomic } else { &self.others };
        kind.fetch_add(1, Ordering::Relaxed);
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(1))
        });
        let springs = left == Ok(0);
        if springs && !self.after.load(Ordering::Relaxed) {
            return self.stop().await;
        }
        let report = self.write_apart(batch).await;
        let is_applied = report.as_ref().is_ok_and(WriteReport::is_complete);
        self.applied.fetch_add(usize::from(is_applied), Ordering::Relaxed);
        if springs {
            return self.stop().await;
        }
        pause().await;
        report
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        pause().await;
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
        pause().await;
        self.inner.neighbors(from, expansion).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        pause().await;
        self.inner.neighbors_except(from, expansion, known).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.inner.pin_ordinals()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
