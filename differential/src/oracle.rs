//! Whoever knows the right answers.

use async_trait::async_trait;
use bson::{Bson, Document};
use jvspatial_db::Database;

/// What an oracle fails with when it says nothing.
pub(crate) type Reply<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What a server says to a command.
#[derive(Clone, Debug)]
pub(crate) enum Response {
    /// Its whole reply.
    Given(Document),
    /// The command is one that it does not carry out.
    Refused(String),
}

/// One collection of a server that takes MongoDB's commands.
#[async_trait]
pub(crate) trait Oracle: Sync {
    /// What commands call the collection.
    fn collection(&self) -> &str;

    /// Makes these the documents of the collection, and no others.
    async fn load(&self, documents: &[Document]) -> Reply<()>;

    /// An empty database of ours on the same server, if there is a real one.
    async fn ours(&self) -> Reply<Option<Box<dyn Database>>> {
        Ok(None)
    }

    /// Runs a command. Answers fit into their first batch.
    async fn run(&self, command: Document) -> Reply<Response>;
}

/// The documents in the reply to `find` or `aggregate`.
pub(crate) fn first_batch(reply: &Document) -> Reply<&[Bson]> {
    let cursor = reply.get_document("cursor")?;
    if cursor.get_i64("id")? != 0 {
        return Err("an answer goes on after its first batch".into());
    }
    Ok(cursor.get_array("firstBatch")?)
}
