//! A place in an order, from which an answer can go on.

use std::cmp::Ordering;

use bson::Bson;

use super::restrict;
use super::value::Value;
use super::{Key, Sort};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::id::Id;
use crate::projection::PathTree;

/// A place in the order of a [`Sort`]: the values of its keys and an id.
///
/// Whether a document still stands there does not matter. It is as large as the values are.
#[derive(Clone, Debug)]
pub struct Position {
    key: Key,
    id: Id,
    inclusive: bool,
}

impl Position {
    /// The place of `document` in the order of `sort`.
    ///
    /// # Errors
    /// `Invalid` when the document cannot be sorted so (see [`Sort`]), `Corrupt` when its body is not
    /// what its encoding says.
    pub fn of(sort: &Sort, document: &Document) -> Result<Self> {
        let mut paths = PathTree::default();
        sort.add_paths(&mut paths);
        let key = sort.key(&document.pick(&paths)?)?;
        Ok(Self { key, id: document.id.clone(), inclusive: false })
    }

    /// The place with these values of the [`deciding keys`](Sort::deciding_keys) of `sort`.
    ///
    /// # Errors
    /// `Invalid` when there are not as many values as deciding keys.
    pub fn new(sort: &Sort, values: impl IntoIterator<Item = Bson>, id: Id) -> Result<Self> {
        let values: Box<[Value]> = values.into_iter().map(|value| Value::of(&value)).collect();
        let expected = sort.deciding_keys().len();
        if values.len() != expected {
            return Err(Error::invalid(
                "position does not have one value for each key of the sort",
            )
            .with("expected", expected)
            .with("found", values.len()));
        }
        Ok(Self { key: Key(values), id, inclusive: false })
    }

    /// The same place, itself included in what comes after or before it. Default: it is not.
    #[must_use]
    pub const fn inclusive(mut self, inclusive: bool) -> Self {
        self.inclusive = inclusive;
        self
    }

    /// Whether what stands at the place itself is included.
    pub const fn is_inclusive(&self) -> bool {
        self.inclusive
    }

    /// The values, one for each deciding key; an integer may have become a wider one.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Bson> {
        self.key.0.iter().map(Value::to_bson)
    }

    /// The id.
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// A filter that everything passes which comes after this place in the order of `sort`.
    ///
    /// It is for planners and for other servers: what passes may also stand before the place, where
    /// an array's element or a value's class alone cannot tell, so the order decides in the end.
    ///
    /// # Errors
    /// `Limit` when a filter cannot hold the values.
    pub fn to_filter(&self, sort: &Sort) -> Result<Filter> {
        restrict::after(sort, &self.values().collect::<Vec<_>>(), &self.id)
    }

    /// Where the document with this key and id stands: `Greater` when it comes after this place.
    pub(crate) fn order_of(&self, sort: &Sort, key: &Key, id: &Id) -> Ordering {
        sort.compare((key, id), (&self.key, &self.id))
    }
}
