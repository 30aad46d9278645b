//! A step along edges, from which a search among the nodes behind them is made.

use std::fmt;

use foldhash::{HashSet, HashSetExt};
use futures_util::future::BoxFuture;
use jvspatial_db::{Adjacent, Document, Handle, Id};

use super::expansion::{self, Expansion};
use super::find::Find;
use super::predicate::Predicate;
use super::select::{EdgeSelect, NodeSelect};
use crate::entity::{AnyNode, Edge, Node};
use crate::error::Result;
use crate::graph::{Graph, detached};

/// A step along the edges `E` from some nodes; made by [`Graph::out`], [`Graph::incoming`],
/// [`Graph::both`], and by the methods of the same names of a search and of a hop.
///
/// [`to`](Self::to) makes a search among the nodes it reaches. Each hop is one question to the
/// database, however many nodes it starts from, and one more when the nodes it reached have to be
/// read to filter them. Nodes reached on several ways count once.
#[must_use = "a hop does nothing until its nodes are asked for"]
pub struct Hop<E> {
    graph: Graph,
    start: Start,
    expansion: Expansion<E>,
}

/// The nodes that a hop starts from, asked for when the hop is.
pub(crate) type Start = BoxFuture<'static, Result<Vec<Id>>>;

impl<E: EdgeSelect> Hop<E> {
    pub(crate) fn new(graph: Graph, start: Start, expansion: Expansion<E>) -> Self {
        Self { graph, start, expansion }
    }

    /// Follows only edges whose stored document satisfies `filter`, in MongoDB's query language and
    /// with the stored paths (`context.count`). Together with other filters all must hold.
    pub fn filter_doc(mut self, filter: &bson::Document) -> Self {
        self.expansion = self.expansion.filter_doc(filter);
        self
    }

    /// A search among the nodes of type `N` that the hop reaches.
    pub fn to<N: Node>(self) -> Find<N> {
        let Self { graph, start, expansion } = self;
        Find::reached(graph, Reach { start, expansion: expansion.to::<N>().into_database() })
    }

    /// Goes on along the edges that leave the nodes this hop reaches, and undirected ones.
    pub fn out<F: EdgeSelect>(self) -> Hop<F> {
        self.follow(expansion::out())
    }

    /// Goes on along the edges that reach the nodes this hop reaches, and undirected ones.
    pub fn incoming<F: EdgeSelect>(self) -> Hop<F> {
        self.follow(expansion::incoming())
    }

    /// Goes on along the edges that touch the nodes this hop reaches, either way.
    pub fn both<F: EdgeSelect>(self) -> Hop<F> {
        self.follow(expansion::both())
    }

    fn follow<F: EdgeSelect>(self, expansion: Expansion<F>) -> Hop<F> {
        let graph = self.graph.clone();
        Hop::new(graph, Box::pin(self.ids()), expansion)
    }

    /// The ids of the nodes reached, of whatever type, each once, in the order in which the edges to
    /// them were made; the nodes are not read.
    ///
    /// # Errors
    /// The error of a filter, and what the backend reports.
    pub async fn ids(self) -> Result<Vec<Id>> {
        let (graph, reach) = self.into_parts();
        let handles = reach.handles(&graph).await?;
        Ok(handles.into_iter().map(|handle| handle.id().clone()).collect())
    }

    /// How many nodes are reached.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub async fn count(self) -> Result<u64> {
        Ok(self.ids().await?.len() as u64)
    }

    /// The nodes reached, of whatever type, each once, in the order in which the edges to them were
    /// made.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub async fn all(self) -> Result<Vec<AnyNode>> {
        let (graph, reach) = self.into_parts();
        let handles = reach.handles(&graph).await?;
        let documents = load(&graph, &handles).await?;
        let nodes = handles.into_iter().zip(documents);
        nodes.filter_map(|(handle, document)| Some(AnyNode::load(handle, document?))).collect()
    }

    fn into_parts(self) -> (Graph, Reach) {
        let expansion = self.expansion.into_database();
        (self.graph, Reach { start: self.start, expansion })
    }
}

impl<E: Edge> Hop<E> {
    /// Follows only edges that satisfy a predicate on their fields. Together with other filters all
    /// must hold. Default: every edge; then no edge is read.
    pub fn filter(mut self, predicate: impl FnOnce(E::Fields) -> Predicate) -> Self {
        self.expansion = self.expansion.filter(predicate);
        self
    }
}

impl<E> fmt::Debug for Hop<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop").field("expansion", &self.expansion).finish_non_exhaustive()
    }
}

/// The nodes that one hop reaches, not asked for yet.
pub(super) struct Reach {
    start: Start,
    expansion: Result<jvspatial_db::Expansion>,
}

impl Reach {
    /// The nodes, each once, in the order in which the edges to them were made.
    pub(super) async fn handles(self, graph: &Graph) -> Result<Vec<Handle>> {
        self.scoped(graph).await.map(|(handles, _)| handles)
    }

    /// The nodes, and bytes that tell this hop apart from others.
    pub(super) async fn scoped(self, graph: &Graph) -> Result<(Vec<Handle>, Vec<u8>)> {
        let expansion = self.expansion?;
        let start = self.start.await?;
        let mut scope = format!("{expansion:?}").into_bytes();
        for id in &start {
            scope.push(0);
            id.write_to(&mut scope);
        }
        let start: Vec<Handle> = start.into_iter().map(Handle::new).collect();
        if start.is_empty() {
            return Ok((Vec::new(), scope));
        }
        let adjacent = graph.database().neighbors(&start, &expansion).await?;
        let mut seen = HashSet::with_capacity(adjacent.len());
        let mut reached = Vec::new();
        for Adjacent { node, .. } in adjacent {
            if seen.insert(node.id().clone()) {
                reached.push(node);
            }
        }
        Ok((reached, scope))
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("expansion", &self.expansion).finish_non_exhaustive()
    }
}

/// The documents of `handles`, in their places.
pub(super) async fn load(graph: &Graph, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
    if handles.is_empty() {
        return Ok(Vec::new());
    }
    let documents = graph.database().get_many(handles).await?;
    Ok(documents.into_iter().map(|document| document.map(detached)).collect())
}
