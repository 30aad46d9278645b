//! The reference backend: small, in memory, plain enough to be the oracle of every other.

mod adjacency;
mod index;
mod state;
mod transaction;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bson::Bson;
use futures_util::stream;
use parking_lot::RwLock;

use self::state::State;
use self::transaction::MemoryTransaction;
use self::watch::{Feed, KEPT};
use crate::capabilities::{Capabilities, Isolation};
use crate::codec::Encoding;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::indexes::{Definition, Explanation, IndexInfo, IndexSpec};
use crate::limits::MAX_SORT_BYTES;
use crate::query::Query;
use crate::transaction::Transaction;
use crate::watch::{ChangeStream, WatchOptions};
use crate::write::{WriteBatch, WriteReport};

/// A database in memory, gone with its last handle.
///
/// For tests and small throw-away graphs: it scans where the other backends look up, indexes apart. A find copies
/// its matches before the first one is returned.
#[derive(Debug)]
pub struct MemoryDb {
    capabilities: Capabilities,
    max_sort_bytes: usize,
    /// Shared with the transactions that began at it, and copied when it changes meanwhile.
    state: Arc<RwLock<Arc<State>>>,
    feed: Arc<Feed>,
}

impl MemoryDb {
    /// An empty database.
    pub fn new() -> Self {
        let mut capabilities = Capabilities::new("memory", Encoding::Bson);
        capabilities.atomic_batches = true;
        capabilities.transactions = Some(Isolation::Serializable);
        capabilities.change_feed = true;
        let feed = Arc::new(Feed::new(KEPT));
        Self { capabilities, max_sort_bytes: MAX_SORT_BYTES, state: Arc::default(), feed }
    }

    /// How much memory the keys of one sort may take; a find that needs more is refused. Default:
    /// [`MAX_SORT_BYTES`].
    #[must_use]
    pub const fn max_sort_bytes(mut self, bytes: usize) -> Self {
        self.max_sort_bytes = bytes;
        self
    }

    /// How many of the newest changes are kept for whoever [watches](Database::watch) them; a batch of more is
    /// lost history to all. Default: 100,000. Together their documents may have 16 MiB.
    #[must_use]
    pub fn kept_changes(mut self, changes: usize) -> Self {
        self.feed = Arc::new(Feed::new(changes));
        self
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        let state = self.state.read();
        state.check_open()?;
        read(&state)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state.write();
        state.check_open()?;
        let state = Arc::make_mut(&mut state);
        let result = change(state);
        self.feed.publish(state.take_changes());
        result
    }
}

impl Default for MemoryDb {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Database for MemoryDb {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.read(|state| Ok(state.get_many(handles)))
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        batch.check_encoding(self.capabilities.encoding)?;
        self.change(|state| state.write(&batch))
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        let (found, _) = self.read(|state| state.answer(&query, self.max_sort_bytes))?;
        Ok(Cursor::new(stream::iter(found.into_iter().map(Ok))))
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        let query = Query::new(collection, filter.clone());
        let (found, _) = self.read(|state| state.answer(&query, self.max_sort_bytes))?;
        Ok(found.len() as u64)
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        let query = Query::new(collection, filter.clone());
        self.read(|state| query.answer_distinct(state.all(), field))
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        self.change(|state| state.create_index(Definition::new(collection, entity, spec)))
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        self.change(|state| Ok(state.drop_index(collection, entity, name)))
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.read(|state| Ok(state.indexes(collection)))
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        let start = Instant::now();
        let (_, mut explanation) = self.read(|state| state.answer(&query, self.max_sort_bytes))?;
        explanation.elapsed = start.elapsed();
        Ok(explanation)
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.read(|state| state.neighbors(from, expansion))
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        let state = self.state.read();
        state.check_open()?;
        Ok(Arc::new(MemoryTransaction::new(
            (Arc::clone(&self.state), Arc::clone(&self.feed)),
            Arc::clone(&state),
            &self.capabilities,
            self.max_sort_bytes,
        )))
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.read(|_| self.feed.watch(options))
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::default()
    }

    async fn close(&self) -> Result<()> {
        Arc::make_mut(&mut self.state.write()).closed = true;
        self.feed.close();
        Ok(())
    }
}

impl Drop for MemoryDb {
    fn drop(&mut self) {
        self.feed.close();
    }
}
