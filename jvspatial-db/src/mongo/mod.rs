//! MongoDB, by its official driver, none of whose types is seen outside of this module.

mod batches;
mod client;
mod error;
mod find;
mod get;
mod options;
mod sieve;
mod stored;
mod summary;
mod url;

use std::fmt;
use std::sync::Arc;

use bson::Bson;

pub use options::MongoDbOptions;

use self::client::Client;
use crate::database::Cursor;
use crate::document::Document;
use crate::error::Result;
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::query::Query;

/// A database on a MongoDB server.
///
/// Documents are stored as the Python library stores them: collections `node`, `edge`, `object` and `jvspatial`,
/// the user's fields under `context`.
pub struct MongoDb {
    client: Arc<Client>,
    max_sort_bytes: usize,
}

impl MongoDb {
    /// Connects to the database that `url` names, such as `mongodb://host1,host2/airports?replicaSet=rs`.
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
        let target = url::parse(url, options.deadline).await?;
        let client = Arc::new(Client::connect(target, options.deadline).await?);
        Ok(Self { client, max_sort_bytes: options.max_sort_bytes })
    }

    /// Reads the documents of `handles`, all of them as they were at one point in time; see
    /// [`Database::get_many`](crate::Database::get_many).
    ///
    /// # Errors
    /// `Corrupt` when a stored document is not one of ours, `Unavailable` when the server does not answer.
    pub async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        get::get_many(&self.client, handles).await
    }

    /// Finds documents, all of them as they were at one point in time; see
    /// [`Database::find`](crate::Database::find).
    ///
    /// The server keeps that time for five minutes unless it was told otherwise; a cursor that is read later
    /// ends with `Unavailable`.
    ///
    /// # Errors
    /// Here and from the cursor: `Corrupt` when a stored document is not one of ours; `Unavailable` when the
    /// server does not answer; `Invalid` for a hint that names no index, and when a document cannot be sorted so;
    /// `Limit` when sorting takes too much memory, on the server or here.
    pub async fn find(&self, query: Query) -> Result<Cursor> {
        find::find(&self.client, query, self.max_sort_bytes).await
    }

    /// Counts the documents that match, on the server; see [`Database::count`](crate::Database::count).
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        summary::count(&self.client, collection, filter).await
    }

    /// The values at `field` in the documents that match, each once and in ascending order; see
    /// [`Database::distinct`](crate::Database::distinct).
    ///
    /// # Errors
    /// `Limit` when the values take more than [`MAX_DISTINCT_BYTES`](crate::limits::MAX_DISTINCT_BYTES),
    /// `Unavailable` when the server does not answer.
    pub async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        summary::distinct(&self.client, collection, field, filter).await
    }

    /// Waits for the calls under way and lets go of the connections; calls made after fail with `Closed`.
    ///
    /// Closing twice succeeds.
    ///
    /// # Errors
    /// `Unavailable` when the calls do not end before the deadline; the database then stays open.
    pub async fn close(&self) -> Result<()> {
        self.client.close().await
    }
}

impl fmt::Debug for MongoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDb").field("client", &self.client).finish_non_exhaustive()
    }
}
