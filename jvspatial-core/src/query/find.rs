//! A search among the documents of one type.

use std::fmt;
use std::marker::PhantomData;

use futures_util::{Stream as _, StreamExt, stream};
use jvspatial_db::{
    Cursor, Document, FieldPath, Filter, Id, PageToken, Query, codec, limits, read_page,
};
use serde::de::DeserializeOwned;

use super::distinct::{self, DistinctAs};
use super::expansion;
use super::field::Field;
use super::hop::{Hop, Reach, load};
use super::order::Order;
use super::page::Page;
use super::predicate::Predicate;
use super::projection::Projection;
use super::select::EdgeSelect;
use super::stream::FindStream;
use super::view::{Projected, SomeFields, View, Whole};
use crate::entity::{Entity, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;

/// A search among the documents of type `T`; made by [`Graph::nodes`], [`Graph::edges`] and
/// [`Graph::objects`], and among the nodes that edges lead to by [`Graph::out`] and its like.
///
/// Nothing is asked of the database before one of [`all`](Self::all), [`one`](Self::one),
/// [`first`](Self::first), [`stream`](Self::stream), [`count`](Self::count), [`exists`](Self::exists),
/// [`ids`](Self::ids), [`distinct`](Self::distinct), [`page`](Self::page) and
/// [`explain`](Self::explain); a filter or an order that cannot be is reported there. The answer is as of one point in time. Without a
/// [`sort`](Self::sort) documents come in an order of the backend's choosing, nodes behind edges in
/// the order in which the edges were made.
///
/// `V` is what becomes of each document: it is returned [`Whole`] unless
/// [`project`](Self::project) or [`project_fields`](Self::project_fields) says otherwise.
///
/// ```
/// use jvspatial_core::{Graph, Result, Root};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// graph.root().await?;
/// assert_eq!(graph.nodes::<Root>().count().await?, 1);
/// assert!(graph.nodes::<Root>().one().await?.id().to_string() == "n.Root.root");
/// # Ok(())
/// # }
/// ```
#[must_use = "a search does nothing until its documents are asked for"]
pub struct Find<T, V = Whole> {
    graph: Graph,
    source: Source,
    predicate: Predicate,
    order: Order,
    skip: u64,
    limit: Option<u64>,
    hint: Option<Box<str>>,
    view: V,
    entity: PhantomData<fn() -> T>,
}

/// Where a search looks.
#[derive(Debug)]
pub(super) enum Source {
    /// In the whole collection.
    Collection,
    /// Among the nodes that a hop reaches.
    Reached(Reach),
}

impl<T: Entity> Find<T> {
    pub(crate) fn new(graph: Graph) -> Self {
        Self::among(graph, Source::Collection)
    }

    fn among(graph: Graph, source: Source) -> Self {
        Self {
            graph,
            source,
            predicate: Predicate::all(),
            order: Order::none(),
            skip: 0,
            limit: None,
            hint: None,
            view: Whole,
            entity: PhantomData,
        }
    }

    /// Returns each document as a `P`, and reads no other fields than those of `P`.
    pub fn project<P: Projection>(self) -> Find<T, Projected<P>> {
        self.viewed(Projected::new())
    }

    /// Returns the fields at these paths, as stored (`name`, `address.city`), as documents with `_id`
    /// before them, and reads no others. A path goes through lists: of each element that is a map it
    /// returns what it leads to.
    pub fn project_fields(
        self,
        fields: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Find<T, SomeFields> {
        self.viewed(SomeFields::new(fields))
    }

    fn viewed<V>(self, view: V) -> Find<T, V> {
        let Self { graph, source, predicate, order, skip, limit, hint, view: Whole, entity } = self;
        Find { graph, source, predicate, order, skip, limit, hint, view, entity }
    }
}

impl<N: Node> Find<N> {
    pub(super) fn reached(graph: Graph, reach: Reach) -> Self {
        Self::among(graph, Source::Reached(reach))
    }

    /// Follows the edges `E` that leave the nodes found, and undirected ones that touch them.
    pub fn out<E: EdgeSelect>(self) -> Hop<E> {
        Hop::new(self.graph.clone(), Box::pin(self.ids()), expansion::out())
    }

    /// Follows the edges `E` that reach the nodes found, and undirected ones that touch them.
    pub fn incoming<E: EdgeSelect>(self) -> Hop<E> {
        Hop::new(self.graph.clone(), Box::pin(self.ids()), expansion::incoming())
    }

    /// Follows the edges `E` that touch the nodes found, either way.
    pub fn both<E: EdgeSelect>(self) -> Hop<E> {
        Hop::new(self.graph.clone(), Box::pin(self.ids()), expansion::both())
    }
}

impl<T: Entity, V: View<T>> Find<T, V> {
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

    /// As [`filter_doc`](Self::filter_doc), with the filter in Extended JSON.
    pub fn filter_json(self, filter: &str) -> Self {
        let parsed = codec::parse_json_document(filter).map(|filter| Predicate::parse(&filter));
        self.restrict(parsed.unwrap_or_else(|error| Predicate::failed(error.into())))
    }

    fn restrict(mut self, predicate: Predicate) -> Self {
        self.predicate = self.predicate.and(predicate);
        self
    }

    /// Sorts: `|a| a.state.asc().then(a.latitude.desc())`. A second sort decides what the first leaves
    /// undecided, and ids what all do. Default: no order that can be relied on.
    pub fn sort(self, order: impl FnOnce(T::Fields) -> Order) -> Self {
        self.ordered(order(T::fields()))
    }

    /// As [`sort`](Self::sort), in MongoDB's form and with the stored paths:
    /// `doc! { "context.state": 1, "_id": -1 }`.
    pub fn sort_doc(self, sort: &bson::Document) -> Self {
        self.ordered(Order::parse(sort))
    }

    fn ordered(mut self, order: Order) -> Self {
        self.order = self.order.then(order);
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

    /// Looks in the index of this name, `context.state_1_context.latitude_-1`. A name that no index of the
    /// type has, and one whose index leaves out documents that may match, is `Invalid`. Default: the database
    /// chooses.
    pub fn hint(mut self, index: impl Into<Box<str>>) -> Self {
        self.hint = Some(index.into());
        self
    }

    /// Everything found. It is all in memory at once; [`stream`](Self::stream) is not.
    ///
    /// # Errors
    /// The error of the filter or the order; `Invalid` when the fields of a document do not fit;
    /// `Limit` when sorting takes too much memory.
    pub async fn all(self) -> Result<Vec<V::Item>> {
        let mut found = Vec::new();
        let (mut cursor, view) = self.open().await?;
        while let Some(document) = cursor.try_next().await? {
            if found.len() == found.capacity() {
                found.reserve(cursor.size_hint().0 + 1);
            }
            found.push(view.item(document)?);
        }
        Ok(found)
    }

    /// The first document found, or `None`.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(mut self) -> Result<Option<V::Item>> {
        self.limit = Some(self.limit.unwrap_or(1).min(1));
        let (mut cursor, view) = self.open().await?;
        cursor.try_next().await?.map(|document| view.item(document)).transpose()
    }

    /// The one document found.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Invalid` when there are several; otherwise as
    /// [`all`](Self::all).
    pub async fn one(mut self) -> Result<V::Item> {
        self.limit = Some(self.limit.unwrap_or(2).min(2));
        let (mut cursor, view) = self.open().await?;
        let Some(document) = cursor.try_next().await? else {
            return Err(
                Error::new(ErrorKind::NotFound, "no document was found").with("entity", T::NAME)
            );
        };
        if let Some(other) = cursor.try_next().await? {
            return Err(Error::new(ErrorKind::Invalid, "more than one document was found")
                .with("entity", T::NAME)
                .with("first", &document.id)
                .with("second", &other.id));
        }
        view.item(document)
    }

    /// What is found, one after the other; memory does not grow with the answer, except for sort keys
    /// and for nodes behind edges.
    ///
    /// The search begins with the first poll. After an error the stream is at its end.
    pub fn stream(self) -> FindStream<V::Item> {
        FindStream::new(stream::once(self.open()).flat_map(|opened| match opened {
            Ok((cursor, view)) => cursor.map(move |document| view.item(document?)).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        }))
    }

    /// How many documents [`all`](Self::all) would return, without reading them out.
    ///
    /// # Errors
    /// The error of the filter.
    pub async fn count(self) -> Result<u64> {
        let (skip, limit) = (self.skip, self.limit);
        if self.hint.is_some() {
            return Ok(self.ids().await?.len() as u64);
        }
        let (graph, source, query) = self.into_query()?;
        let found = match source {
            Source::Collection => graph.database().count(query.collection, &query.filter).await?,
            Source::Reached(reach) => {
                let handles = reach.handles(&graph).await?;
                if query.filter.is_all() {
                    handles.len() as u64
                } else {
                    let documents = load(&graph, &handles).await?.into_iter().flatten();
                    let all = Query::new(query.collection, query.filter);
                    all.answer(documents, limits::MAX_SORT_BYTES)?.len() as u64
                }
            }
        };
        let found = found.saturating_sub(skip);
        Ok(limit.map_or(found, |limit| found.min(limit)))
    }

    /// What a terminal call that changes documents needs; it has no use for a part of the answer.
    ///
    /// # Errors
    /// The error of the filter; `Invalid` for documents that are to be sorted, skipped or limited, with a
    /// hint, and for those that edges lead to.
    pub(super) fn into_target(self) -> Result<(Graph, Filter)> {
        let (graph, source, query) = self.into_query()?;
        let is_whole = query.skip == 0 && query.limit.is_none();
        let is_plain = is_whole && query.sort.is_none() && query.hint.is_none();
        if !is_plain || !matches!(source, Source::Collection) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "what is updated or deleted is found by a filter alone, without sort, skip, limit, hint or hops",
            ));
        }
        Ok((graph, query.filter))
    }

    /// Whether anything is found. An index that tells it is enough; then no document is read.
    ///
    /// # Errors
    /// The error of the filter.
    pub async fn exists(self) -> Result<bool> {
        let mut ids = self.id_query()?;
        ids.1.limit = Some(ids.1.limit.unwrap_or(1).min(1));
        let (graph, query, source) = (ids.0, ids.1, ids.2);
        Ok(answer(&graph, source, query).await?.try_next().await?.is_some())
    }

    /// The ids of the documents found; the fields are not read unless filter or order need them.
    ///
    /// # Errors
    /// The error of the filter or the order; `Limit` when sorting takes too much memory.
    pub async fn ids(self) -> Result<Vec<Id>> {
        let (graph, query, source) = self.id_query()?;
        let mut cursor = answer(&graph, source, query).await?;
        let mut ids = Vec::new();
        while let Some(document) = cursor.try_next().await? {
            ids.push(document.id);
        }
        Ok(ids)
    }

    /// The distinct values of a field, ascending; the elements of a list stand for the list.
    ///
    /// `let states: Vec<String> = graph.nodes::<Airport>().distinct(|a| a.state).await?;`
    ///
    /// # Errors
    /// The error of the filter; `Invalid` when a value does not fit `D` (a null that is stored, for
    /// one, unless it is an `Option`), or with skip, limit or hint; `Limit` for too many values.
    pub async fn distinct<F: DistinctAs<D>, D: DeserializeOwned>(
        self,
        field: impl FnOnce(T::Fields) -> Field<F>,
    ) -> Result<Vec<D>> {
        if self.skip > 0 || self.limit.is_some() || self.hint.is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "distinct values take neither skip nor limit nor hint",
            ));
        }
        let path = FieldPath::parse(field(T::fields()).path())?;
        let (graph, source, query) = self.into_query()?;
        let values = match source {
            Source::Collection => {
                let database = graph.database();
                database.distinct(query.collection, &path, &query.filter).await?
            }
            Source::Reached(reach) => {
                let handles = reach.handles(&graph).await?;
                let documents = load(&graph, &handles).await?.into_iter().flatten();
                query.answer_distinct(documents, &path)?
            }
        };
        values.into_iter().map(|value| distinct::read(value, path.as_str())).collect()
    }

    /// A page of at most `size` of what is found, without a token the first one.
    ///
    /// Pages follow the sort, and ids when there is none. Each begins behind the last document of the
    /// one before, even when that was changed or deleted meanwhile, so none comes twice and none is
    /// passed over for as long as it stays where it is. The tokens of a page lead to the next and the
    /// previous one; they are text for URLs, and are refused by a search with another filter or sort.
    ///
    /// # Errors
    /// `Invalid` for a token of another search, a size of zero, and with skip or limit; `Limit` for a
    /// size above 100,000; otherwise as [`all`](Self::all).
    pub async fn page(self, size: u32, token: Option<&PageToken>) -> Result<Page<V::Item>> {
        let projection = self.view.projection()?;
        let (graph, source, view, query) = self.into_parts()?;
        let query = query.project(projection);
        let found = match source {
            Source::Collection => {
                let find = |query| graph.database().find(query);
                read_page(find, query, &[], size, token).await?
            }
            Source::Reached(reach) => {
                let (handles, scope) = reach.scoped(&graph).await?;
                let documents = load(&graph, &handles).await?;
                let find = async |query: Query| among(&query, documents.into_iter().flatten());
                read_page(find, query, &scope, size, token).await?
            }
        };
        let items = found.documents.into_iter().map(|document| view.item(document));
        let items = items.collect::<Result<Vec<_>>>()?;
        Ok(Page { items, next: found.next, previous: found.previous })
    }

    async fn open(self) -> Result<(Cursor, V)> {
        let projection = self.view.projection()?;
        let (graph, source, view, query) = self.into_parts()?;
        Ok((answer(&graph, source, query.project(projection)).await?, view))
    }

    fn id_query(self) -> Result<(Graph, Query, Source)> {
        let (graph, source, query) = self.into_query()?;
        Ok((graph, query.project(jvspatial_db::Projection::id_only()), source))
    }

    fn into_query(self) -> Result<(Graph, Source, Query)> {
        self.into_parts().map(|(graph, source, _, query)| (graph, source, query))
    }

    pub(super) fn into_parts(self) -> Result<(Graph, Source, V, Query)> {
        if let (Source::Reached(_), Some(hint)) = (&self.source, &self.hint) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "nodes behind edges are not found by an index",
            )
            .with("index", hint));
        }
        let predicate = match &self.source {
            Source::Collection => Predicate::is_entity(T::NAME).and(self.predicate),
            // The hop names the type already.
            Source::Reached(_) => self.predicate,
        };
        let mut query = Query::new(T::COLLECTION, predicate.into_filter()?)
            .sort(self.order.into_sort()?)
            .skip(self.skip);
        (query.limit, query.hint) = (self.limit, self.hint);
        Ok((self.graph, self.source, self.view, query))
    }
}

/// Asks the database, or the nodes reached, in one or two questions.
async fn answer(graph: &Graph, source: Source, query: Query) -> Result<Cursor> {
    let reach = match source {
        Source::Collection => return Ok(graph.database().find(query).await?),
        Source::Reached(reach) => reach,
    };
    let handles = reach.handles(graph).await?;
    let documents = load(graph, &handles).await?;
    Ok(among(&query, documents.into_iter().flatten())?)
}

fn among(query: &Query, documents: impl Iterator<Item = Document>) -> jvspatial_db::Result<Cursor> {
    let found = query.answer(documents, limits::MAX_SORT_BYTES)?;
    Ok(Cursor::new(stream::iter(found.into_iter().map(Ok))))
}

impl<T, V> fmt::Debug for Find<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Find")
            .field("source", &self.source)
            .field("predicate", &self.predicate)
            .field("order", &self.order)
            .field("skip", &self.skip)
            .field("limit", &self.limit)
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}
