//! A typed step from nodes along their edges.

use std::fmt;
use std::marker::PhantomData;

use jvspatial_db::{Direction, Filter};

use super::predicate::Predicate;
use super::select::{EdgeSelect, NodeSelect};
use crate::entity::{AnyNode, Edge};
use crate::error::{Error, Result};

/// Which edges `E` to follow from a node and which of the nodes `N` behind them to keep.
///
/// Made by [`out`], [`incoming`] and [`both`]. `E` is an edge type, a tuple of edge types or
/// [`AnyEdge`](crate::AnyEdge); `N` is a node type, a tuple of node types or [`AnyNode`].
///
/// Making one allocates nothing unless it has a filter or names several types.
///
/// A filter that cannot be (a number too large to be stored, more than 20 levels) is reported by
/// whatever the expansion is given to.
///
/// ```
/// use jvspatial_core::{AnyEdge, Graph, Result, Root, incoming};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// let root = graph.root().await?;
/// let parents = graph.neighbors(&[&root], incoming::<AnyEdge>().to::<Root>()).await?;
/// assert_eq!(parents.len(), 1);
/// assert!(parents[0].is_empty());
/// # Ok(())
/// # }
/// ```
#[must_use = "an expansion does nothing until it is followed"]
pub struct Expansion<E, N = AnyNode> {
    inner: jvspatial_db::Expansion,
    error: Option<Error>,
    types: PhantomData<fn() -> (E, N)>,
}

/// The edges `E` that leave a node, and undirected ones that touch it.
pub fn out<E: EdgeSelect>() -> Expansion<E> {
    Expansion::new(Direction::Out)
}

/// The edges `E` that reach a node, and undirected ones that touch it.
pub fn incoming<E: EdgeSelect>() -> Expansion<E> {
    Expansion::new(Direction::In)
}

/// The edges `E` that touch a node, either way; each is followed once.
pub fn both<E: EdgeSelect>() -> Expansion<E> {
    Expansion::new(Direction::Both)
}

impl<E: EdgeSelect> Expansion<E> {
    fn new(direction: Direction) -> Self {
        let mut inner = jvspatial_db::Expansion::new(direction);
        inner.edges = E::entities();
        Self { inner, error: None, types: PhantomData }
    }
}

impl<E, N> Expansion<E, N> {
    /// Keeps only nodes of type `M`; an edge to any other node is passed over. Default: all nodes.
    pub fn to<M: NodeSelect>(mut self) -> Expansion<E, M> {
        self.inner.nodes = M::entities();
        Expansion { inner: self.inner, error: self.error, types: PhantomData }
    }

    /// Follows only edges whose stored document satisfies `filter`, in MongoDB's query language and
    /// with the stored paths (`context.count`). Together with other filters all must hold.
    pub fn filter_doc(self, filter: &bson::Document) -> Self {
        self.restrict(Predicate::parse(filter))
    }

    fn restrict(mut self, predicate: Predicate) -> Self {
        let before = std::mem::replace(&mut self.inner.edge_filter, Filter::all());
        match Predicate::from(before).and(predicate).into_filter() {
            Ok(filter) => self.inner.edge_filter = filter,
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// The expansion as a database takes it.
    ///
    /// # Errors
    /// The first error of its filters: `Invalid` or `Limit`.
    pub fn into_database(self) -> Result<jvspatial_db::Expansion> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.inner),
        }
    }
}

impl<E: Edge, N> Expansion<E, N> {
    /// Follows only edges that satisfy a predicate on their fields. Together with other filters all
    /// must hold. Default: every edge; then no edge is read.
    pub fn filter(self, predicate: impl FnOnce(E::Fields) -> Predicate) -> Self {
        self.restrict(predicate(E::fields()))
    }
}

impl<E, N> TryFrom<Expansion<E, N>> for jvspatial_db::Expansion {
    type Error = Error;

    fn try_from(expansion: Expansion<E, N>) -> Result<Self> {
        expansion.into_database()
    }
}

impl<E, N> fmt::Debug for Expansion<E, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Expansion");
        match &self.error {
            None => out.field("expansion", &self.inner),
            Some(error) => out.field("error", error),
        };
        out.finish()
    }
}
