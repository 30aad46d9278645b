//! The contract of a backend.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bson::Bson;
use futures_core::Stream;

use crate::capabilities::Capabilities;
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle, Id};
use crate::indexes::{Explanation, IndexInfo, IndexSpec};
use crate::ordinal_set::OrdinalSet;
use crate::query::Query;
use crate::transaction::Transaction;
use crate::update::{UpdateReport, UpdateRequest, run};
use crate::watch::{ChangeStream, WatchOptions};
use crate::write::{WriteBatch, WriteReport};

/// A database of documents: what a backend must provide, and nothing that can be built on top.
///
/// Every call has a deadline set by the backend's options (10 s by default). Dropping the future of
/// any call is safe: a read has no effect, and a write that was handed over happens whole or, when
/// it fails, not at all, only nobody learns which.
///
/// The behaviour listed at each method is what the conformance suite checks on every backend.
#[async_trait]
pub trait Database: fmt::Debug + Send + Sync + 'static {
    /// What this backend can do.
    fn capabilities(&self) -> &Capabilities;

    /// Reads the documents of `handles`.
    ///
    /// # Behaviour
    /// - The answer has one place for each handle, in order; a missing document is `None`.
    /// - A handle given twice is answered twice.
    /// - All of them are seen at one point in time.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes are not what was written, `Unavailable` when they cannot be read.
    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>>;

    /// The document `id` if it is kept by a cache and known to be true, found without waiting and without memory for a future.
    ///
    /// `Some(None)` says that there is none, and `None`, as a backend always answers, to ask by [`get_many`](Self::get_many).
    fn get_kept(&self, id: &Id) -> Option<Option<Document>> {
        let _ = id;
        None
    }

    /// Applies a batch.
    ///
    /// # Behaviour
    /// - The report has one outcome for each operation, in order. Operations are applied in order and
    ///   see the ones before them.
    /// - An empty batch succeeds and does nothing.
    /// - Readers see an atomic batch whole or not at all. Of another one they may see a part on a backend behind a
    ///   network, if its operations are of documents that have nothing to do with one another.
    /// - In an atomic batch one failure leaves everything as it was; the others are `Skipped`.
    /// - Acknowledged means as durable as the backend was configured to be.
    ///
    /// # Errors
    /// Those that concern the whole batch: `Invalid` for a batch in another encoding, `Limit`,
    /// `Unavailable` (nothing happened), `Unknown` (it may have), `Poisoned`, `Closed`.
    ///
    /// # Cancellation
    /// Once polled, the batch may be applied even if the future is dropped, and then as if it had not been; the next
    /// write of the same handle finds it settled.
    async fn write(&self, batch: WriteBatch) -> Result<WriteReport>;

    /// Finds documents.
    ///
    /// # Behaviour
    /// - The cursor sees the collection at one point in time, from before its first document is read.
    /// - Documents come in the order of the query's sort. Without one they come in an order of the
    ///   backend's choosing, the same each time while nothing is written.
    /// - With a position, only documents after or before it come.
    /// - Bodies hold the fields that the projection lets through. The envelope of each document is whole.
    /// - Memory does not grow with the size of the answer, except by the sort keys when no index gives
    ///   the order; with a limit only by those of as many documents as are wanted.
    ///
    /// # Errors
    /// Here and from the cursor: `Corrupt`, `Unavailable`; `Invalid` when a document cannot be sorted
    /// so (see [`Sort`](crate::Sort)); `Limit` when sorting would take more memory than the backend's
    /// options allow (100 MiB by default).
    async fn find(&self, query: Query) -> Result<Cursor>;

    /// Counts the documents that match.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64>;

    /// Changes documents in place by MongoDB's update language.
    ///
    /// # Behaviour
    /// - Each document is changed as a whole or not at all, and only if it matches at that moment: no
    ///   change that anyone else makes meanwhile is lost.
    /// - A document that was changed has its next version. One that is as it should be is not written.
    /// - Of many documents, those that match when the call begins are changed, each at most once. They
    ///   are not changed all at once: readers may see some of them changed.
    /// - An upsert makes one document when none matches, by MongoDB's rules; of several that would make
    ///   the same id, one makes it and the others change it.
    ///
    /// By default it reads, changes and writes, and begins again for a document that was written
    /// meanwhile.
    ///
    /// # Errors
    /// `Invalid` when an operator does not suit a document, naming it, or a document cannot be made of
    /// the filter; `Limit`; `Duplicate` when an upsert's id is taken by a document that does not match;
    /// `Conflict` when others changed a document until the request's deadline passed; those of
    /// [`find`](Self::find) and [`write`](Self::write). Of many, some may have been changed by then; the
    /// fact `modified` says how many.
    ///
    /// # Cancellation
    /// Some documents may have been changed, each as a whole.
    async fn update(&self, request: UpdateRequest) -> Result<UpdateReport> {
        run(self, request).await
    }
    /// The values at `field` in the documents that match, each once.
    ///
    /// # Behaviour
    /// - The elements of an array stand for the array, one level deep; a missing field for nothing.
    /// - The path goes through arrays on its way; a number in it is then a place.
    /// - Values are equal as a filter has it: of `1` and `1.0` one is returned, the same on every backend.
    /// - They come in ascending order, by type and then by content.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; `Limit` when the values take more than
    /// [`MAX_DISTINCT_BYTES`](crate::limits::MAX_DISTINCT_BYTES).
    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>>;

    /// Follows edges from all nodes of `from` at once.
    ///
    /// # Behaviour
    /// - The answer is ordered by the place of the start node in `from`, then by the creation of the edge.
    /// - Parallel edges yield their node once each; a start node given twice is answered twice.
    /// - A start node that does not exist has no neighbours. An edge that leads nowhere yields nothing, unless the
    ///   expansion [may dangle](Expansion::may_dangle).
    /// - With a [limit](Expansion::limit) it has exactly as many neighbours, as long as there are more to come; those that
    ///   come [after a place](Expansion::after) are those of the answer without it, from there on. Memory grows with the limit
    ///   and not with the number of edges.
    /// - All of it is seen at one point in time. Answers that follow one another are of different ones, and one with a limit
    ///   may itself be, with an edge filter: edges that are there all the time are told once each.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; `Limit` when `from` has 2³² nodes or more.
    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>>;

    /// As [`neighbors`](Self::neighbors), but may leave out nodes in `known`, for a caller who has no use for
    /// them.
    ///
    /// # Behaviour
    /// - A node that is not in `known` is never left out.
    /// - Backends without ordinals leave out none, which is what this does by default.
    ///
    /// # Errors
    /// As [`neighbors`](Self::neighbors).
    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        let _ = known;
        self.neighbors(from, expansion).await
    }

    /// Makes an index on the documents of a collection, or on those of one type, and fills it.
    ///
    /// # Behaviour
    /// - An index is named by collection, type and [name](IndexSpec::name). Making one that is there already
    ///   with the same options succeeds and does nothing.
    /// - It is kept for as long as the documents are.
    /// - It changes no answer, only how it is found; a unique one refuses documents with a key that another has.
    /// - A failure leaves no index.
    ///
    /// # Errors
    /// `Duplicate` when documents share a key that is to be unique, naming some; `Invalid` when one of that name
    /// has other options, or two of its fields lie in different arrays of a document; `Limit`; `Unsupported` on
    /// backends without indexes; `Corrupt`, `Unavailable`, `Poisoned`, `Closed`.
    ///
    /// # Cancellation
    /// The index may be made even if the future is dropped.
    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        let _ = (collection, entity, spec);
        Err(without_indexes(self.capabilities()))
    }

    /// Drops an index; `false` when there is none of that name.
    ///
    /// # Errors
    /// `Unsupported` on backends without indexes; `Unavailable`, `Poisoned`, `Closed`.
    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        let _ = (collection, entity, name);
        Err(without_indexes(self.capabilities()))
    }

    /// The indexes of a collection, in the order in which they were made.
    ///
    /// # Errors
    /// `Unavailable`, `Closed`.
    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        let _ = collection;
        Ok(Vec::new())
    }

    /// Runs a query and tells how it was answered.
    ///
    /// # Errors
    /// As [`find`](Self::find); `Unsupported` on backends that cannot tell.
    async fn explain(&self, query: Query) -> Result<Explanation> {
        let _ = query;
        Err(without_indexes(self.capabilities()))
    }

    /// Begins a transaction: this database as it is now, to be read and written apart from it until the
    /// transaction [commits](Transaction::commit).
    ///
    /// # Behaviour
    /// - The transaction reads one point in time and what was written into it since. A backend may let it go on at
    ///   a later point, where all that it was told so far is true as well. Nobody else sees what it writes before
    ///   the commit, and then all of it at once.
    /// - Dropping or closing the transaction gives it up: everything is as if it had not been.
    /// - Its calls behave as those of this trait say, each outcome as if the transaction were alone. It begins no
    ///   transactions and makes and drops no indexes: those calls are `Unsupported`.
    /// - All of its batches together are as large as one can be; beyond that a write is `Limit`.
    ///
    /// # Errors
    /// `Unsupported` on backends without transactions; `Unavailable`, `Closed`.
    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        Err(Error::new(ErrorKind::Unsupported, "backend has no transactions")
            .with("backend", self.capabilities().name))
    }

    /// Watches what is committed, by whomever, as a stream that can be gone on with later.
    ///
    /// # Behaviour
    /// - Every change of a wanted document that is committed after this call returned, or after the place of
    ///   [`after`](WatchOptions::after), is told once; those of one document in their order. What readers cannot see
    ///   yet is not told, and nothing that was refused.
    /// - Of several changes that one batch makes to a document the last is told, and those before it may be. The
    ///   edges that go with a node are told of each.
    /// - Each event has a token; a watch after it tells of everything behind it, also in the middle of a batch, and
    ///   also when the database has been opened again, if it is persistent.
    /// - What cannot be told any more is told to be [lost](crate::ChangeEvent::Lost), once, where it is missing.
    /// - A slow reader makes nobody wait and is not buffered for without bound; it may lose history instead.
    ///
    /// # Errors
    /// `Invalid` for a token of another database, collection or type; `Unsupported` on backends without a change
    /// feed; `Unavailable`, `Closed`.
    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        let _ = options;
        Err(Error::new(ErrorKind::Unsupported, "backend has no change feed")
            .with("backend", self.capabilities().name))
    }

    /// Keeps ordinals from being given to another document while the pin lives.
    fn pin_ordinals(&self) -> OrdinalPin;

    /// A handle of `id`, with the ordinal of its document where there is one: a backend with
    /// [`ordinals`](Capabilities::ordinals) knows a document by it, however it was come to.
    fn handle(&self, id: &Id) -> Handle {
        Handle::new(id.clone())
    }

    /// Finishes what was accepted and lets go of files and connections.
    ///
    /// # Behaviour
    /// - Writes accepted before are finished and acknowledged; calls made after fail with `Closed`.
    /// - Closing twice succeeds.
    ///
    /// # Errors
    /// `Unavailable`, `Unknown` or `Poisoned` when what was accepted could not be finished.
    async fn close(&self) -> Result<()>;
}

