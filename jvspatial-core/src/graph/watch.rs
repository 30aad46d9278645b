//! Watching: what is committed, typed, as a stream that can be left and gone on with.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use jvspatial_db::{
    ChangeEvent, ChangeKind, ChangeStream, Document, DocumentChange, Id, LostHistory, ResumeToken,
    Version, WatchOptions,
};

use super::Graph;
use crate::entity::{Entity, Stored};
use crate::error::{Error, ErrorKind, Result};

/// A watch in the making; [`stream`](Self::stream) begins it.
#[must_use = "a watch begins with `stream`"]
pub struct Watch<V> {
    graph: Graph,
    options: WatchOptions,
    read: Read<V>,
}

/// How a document becomes what a change is told with.
type Read<V> = fn(Document) -> Result<V>;

impl Graph {
    /// Watches what is committed of the documents of type `T`, by whomever: other tasks, other processes, transactions
    /// and imports.
    ///
    /// Every change is told once, those of one document in their order, and a token with each lets another watch go
    /// on behind it, also in another process and after a failure of the database. What can no longer be told is told
    /// to be [lost](Watched::Lost). On MongoDB the changes come from its log, in the JSON database from the journal
    /// until that is compacted, in memory from the newest 100,000.
    ///
    /// ```
    /// use jvspatial_core::{Graph, Result, Root, Watched};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let graph = Graph::open("memory:").await?;
    /// let mut changes = graph.watch::<Root>().stream().await?;
    /// graph.root().await?;
    /// match changes.try_next().await? {
    ///     Some(Watched::Changed(change)) => {
    ///         println!("{:?} {} at {:?}", change.kind, change.id, change.version);
    ///         let kept = change.token.to_string();
    ///         // Later, and elsewhere if the database is not in memory:
    ///         let _later = graph.watch::<Root>().after(kept.parse()?).stream().await?;
    ///     }
    ///     Some(Watched::Lost(lost)) => println!("read everything anew: {}", lost.reason),
    ///     _ => println!("the watch is over"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch<T: Entity>(&self) -> Watch<Stored<T>> {
        let options = WatchOptions::new().collection(T::COLLECTION).entity(T::entity_name());
        Watch { graph: self.clone(), options, read: Stored::from_document }
    }

    /// As [`watch`](Self::watch), of all nodes, edges and objects, with documents that are not decoded.
    pub fn watch_all(&self) -> Watch<Document> {
        Watch { graph: self.clone(), options: WatchOptions::new(), read: Ok }
    }
}

impl<V> Watch<V> {
    /// Goes on behind an event of an earlier watch of the same. Default: what is committed from now on.
    pub fn after(mut self, token: ResumeToken) -> Self {
        self.options = self.options.after(token);
        self
    }

    /// Leaves the values out, which makes a change cost less. Default: they come with it.
    pub fn ids_only(mut self) -> Self {
        self.options = self.options.ids_only();
        self
    }

    /// Begins the watch. What is committed after this returned is told.
    ///
    /// # Errors
    /// `Invalid` for a token of another graph, or of a watch of something else; `Unsupported` in a transaction and on
    /// a database without a change feed; `Unavailable`, `Closed`.
    ///
    /// # Cancellation
    /// Safe: nothing is left of it.
    pub async fn stream(self) -> Result<Changes<V>> {
        let changes = self.graph.database().watch(self.options).await?;
        Ok(Changes { changes, read: self.read })
    }
}

impl<V> fmt::Debug for Watch<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What happened, one after the other, from [`Watch::stream`].
///
/// It reads ahead by little, however slow its reader is. Dropping it ends the watch.
#[must_use = "streams do nothing unless polled"]
pub struct Changes<V> {
    changes: ChangeStream,
    read: Read<V>,
}

/// One item of [`Changes`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Watched<V> {
    /// A document was changed.
    Changed(Changed<V>),
    /// Changes before this place can no longer be told. Whoever keeps something up to date by the stream has to read
    /// it anew; what is committed after the place follows.
    Lost(LostHistory),
}

/// A change of one document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changed<V> {
    /// What happened, as the version tells it.
    pub kind: ChangeKind,
    /// The document.
    pub id: Id,
    /// Its version after the change; of a removal the last that it had, if the database knows it. MongoDB does not
    /// know it of removals, nor of what other programs write.
    pub version: Option<Version>,
    /// A number that all changes of one atomic batch or transaction share. It never falls.
    pub commit: u64,
    /// The value after the change; `None` of a removal, and in a watch of [ids only](Watch::ids_only). MongoDB reads
    /// that of an update when it tells of it: then it may be newer than `version`, or `None` because the document has
    /// been removed.
    pub value: Option<V>,
    /// Where to go on behind this change.
    pub token: ResumeToken,
}

impl<V> Watched<V> {
    /// Where to go on behind this event.
    pub const fn token(&self) -> &ResumeToken {
        match self {
            Self::Changed(change) => &change.token,
            Self::Lost(lost) => &lost.token,
        }
    }
}

impl<V> Changes<V> {
    /// Where to go on to be told what has not been returned yet: behind the last event, or further on when nothing
    /// of the kind happened since. Keeping it now and then keeps it from becoming too old where changes are rare.
    pub const fn token(&self) -> &ResumeToken {
        self.changes.token()
    }

    /// The next event, as soon as there is one; `None` at the end.
    ///
    /// # Errors
    /// `Invalid` and `Unsupported` when a value does not fit its type: the stream goes on behind that change. All
    /// others are the end: `Closed` when the graph was closed; `Poisoned` when the database takes no more writes;
    /// `Corrupt`, `Unavailable`. Another watch may go on at [`token`](Self::token).
    ///
    /// # Cancellation
    /// Safe: no event is lost when the future is dropped.
    pub async fn try_next(&mut self) -> Result<Option<Watched<V>>> {
        std::future::poll_fn(|context| self.poll_event(context)).await.transpose()
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Watched<V>>>> {
        let event = ready!(Pin::new(&mut self.changes).poll_next(context));
        Poll::Ready(event.map(|event| match event? {
            ChangeEvent::Changed(change) => self.read(change).map(Watched::Changed),
            ChangeEvent::Lost(lost) => Ok(Watched::Lost(lost)),
            _ => Err(Error::new(ErrorKind::Unsupported, "database tells of an unknown event")),
        }))
    }

    fn read(&self, change: DocumentChange) -> Result<Changed<V>> {
        let DocumentChange { kind, id, version, commit, document, token, .. } = change;
        let value = document.map(self.read).transpose()?;
        Ok(Changed { kind, id, version, commit, value, token })
    }
}

impl<V> Stream for Changes<V> {
    type Item = Result<Watched<V>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context)
    }
}

impl<V> fmt::Debug for Changes<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("token", self.token()).finish_non_exhaustive()
    }
}
