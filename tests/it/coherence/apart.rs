//! A database seen by a process that is not as others are.

use std::sync::Arc;

use async_trait::async_trait;
use jvspatial::db::{
    Adjacent, Bson, Capabilities, ChangeStream, Collection, Cursor, Database, Document, Expansion,
    FieldPath, Filter, Handle, MongoDb, MongoDbOptions, OrdinalPin, Query, Result, WatchOptions,
    WriteBatch, WriteReport,
};

use super::figures::say;

/// A database that tells of no changes, or whose writes are never answered.
#[derive(Debug)]
pub(super) struct Apart {
    database: MongoDb,
    capabilities: Capabilities,
    answers: bool,
}

impl Apart {
    async fn open(url: &str) -> Self {
        let database = MongoDb::open(url, MongoDbOptions::new()).await.unwrap();
        let capabilities = database.capabilities().clone();
        Self { database, capabilities, answers: true }
    }

    /// One that tells of no changes.
    pub(super) async fn without_feed(url: &str) -> Arc<dyn Database> {
        let mut apart = Self::open(url).await;
        apart.capabilities.change_feed = false;
        Arc::new(apart)
    }

    /// One that tells of none either, and whose writes happen without an answer: the process says `written`, and hangs.
    pub(super) async fn without_answers(url: &str) -> Arc<dyn Database> {
        let mut apart = Self::open(url).await;
        (apart.capabilities.change_feed, apart.answers) = (false, false);
        Arc::new(apart)
    }
}

#[async_trait]
impl Database for Apart {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.database.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        let report = self.database.write(batch).await?;
        if !self.answers {
            assert!(report.is_complete());
            say(format_args!("written"));
            std::future::pending::<()>().await;
        }
        Ok(report)
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.database.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.database.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.database.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.database.neighbors(from, expansion).await
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.database.watch(options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.database.pin_ordinals()
    }

    async fn close(&self) -> Result<()> {
        self.database.close().await
    }
}