fn without_indexes(capabilities: &Capabilities) -> Error {
    Error::new(ErrorKind::Unsupported, "backend has no indexes").with("backend", capabilities.name)
}

/// Holds ordinals in place; see [`Database::pin_ordinals`].
#[derive(Clone, Debug, Default)]
pub struct OrdinalPin(
    #[expect(dead_code, reason = "held for its reference count")] Option<Arc<()>>,
);

impl OrdinalPin {
    /// A pin that shares `guard` with the backend.
    pub const fn new(guard: Arc<()>) -> Self {
        Self(Some(guard))
    }
}

/// A live stream of documents from one [`Database::find`].
///
/// Reading ahead is bounded by the backend. Dropping the cursor ends the search.
pub struct Cursor(Pin<Box<dyn Stream<Item = Result<Document>> + Send>>);

impl Cursor {
    /// A cursor over `stream`.
    pub fn new(stream: impl Stream<Item = Result<Document>> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }

    /// The next document, or `None` at the end.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; the cursor is at its end after an error.
    ///
    /// # Cancellation
    /// Safe: no document is lost when the future is dropped.
    pub async fn try_next(&mut self) -> Result<Option<Document>> {
        std::future::poll_fn(|context| self.0.as_mut().poll_next(context)).await.transpose()
    }

    /// All remaining documents.
    ///
    /// # Errors
    /// The first error of the cursor.
    pub async fn try_collect(mut self) -> Result<Vec<Document>> {
        let mut documents = Vec::new();
        while let Some(document) = self.try_next().await? {
            if documents.len() == documents.capacity() {
                documents.reserve(self.size_hint().0 + 1);
            }
            documents.push(document);
        }
        Ok(documents)
    }
}

impl Stream for Cursor {
    type Item = Result<Document>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor")
    }
}
