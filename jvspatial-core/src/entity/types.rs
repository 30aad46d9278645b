//! Several entity types, said by a type parameter.

use jvspatial_db::{Collection, EntityName, IndexSpec};

use super::Entity;
use crate::error::{Error, Result};

/// Some entity types: one, or a tuple of up to eight; tuples may hold tuples, so there is no limit.
///
/// An application names all of its types once and uses the name wherever they are asked for:
///
/// ```
/// # use jvspatial_core::{Graph, Result, Root};
/// type Schema = (Root, (Root, Root));
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// # let graph = Graph::open("memory:").await?;
/// graph.apply_indexes::<Schema>().await?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name entity types",
    note = "use a type with `#[derive(Node)]`, `#[derive(Edge)]` or `#[derive(Object)]`, or a tuple of up to \
            eight such types or tuples"
)]
pub trait EntityTypes: 'static {
    /// The indexes that the types declare, in the order of the types.
    ///
    /// # Errors
    /// As [`DeclaredIndex::to_spec`](crate::DeclaredIndex::to_spec), naming the type.
    fn declared_indexes() -> Result<Vec<TypeIndex>>;
}

/// An index on the documents of one type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TypeIndex {
    /// The collection of the type.
    pub collection: Collection,
    /// The name of the type.
    pub entity: EntityName,
    /// What the index is declared to be.
    pub spec: IndexSpec,
}

impl<T: Entity> EntityTypes for T {
    fn declared_indexes() -> Result<Vec<TypeIndex>> {
        let index = |spec| TypeIndex { collection: T::COLLECTION, entity: T::entity_name(), spec };
        let named = |error: Error| error.with("entity", T::NAME);
        T::indexes().iter().map(|own| own.to_spec().map(index).map_err(named)).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident),+))+) => {$(
        impl<$($name: EntityTypes),+> EntityTypes for ($($name,)+) {
            fn declared_indexes() -> Result<Vec<TypeIndex>> {
                let mut declared = Vec::new();
                $(declared.extend($name::declared_indexes()?);)+
                Ok(declared)
            }
        }
    )+};
}

tuples! {
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
}
