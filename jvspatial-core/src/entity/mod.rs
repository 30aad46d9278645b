//! What an application declares: nodes, edges and plain objects.

mod any_edge;
mod any_node;
mod index;
mod root;
mod stored;
mod types;

use serde::Serialize;
use serde::de::DeserializeOwned;

use jvspatial_db::{Collection, EntityName, Id};

use crate::error::Result;

pub use any_edge::AnyEdge;
pub use any_node::AnyNode;
pub use index::{DeclaredIndex, DeclaredKey};
pub use root::Root;
pub use stored::Stored;
pub(crate) use stored::check_document;
pub use types::{EntityTypes, TypeIndex};

/// A serde struct that is kept as documents of one type.
///
/// Derived by `#[derive(Node)]`, `#[derive(Edge)]` and `#[derive(Object)]`.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where its documents are kept.
    const COLLECTION: Collection;
    /// The name stored with every document, part of its id. Default: the name of the struct.
    const NAME: &'static str;
    /// The schema version stored with every document.
    const SCHEMA: u32 = 1;
    /// One typed handle for each field, for filters: `|a| a.latitude.gte(65.0)`.
    type Fields;

    /// The handles.
    fn fields() -> Self::Fields;

    /// The interned [`NAME`](Self::NAME).
    fn entity_name() -> EntityName;

    /// The indexes that the type declares, in the order in which it names them: those of the struct,
    /// then those of its fields. Default: none.
    fn indexes() -> &'static [DeclaredIndex] {
        &[]
    }

    /// The id of the document of this type with a chosen key: `Airport::id("ATL")?`.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when the key breaks the rule of [`Id`].
    fn id(key: impl AsRef<str>) -> Result<Id> {
        Ok(Id::with_key(Self::COLLECTION, Self::entity_name(), key.as_ref())?)
    }
}

/// An entity that edges join.
pub trait Node: Visitable {}

/// An entity that stands alone.
pub trait Object: Entity {}

/// An entity that walkers visit: a node or an edge.
#[diagnostic::on_unimplemented(
    message = "a walker cannot visit `{Self}`",
    note = "hooks are for types with `#[derive(Node)]` or `#[derive(Edge)]`"
)]
pub trait Visitable: Entity {}

/// An entity that can be created by itself: a node or an object. An edge needs two ends, so
/// [`Graph::connect`](crate::Graph::connect) creates it.
pub trait Standalone: Entity {}

/// An entity that joins two nodes.
pub trait Edge: Visitable {
    /// Whether two nodes may be joined by several edges of this type. Default: by one.
    const PARALLEL: bool = false;
    /// Whether the edge can be followed from either end. Default: from source to target.
    const UNDIRECTED: bool = false;
    /// The name of the node type that it leads from, which is checked at run time when only the ids
    /// of the ends are known. Default: any.
    const FROM: Option<&'static str> = None;
    /// The name of the node type that it leads to, likewise. Default: any.
    const TO: Option<&'static str> = None;
}

/// Says that the edge type may lead from a node of type `A` to one of type `B`.
///
/// `#[edge(from = A, to = B)]` implements it for that pair only; without, it holds for every pair.
#[diagnostic::on_unimplemented(
    message = "an edge of type `{Self}` cannot lead from `{A}` to `{B}`",
    note = "its `#[edge(from = .., to = ..)]` names the node types that it joins"
)]
pub trait Connects<A: Node, B: Node>: Edge {}
