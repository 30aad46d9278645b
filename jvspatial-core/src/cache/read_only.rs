//! A database that is only read.

use std::sync::Arc;

use async_trait::async_trait;
use bson::Bson;
use jvspatial_db::{
    Adjacent, Capabilities, ChangeStream, Collection, Cursor, Database, Document, EntityName,
    Error, ErrorKind, Expansion, Explanation, FieldPath, Filter, Handle, Id, IndexInfo, IndexSpec,
    OrdinalPin, OrdinalSet, Query, Result, Transaction, UpdateReport, UpdateRequest, WatchOptions,
    WriteBatch, WriteReport,
};

/// A database, or a transaction on it, that refuses every write.
#[derive(Debug)]
pub(crate) struct ReadOnly<D: Database + ?Sized = dyn Database>(Arc<D>);

impl<D: Database + ?Sized> ReadOnly<D> {
    pub(crate) const fn new(database: Arc<D>) -> Self {
        Self(database)
    }
}

fn refused(what: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, "graph only reads")
        .with("refused", what)
        .with("setting", "read_only")
        .with("expected", "a graph that was opened without it")
}

#[async_trait]
impl<D: Database + ?Sized> Database for ReadOnly<D> {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.0.get_many(handles).await
    }

    fn get_kept(&self, id: &Id) -> Option<Option<Document>> {
        self.0.get_kept(id)
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        if batch.is_empty() {
            return self.0.write(batch).await;
        }
        Err(refused("write"))
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.0.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.0.count(collection, filter).await
    }

    // Before anything is looked for: a change that matches nothing is refused as well.
    async fn update(&self, _: UpdateRequest) -> Result<UpdateReport> {
        Err(refused("update"))
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.0.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.0.neighbors(from, expansion).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        self.0.neighbors_except(from, expansion, known).await
    }

    async fn create_index(&self, _: Collection, _: Option<EntityName>, _: IndexSpec) -> Result<()> {
        Err(refused("making an index"))
    }

    async fn drop_index(&self, _: Collection, _: Option<EntityName>, _: &str) -> Result<bool> {
        Err(refused("dropping an index"))
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.0.indexes(collection).await
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        self.0.explain(query).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        Ok(Arc::new(ReadOnly(self.0.begin().await?)))
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.0.watch(options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.0.pin_ordinals()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.0.handle(id)
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

#[async_trait]
impl Transaction for ReadOnly<dyn Transaction> {
    async fn commit(&self) -> Result<()> {
        self.0.commit().await
    }

    fn is_outrun(&self) -> bool {
        self.0.is_outrun()
    }
}
