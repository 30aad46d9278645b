//! The order of an answer: keys, MongoDB's rules for them, and sorting within bounded memory.

mod extract;
mod parse;
mod position;
mod restrict;
mod sorter;
mod value;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use bson::{Bson, Document};

use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::id::Id;
use crate::limits::MAX_SORT_KEYS;
use crate::projection::PathTree;

pub use position::Position;
pub(crate) use sorter::{Sorter, Window};
use value::Value;
pub(crate) use value::weigh;

/// The path of the id.
const ID: &str = "_id";

/// The keys by which an answer is sorted, the first one first; cheap to clone.
///
/// Values of one class compare by content, values of different classes by MongoDB's type order:
///
/// `MinKey`, undefined and the empty array, null and missing, numbers, strings and symbols,
/// documents, arrays, binary data, object ids, booleans, dates, timestamps, regular expressions,
/// DB pointers, code, code with scope, `MaxKey`.
///
/// A field that is an array counts as its smallest element in an ascending key and as its largest in
/// a descending one. Keys that lead through the same array are taken together: of the tuples that
/// its elements give, the first in the order of the sort counts. Documents with equal keys come in
/// the order of their ids, ascending, unless `_id` is itself a key; what follows `_id` decides
/// nothing.
///
/// ```
/// use bson::doc;
/// use jvspatial_db::Sort;
///
/// let sort = Sort::parse(&doc! { "context.state": 1, "context.latitude": -1 })?;
/// assert_eq!(sort.keys()[1].path.as_str(), "context.latitude");
/// # Ok::<(), jvspatial_db::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Sort(Option<Arc<Inner>>);

struct Inner {
    keys: Box<[SortKey]>,
    /// How many of the keys stand before `_id`.
    deciding: usize,
    ids: Direction,
}

/// One key of a [`Sort`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// What is compared, such as `context.latitude`.
    pub path: FieldPath,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The smallest first.
    #[default]
    Ascending,
    /// The largest first.
    Descending,
}

impl Direction {
    /// `order`, which is that of ascending values, as it is in this direction.
    pub(crate) const fn apply(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }

    const fn number(self) -> i32 {
        match self {
            Self::Ascending => 1,
            Self::Descending => -1,
        }
    }
}

impl SortKey {
    /// The key that puts the smallest value first.
    pub const fn ascending(path: FieldPath) -> Self {
        Self { path, direction: Direction::Ascending }
    }

    /// The key that puts the largest value first.
    pub const fn descending(path: FieldPath) -> Self {
        Self { path, direction: Direction::Descending }
    }
}

impl Sort {
    /// No order, also the default: documents come as the backend likes.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The order of ids, ascending.
    pub fn by_id() -> Self {
        Self(Some(Arc::new(Inner {
            keys: id_path().map(SortKey::ascending).into_iter().collect(),
            deciding: 0,
            ids: Direction::Ascending,
        })))
    }

    /// The order by `keys`, the first one first; without any, none.
    ///
    /// # Errors
    /// `Invalid` for a path given twice, `Limit` for more than [`MAX_SORT_KEYS`] keys.
    pub fn new(keys: impl IntoIterator<Item = SortKey>) -> Result<Self> {
        let keys: Box<[SortKey]> = keys.into_iter().take(MAX_SORT_KEYS + 1).collect();
        if keys.len() > MAX_SORT_KEYS {
            return Err(Error::limit("sort has too many keys").with("limit", MAX_SORT_KEYS));
        }
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|earlier| earlier.path == key.path) {
                return Err(Error::invalid("sort names a path twice").with("path", &key.path));
            }
        }
        if keys.is_empty() {
            return Ok(Self::none());
        }
        let id = keys.iter().position(|key| key.path.as_str() == ID);
        let ids = id.map(|at| keys[at].direction).unwrap_or_default();
        let deciding = id.unwrap_or(keys.len());
        Ok(Self(Some(Arc::new(Inner { keys, deciding, ids }))))
    }

    /// Reads a sort in MongoDB's form: `{ "context.state": 1, "context.latitude": -1 }`.
    ///
    /// # Errors
    /// `Invalid` for a direction other than 1 and -1 and for what [`FieldPath::parse`] refuses,
    /// `Unsupported` for an expression such as `$meta`, `Limit` for too many keys. Each names the
    /// path.
    pub fn parse(sort: &Document) -> Result<Self> {
        parse::parse(sort)
    }

    /// The sort in MongoDB's form; [`parse`](Self::parse) reads it back.
    pub fn to_document(&self) -> Document {
        self.keys()
            .iter()
            .map(|key| (key.path.as_str().to_owned(), Bson::Int32(key.direction.number())))
            .collect()
    }

    /// Whether there is no order.
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The keys, the first one first.
    pub fn keys(&self) -> &[SortKey] {
        self.0.as_ref().map(|inner| &*inner.keys).unwrap_or_default()
    }

    /// The keys that stand before `_id`: those that a [`Position`] holds a value for.
    pub fn deciding_keys(&self) -> &[SortKey] {
        self.0.as_ref().map(|inner| &inner.keys[..inner.deciding]).unwrap_or_default()
    }

    /// In which order documents with equal keys come.
    pub fn id_direction(&self) -> Direction {
        self.0.as_ref().map(|inner| inner.ids).unwrap_or_default()
    }

    /// Where a stored document stands in this order, from whole or part of it.
    ///
    /// # Errors
    /// `Invalid` when two keys lead into different arrays, or a numeric segment means both a place
    /// in an array and a field of one of its elements: such a document cannot be sorted.
    pub(crate) fn key(&self, document: &Document) -> Result<Key> {
        extract::key(self.deciding_keys(), document).map(Key)
    }

    /// Adds what [`key`](Self::key) looks at to `paths`.
    pub(crate) fn add_paths(&self, paths: &mut PathTree) {
        for key in self.deciding_keys() {
            paths.keep(&key.path);
        }
    }

    /// Compares two places in this order.
    pub(crate) fn compare(&self, left: (&Key, &Id), right: (&Key, &Id)) -> Ordering {
        let values = left.0.0.iter().zip(&right.0.0);
        self.deciding_keys()
            .iter()
            .zip(values)
            .map(|(key, (left, right))| key.direction.apply(left.compare(right)))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| self.id_direction().apply(left.1.cmp(right.1)))
    }
}

/// The path of the id.
pub(crate) fn id_path() -> Option<FieldPath> {
    FieldPath::parse(ID).ok()
}

/// What the deciding keys of a sort found in one document.
#[derive(Clone, Debug)]
pub(crate) struct Key(Box<[Value]>);

impl Key {
    /// The bytes it holds outside itself.
    fn weight(&self) -> usize {
        self.0.iter().map(|value| size_of::<Value>() + value.weight()).sum()
    }
}

impl PartialEq for Sort {
    fn eq(&self, other: &Self) -> bool {
        self.keys() == other.keys()
    }
}

impl fmt::Debug for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sort({})", self.to_document())
    }
}

#[cfg(test)]
mod tests;
