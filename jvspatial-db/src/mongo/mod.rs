//! MongoDB, by its official driver, none of whose types is seen outside of this module.

mod batches;
mod client;
mod error;
mod explain;
mod filters;
mod find;
mod get;
mod indexes;
mod live;
mod neighbors;
mod observer;
mod options;
mod pool;
mod reader;
mod seen;
mod sessions;
mod settings;
mod sieve;
mod stored;
mod summary;
mod transaction;
mod url;
mod watch;
mod write;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bson::Bson;

pub use observer::{CommandObserver, SentCommand};
pub use options::MongoDbOptions;
pub use pool::PoolStats;

use self::client::Client;
use self::indexes::Catalog;
use self::live::Live;
use self::reader::Reader;
use self::transaction::MongoTransaction;
use self::write::Lanes;
use crate::capabilities::{Capabilities, Isolation};
use crate::codec::Encoding;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::indexes::{Explanation, IndexInfo, IndexSpec};
use crate::query::Query;
use crate::transaction::Transaction;
use crate::watch::{ChangeStream, WatchOptions};
use crate::write::{WriteBatch, WriteReport};

/// A database on a MongoDB server.
///
/// Documents are stored as the Python library stores them: collections `node`, `edge`, `object` and `jvspatial`,
/// the user's fields under `context`. Beside them stand two indexes by which edges are followed, and a small
/// collection `jvspatial.lock` that transactions write.
///
/// A batch of operations that do not depend on one another is written without a transaction unless it is atomic,
/// so readers may see a part of it. Any other batch is seen whole or not at all. A write whose reply is lost is
/// asked for again under its number; [`Outcome::Unknown`](crate::Outcome) is left only when no server answers
/// before the deadline.
///
/// Transactions are the server's, of [`Isolation::Snapshot`]. A command that the server refuses ends one, and every
/// call after that fails with `Closed`; what can be judged here is not left to the server.
///
/// A cursor sees the time at which it began, which a server keeps for five minutes unless it was told otherwise;
/// one that is read later ends with `Unavailable`. No error holds the user or the password.
pub struct MongoDb {
    client: Arc<Client>,
    catalog: Arc<Catalog>,
    lanes: Arc<Lanes>,
    capabilities: Capabilities,
    max_sort_bytes: usize,
}

impl MongoDb {
    /// Connects to the database that `url` names, such as `mongodb://host1,host2/airports?replicaSet=rs`, and makes
    /// the indexes by which edges are followed.
    ///
    /// The server must be of version 5.0 or later and part of a replica set, be it of one member, or of a
    /// sharded cluster. The runtime of tokio that this is called in must live as long as the database.
    ///
    /// # Errors
    /// `Invalid` for a malformed URL, one without a database, one by which acknowledged writes could be lost
    /// (`w=0`, `w=1`, `retryWrites=false`), and a user or password that the server refuses; `Unavailable` when
    /// no server answers before the deadline; `Unsupported` for a server that is too old or stands alone.
    /// No message holds the user or the password.
    pub async fn open(url: &str, options: MongoDbOptions) -> Result<Self> {
        let target = url::parse(url, &options).await?;
        let client = Arc::new(Client::connect(target, options.deadline).await?);
        let catalog = Arc::new(Catalog::default());
        client.change(|task| async move { indexes::make_own(&task).await }).await?;
        catalog.refresh(&client).await?;
        let mut capabilities = Capabilities::new("mongodb", Encoding::Bson);
        capabilities.shared = true;
        capabilities.atomic_batches = true;
        capabilities.persistent = true;
        capabilities.transactions = Some(Isolation::Snapshot);
        capabilities.change_feed = true;
        let lanes = Arc::default();
        Ok(Self { client, catalog, lanes, capabilities, max_sort_bytes: options.max_sort_bytes })
    }

    /// The connections to each server as they are now, in the order in which the servers became known; none after
    /// closing.
    pub fn pools(&self) -> Vec<PoolStats> {
        self.client.pools()
    }

    fn reader(&self) -> Reader {
        Reader::from(&self.client)
    }
}

#[async_trait]
impl Database for MongoDb {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        get::get_many(&self.reader(), handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        write::write(&self.client, &self.catalog, &self.lanes, batch).await
    }

    async fn find(&self, mut query: Query) -> Result<Cursor> {
        self.catalog.resolve_hint(&mut query)?;
        find::find(&self.reader(), query, self.max_sort_bytes).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        summary::count(&self.reader(), collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        summary::distinct(&self.reader(), collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        neighbors::neighbors(&self.reader(), from, expansion).await
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        indexes::create(&self.client, &self.catalog, collection, entity, spec).await
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        indexes::drop_one(&self.client, &self.catalog, collection, entity, name).await
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        indexes::list(&self.client, &self.catalog, collection).await
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        explain::explain(&self.client, &self.catalog, query, self.max_sort_bytes).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        let live = Live::begin(&self.client).await?;
        Ok(Arc::new(MongoTransaction::new(
            live,
            &self.client,
            &self.catalog,
            &self.capabilities,
            self.max_sort_bytes,
        )))
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        watch::watch(&self.client, options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::default()
    }

    async fn close(&self) -> Result<()> {
        self.client.close().await
    }
}

impl fmt::Debug for MongoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDb").field("client", &self.client).finish_non_exhaustive()
    }
}
