//! A search among the documents of one type.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, stream};
use jvspatial_db::{Bson, Comparison, Cursor, Filter, Query};

use super::predicate::Predicate;
use crate::entity::{Entity, Stored};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, detached};

/// A search among the documents of type `T`; made by [`Graph::nodes`], [`Graph::edges`] and
/// [`Graph::objects`].
///
/// Nothing is asked of the database before [`all`](Self::all), [`first`](Self::first),
/// [`count`](Self::count) or [`stream`](Self::stream); a filter that cannot be is reported there.
/// Documents come in the order in which they were created, as of one point in time.
///
/// ```
/// use jvspatial_core::{Graph, Result, Root};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// graph.root().await?;
/// assert_eq!(graph.nodes::<Root>().count().await?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a search does nothing until its documents are asked for"]
pub struct Find<T> {
    graph: Graph,
    predicate: Predicate,
    skip: u64,
    limit: Option<u64>,
    entity: PhantomData<fn() -> T>,
}

impl<T: Entity> Find<T> {
    pub(crate) fn new(graph: Graph) -> Self {
        let name = Ok(Bson::String(T::NAME.to_owned()));
        Self {
            graph,
            predicate: Predicate::compare("entity", Comparison::Eq, name),
            skip: 0,
            limit: None,
            entity: PhantomData,
        }
    }

    /// Keeps documents that satisfy a predicate on their fields: `|a| a.state.eq("AK")`. Together with
    /// other filters all must hold. Default: all documents of the type.
    pub fn filter(self, predicate: impl FnOnce(T::Fields) -> Predicate) -> Self {
        self.restrict(predicate(T::fields()))
    }

    /// Keeps documents that satisfy a filter in MongoDB's query language. Its paths are the stored
    /// ones: `context.state` for a field, `source` and `target` for the ends of an edge. Together with
    /// other filters all must hold.
    pub fn filter_doc(self, filter: &bson::Document) -> Self {
        self.restrict(Predicate::parse(filter))
    }

    fn restrict(mut self, predicate: Predicate) -> Self {
        self.predicate = self.predicate.and(predicate);
        self
    }

    /// Passes over the first `count` documents. Default: 0.
    pub const fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Stops after `count` documents. Default: no limit.
    pub const fn limit(mut self, count: u64) -> Self {
        self.limit = Some(count);
        self
    }

    /// All documents found. They are all in memory at once; [`stream`](Self::stream) is not.
    ///
    /// # Errors
    /// The error of the filter; `Invalid` when the fields of a document do not fit `T`.
    pub async fn all(self) -> Result<Vec<Stored<T>>> {
        let mut cursor = self.open().await?;
        let mut found = Vec::new();
        while let Some(document) = cursor.try_next().await? {
            found.push(Stored::from_document(detached(document))?);
        }
        Ok(found)
    }

    /// The first document found, or `None`.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(mut self) -> Result<Option<Stored<T>>> {
        self.limit = Some(self.limit.unwrap_or(1).min(1));
        let document = self.open().await?.try_next().await?;
        document.map(|document| Stored::from_document(detached(document))).transpose()
    }

    /// How many documents [`all`](Self::all) would return, without reading them out.
    ///
    /// # Errors
    /// The error of the filter.
    pub async fn count(self) -> Result<u64> {
        let filter = self.predicate.into_filter()?;
        let found =
            self.graph.database().count(T::COLLECTION, &filter).await?.saturating_sub(self.skip);
        Ok(self.limit.map_or(found, |limit| found.min(limit)))
    }

    /// The documents found, one after the other; memory does not grow with the answer.
    ///
    /// The search begins with the first poll. After an error the stream is at its end.
    pub fn stream(self) -> FindStream<T> {
        let documents = stream::once(self.open()).flat_map(|opened| match opened {
            Ok(cursor) => cursor.map(decode).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        });
        FindStream { documents: Some(Box::pin(documents)) }
    }

    /// What a terminal call that changes documents needs; it has no use for a part of the answer.
    ///
    /// # Errors
    /// The error of the filter; `Invalid` when documents are to be skipped or limited.
    pub(super) fn into_target(self) -> Result<(Graph, Filter)> {
        if self.skip > 0 || self.limit.is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "what is updated or deleted cannot be skipped or limited",
            ));
        }
        Ok((self.graph, self.predicate.into_filter()?))
    }

    async fn open(self) -> Result<Cursor> {
        let mut query = Query::new(T::COLLECTION, self.predicate.into_filter()?).skip(self.skip);
        query.limit = self.limit;
        Ok(self.graph.database().find(query).await?)
    }
}

fn decode<T: Entity>(document: jvspatial_db::Result<jvspatial_db::Document>) -> Result<Stored<T>> {
    Stored::from_document(detached(document.map_err(Error::from)?))
}

/// The documents of one [`Find`], one after the other.
///
/// Dropping it ends the search.
#[must_use = "streams do nothing unless polled"]
pub struct FindStream<T> {
    /// `None` once it ended.
    documents: Option<Documents<T>>,
}

type Documents<T> = Pin<Box<dyn Stream<Item = Result<Stored<T>>> + Send>>;

impl<T> FindStream<T> {
    /// The next document, or `None` at the end.
    ///
    /// # Errors
    /// The error of the filter; `Invalid` when the fields of a document do not fit `T`.
    ///
    /// # Cancellation
    /// Safe: no document is lost when the future is dropped.
    pub async fn try_next(&mut self) -> Result<Option<Stored<T>>> {
        std::future::poll_fn(|context| self.poll_document(context)).await.transpose()
    }

    fn poll_document(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Stored<T>>>> {
        let Some(documents) = &mut self.documents else {
            return Poll::Ready(None);
        };
        let next = documents.as_mut().poll_next(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.documents = None;
        }
        next
    }
}

impl<T> Stream for FindStream<T> {
    type Item = Result<Stored<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_document(context)
    }
}

impl<T> fmt::Debug for FindStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FindStream")
    }
}
