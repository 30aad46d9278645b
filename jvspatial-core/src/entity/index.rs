//! The indexes that an entity type declares.

use jvspatial_db::{FieldPath, IndexKey, IndexSpec};

use crate::error::Result;
use crate::query::Predicate;

/// An index that an entity type declares by `#[node(index(state, -latitude))]` and its like.
///
/// It is meant to hold the documents of that type alone, and a unique one to be unique among them.
/// Declaring makes no index in a store; [`Graph::apply_indexes`](crate::Graph::apply_indexes) does.
#[derive(Clone, Copy, Debug)]
pub struct DeclaredIndex {
    keys: &'static [DeclaredKey],
    unique: bool,
    sparse: bool,
    partial: Option<fn() -> Predicate>,
}

/// One field of a [`DeclaredIndex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DeclaredKey {
    /// The path in the stored document: `context.state`.
    pub path: &'static str,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl DeclaredKey {
    /// The smallest value first.
    pub const fn ascending(path: &'static str) -> Self {
        Self { path, descending: false }
    }

    /// The greatest value first.
    pub const fn descending(path: &'static str) -> Self {
        Self { path, descending: true }
    }
}

impl DeclaredIndex {
    /// An index on `keys`, in their order: neither unique nor sparse, of every document of the type.
    pub const fn new(keys: &'static [DeclaredKey]) -> Self {
        Self { keys, unique: false, sparse: false, partial: None }
    }

    /// Lets no two documents have the same key.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Leaves out documents that have none of the fields.
    #[must_use]
    pub const fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    /// Leaves out documents that do not satisfy a predicate.
    #[must_use]
    pub const fn partial(mut self, predicate: fn() -> Predicate) -> Self {
        self.partial = Some(predicate);
        self
    }

    /// The fields in their order; at least one, none twice.
    pub const fn keys(&self) -> &'static [DeclaredKey] {
        self.keys
    }

    /// Whether no two documents may have the same key.
    pub const fn is_unique(&self) -> bool {
        self.unique
    }

    /// Whether documents are left out that have none of the fields; never together with a predicate.
    pub const fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// What a document must satisfy to be in the index; `None` when every one is.
    pub fn predicate(&self) -> Option<Predicate> {
        self.partial.map(|predicate| predicate())
    }

    /// The index as a database takes it.
    ///
    /// # Errors
    /// The error of the predicate, and those of [`IndexSpec::new`].
    pub fn to_spec(&self) -> Result<IndexSpec> {
        let keys = self.keys.iter().map(|key| {
            let path = FieldPath::parse(key.path)?;
            Ok(match key.descending {
                true => IndexKey::descending(path),
                false => IndexKey::ascending(path),
            })
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let spec = IndexSpec::new(keys)?.unique(self.unique).sparse(self.sparse)?;
        match self.predicate() {
            Some(predicate) => Ok(spec.partial(predicate.into_filter()?)?),
            None => Ok(spec),
        }
    }
}
