//! By what an answer is sorted.

use jvspatial_db::{FieldPath, Sort, SortKey};

use crate::error::Result;

/// By what an answer is sorted: made from [`Field`](crate::Field)s with
/// [`asc`](crate::Field::asc) and [`desc`](crate::Field::desc), joined by [`then`](Self::then).
///
/// The order is that of MongoDB: missing and null first, then numbers, text and the other types; a
/// list counts as its smallest element, in a descending order as its largest. Equal documents come
/// in the order of their ids.
///
/// An order that cannot be, such as one that names a field twice, keeps its error and gives it to
/// whatever it is used in.
#[derive(Debug)]
#[must_use = "an order does nothing until something is sorted by it"]
pub struct Order(Result<Vec<SortKey>>);

impl Order {
    /// No order.
    pub const fn none() -> Self {
        Self(Ok(Vec::new()))
    }

    /// The order of ids, which is that of creation for documents of one type whose keys were generated.
    pub fn by_id() -> Self {
        Self::at("_id", SortKey::ascending)
    }

    /// The order of ids from the last one.
    pub fn by_id_desc() -> Self {
        Self::at("_id", SortKey::descending)
    }

    /// An order in MongoDB's form, with the stored paths: `{ "context.state": 1 }`.
    pub fn parse(sort: &bson::Document) -> Self {
        Self(Sort::parse(sort).map(|sort| sort.keys().to_vec()).map_err(Into::into))
    }

    /// Decides by `other` what this leaves undecided.
    pub fn then(self, other: Self) -> Self {
        Self(self.0.and_then(|mut keys| {
            keys.extend(other.0?);
            Ok(keys)
        }))
    }

    /// The order as a database takes it.
    ///
    /// # Errors
    /// The first error of what it is made of; `Invalid` when it names a path twice.
    pub fn into_sort(self) -> Result<Sort> {
        Ok(Sort::new(self.0?)?)
    }

    /// The fields and their directions.
    pub(super) fn into_keys(self) -> Result<Vec<SortKey>> {
        self.0
    }

    pub(super) fn at(path: &str, key: impl FnOnce(FieldPath) -> SortKey) -> Self {
        Self(FieldPath::parse(path).map(|path| vec![key(path)]).map_err(Into::into))
    }
}
