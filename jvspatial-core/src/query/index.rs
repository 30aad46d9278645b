//! An index of some documents of a type, said by typed fields.

use jvspatial_db::{IndexKey, IndexSpec, SortDirection};

use super::order::Order;
use super::predicate::Predicate;
use crate::error::Result;

/// What an index made by [`Graph::create_index`](crate::Graph::create_index) is to be; made from
/// [`Field`](crate::Field)s: `Index::on(a.state.asc().then(a.latitude.desc()))`.
///
/// Default: neither unique nor sparse, of every document of the type. An index that cannot be keeps its
/// error and gives it to the call that would make it.
#[derive(Debug)]
#[must_use = "an index is not made before it is given to a graph"]
pub struct Index(Result<IndexSpec>);

impl Index {
    /// An index on the fields of `order`, in their order and directions.
    pub fn on(order: Order) -> Self {
        let keys = order.into_keys().map(|keys| {
            keys.into_iter().map(|key| match key.direction {
                SortDirection::Ascending => IndexKey::ascending(key.path),
                SortDirection::Descending => IndexKey::descending(key.path),
            })
        });
        Self(keys.and_then(|keys| Ok(IndexSpec::new(keys)?)))
    }

    /// Lets no two documents of the type have the same key.
    pub fn unique(self) -> Self {
        Self(self.0.map(|spec| spec.unique(true)))
    }

    /// Leaves out documents that have none of the fields. Not together with
    /// [`partial`](Self::partial).
    pub fn sparse(self) -> Self {
        Self(self.0.and_then(|spec| Ok(spec.sparse(true)?)))
    }

    /// Leaves out documents that do not satisfy `predicate`.
    pub fn partial(self, predicate: Predicate) -> Self {
        Self(self.0.and_then(|spec| Ok(spec.partial(predicate.into_filter()?)?)))
    }

    /// The index as a database takes it.
    ///
    /// # Errors
    /// `Invalid` without fields, with one given twice, on `_id` alone, and with a predicate on a sparse
    /// index; `Unsupported` for a place in a list; `Limit` for more than 32 fields or a name over 1 KiB;
    /// the error of the predicate.
    pub fn into_spec(self) -> Result<IndexSpec> {
        self.0
    }
}

/// An index that is spelled with the stored paths, `context.state`.
impl From<IndexSpec> for Index {
    fn from(spec: IndexSpec) -> Self {
        Self(Ok(spec))
    }
}
