//! Transactions: the server's own, in one session.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bson::Bson;
use tokio::sync::RwLock;

use super::client::Client;
use super::indexes::{self, Catalog};
use super::live::Live;
use super::reader::Reader;
use super::{find, get, neighbors, summary, write};
use crate::capabilities::Capabilities;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::indexes::{Explanation, IndexInfo, IndexSpec};
use crate::query::Query;
use crate::transaction::Transaction;
use crate::write::{WriteBatch, WriteReport};

/// A transaction, given up when this is dropped.
pub(super) struct MongoTransaction {
    live: Arc<Live>,
    client: Arc<Client>,
    catalog: Arc<Catalog>,
    reader: Reader,
    /// What is read by several commands is not to be written between them.
    turn: RwLock<()>,
    capabilities: Capabilities,
    max_sort_bytes: usize,
}

impl MongoTransaction {
    pub(super) fn new(
        live: Arc<Live>,
        client: &Arc<Client>,
        catalog: &Arc<Catalog>,
        capabilities: &Capabilities,
        max_sort_bytes: usize,
    ) -> Self {
        Self {
            reader: Reader::inside(client, &live),
            live,
            client: Arc::clone(client),
            catalog: Arc::clone(catalog),
            turn: RwLock::default(),
            capabilities: Capabilities {
                transactions: None,
                change_feed: false,
                ..capabilities.clone()
            },
            max_sort_bytes,
        }
    }
}

fn unsupported(what: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}

#[async_trait]
impl Database for MongoTransaction {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        let _turn = self.turn.read().await;
        get::get_many(&self.reader, handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        let _turn = self.turn.write().await;
        write::write_inside(&self.live, &self.catalog, batch).await
    }

    async fn find(&self, mut query: Query) -> Result<Cursor> {
        let _turn = self.turn.read().await;
        self.catalog.resolve_hint(&mut query)?;
        find::find(&self.reader, query, self.max_sort_bytes).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        summary::count(&self.reader, collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        summary::distinct(&self.reader, collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        let _turn = self.turn.read().await;
        neighbors::neighbors(&self.reader, from, expansion).await
    }

    async fn create_index(&self, _: Collection, _: Option<EntityName>, _: IndexSpec) -> Result<()> {
        Err(unsupported("a transaction makes no indexes"))
    }

    async fn drop_index(&self, _: Collection, _: Option<EntityName>, _: &str) -> Result<bool> {
        Err(unsupported("a transaction drops no indexes"))
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.reader.check_open().await?;
        indexes::list(&self.client, &self.catalog, collection).await
    }

    async fn explain(&self, _: Query) -> Result<Explanation> {
        Err(unsupported("a server explains no searches of a transaction"))
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        Err(unsupported("a transaction begins no transactions"))
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::default()
    }

    async fn close(&self) -> Result<()> {
        self.live.give_up().await;
        Ok(())
    }
}

#[async_trait]
impl Transaction for MongoTransaction {
    async fn commit(&self) -> Result<()> {
        self.live.commit().await
    }

    fn is_outrun(&self) -> bool {
        self.live.is_outrun()
    }
}

impl Drop for MongoTransaction {
    fn drop(&mut self) {
        self.live.end();
    }
}

impl fmt::Debug for MongoTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MongoTransaction")
    }
}
