//! Which types an expansion follows and reaches, said by a type parameter.

use std::sync::Arc;

use jvspatial_db::{Document, EntitySet, Handle};

use crate::entity::{AnyEdge, AnyNode, Edge, Node, Stored};
use crate::error::Result;

/// Which edges to follow: an edge type, a tuple of edge types, or [`AnyEdge`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name edges to follow",
    note = "use a type with `#[derive(Edge)]`, a tuple of up to eight of them, or `AnyEdge`"
)]
pub trait EdgeSelect: 'static {
    /// The names of the types.
    fn entities() -> EntitySet;
}

/// Which nodes to reach: a node type, a tuple of node types, or [`AnyNode`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name nodes to reach",
    note = "use a type with `#[derive(Node)]`, a tuple of up to eight of them, or `AnyNode`"
)]
pub trait NodeSelect: 'static {
    /// What a node is loaded as: [`Stored<N>`](Stored) for one type, [`AnyNode`] otherwise.
    type Loaded: Send + Sync + 'static;

    /// The names of the types.
    fn entities() -> EntitySet;

    /// Decodes a node.
    ///
    /// # Errors
    /// `Invalid` when its fields do not fit the type.
    fn load(handle: Handle, document: Document) -> Result<Self::Loaded>;
}

impl EdgeSelect for AnyEdge {
    fn entities() -> EntitySet {
        EntitySet::Any
    }
}

impl<E: Edge> EdgeSelect for E {
    fn entities() -> EntitySet {
        EntitySet::One(E::entity_name())
    }
}

impl NodeSelect for AnyNode {
    type Loaded = Self;

    fn entities() -> EntitySet {
        EntitySet::Any
    }

    fn load(handle: Handle, document: Document) -> Result<Self> {
        Ok(Self::from_document(handle, document))
    }
}

impl<N: Node> NodeSelect for N {
    type Loaded = Stored<N>;

    fn entities() -> EntitySet {
        EntitySet::One(N::entity_name())
    }

    fn load(_: Handle, document: Document) -> Result<Stored<N>> {
        Stored::from_document(document)
    }
}

macro_rules! tuples {
    ($(($($name:ident),+))+) => {$(
        impl<$($name: Edge),+> EdgeSelect for ($($name,)+) {
            fn entities() -> EntitySet {
                EntitySet::Several(Arc::new([$($name::entity_name()),+]))
            }
        }

        impl<$($name: Node),+> NodeSelect for ($($name,)+) {
            type Loaded = AnyNode;

            fn entities() -> EntitySet {
                EntitySet::Several(Arc::new([$($name::entity_name()),+]))
            }

            fn load(handle: Handle, document: Document) -> Result<AnyNode> {
                Ok(AnyNode::from_document(handle, document))
            }
        }
    )+};
}

tuples! {
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, F)
    (A, B, C, D, F, G)
    (A, B, C, D, F, G, H)
    (A, B, C, D, F, G, H, I)
}
