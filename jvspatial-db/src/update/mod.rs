//! Updates: MongoDB's update language, parsed once, checked, and applied to documents.

mod apply;
mod arithmetic;
mod bounds;
mod change;
mod condition;
mod construct;
mod decimal;
mod list;
mod order;
mod parse;
mod path;
mod print;
mod rename;
mod request;
mod run;
mod tree;
mod turns;
mod upsert;

use std::fmt;
use std::sync::Arc;

use bson::Document;

use self::apply::Applying;
use self::change::Change;
use self::tree::Tree;
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::limits::MAX_UPDATE_FIELDS;

pub use self::list::PushOptions;
pub use self::order::ElementOrder;
pub use self::request::{Returning, UpdateReport, UpdateRequest, Upsert};
pub(crate) use self::run::run;
/// A time in milliseconds: what `$currentDate` stores.
pub use bson::DateTime;

/// What to change in a document, in MongoDB's update language, with MongoDB's results.
///
/// It is parsed and checked once and does not allocate when cloned. Paths are those of the stored
/// document, and only the user's fields can be changed: `context.name`, `context.scores.0`. An update
/// names at most [`MAX_UPDATE_FIELDS`] fields and has at most the size of a document.
///
/// | Operator | What it does with the field |
/// |---|---|
/// | `$set` | gives it a value |
/// | `$setOnInsert` | gives it a value when an upsert makes the document, else nothing |
/// | `$unset` | removes it; an element of a list becomes null |
/// | `$inc` `$mul` | adds, multiplies; a missing field becomes the number, or zero of its type |
/// | `$min` `$max` | gives it the value if that is smaller, greater; a missing field gets it |
/// | `$currentDate` | gives it the time, as a date or a timestamp |
/// | `$rename` | moves its value to another path, over whatever is there; not through lists |
/// | `$push` | appends to a list, or inserts (`$position`), then sorts (`$sort`), then cuts (`$slice`) |
/// | `$addToSet` | appends to a list what it does not hold yet |
/// | `$pull` | removes from a list the elements that equal a value or satisfy a condition |
/// | `$pop` | removes the first (`-1`) or last (`1`) element of a list |
///
/// A path that is missing is made: documents for names, also for names that look like positions, and
/// null up to the position in a list that exists. A path through a value that is neither document nor
/// list is refused, except by `$unset`. Two operators may not change one path, nor one the inside of
/// what the other changes. The fields are changed in the order of their names, positions by number,
/// which is the order in which new ones appear.
///
/// ```
/// use bson::{DateTime, doc};
/// use jvspatial_db::Update;
///
/// let update = Update::parse(&doc! {
///     "$inc": { "context.visits": 1 },
///     "$push": { "context.last": { "$each": ["BRW"], "$slice": -3 } },
/// })?;
/// let mut fields = doc! { "visits": 41 };
/// assert!(update.apply(&mut fields, DateTime::now())?);
/// assert_eq!(fields, doc! { "visits": 42, "last": ["BRW"] });
/// # Ok::<(), jvspatial_db::Error>(())
/// ```
#[derive(Clone)]
pub struct Update(Arc<Parsed>);

struct Parsed {
    operations: Vec<Operation>,
    tree: Tree,
    /// The bytes of all names and values.
    weight: usize,
}

/// One change at one path.
#[derive(Clone, Debug)]
struct Operation {
    path: FieldPath,
    change: Change,
}

impl Update {
    /// Reads an update in MongoDB's update language.
    ///
    /// # Errors
    /// `Invalid` for an unknown operator, a malformed operand, a document without operators (which
    /// would replace the whole document), two changes that conflict, and a path outside of
    /// `context`; `Unsupported` for a positional operator, `$bit` and `$pullAll`; `Limit` for an
    /// update that is too large or too deep. The error names the path.
    pub fn parse(update: &Document) -> Result<Self> {
        let weight = bounds::check_update(update)?;
        Self::new(parse::parse(update)?, weight)
    }

    /// Makes both changes.
    ///
    /// # Errors
    /// `Invalid` when the two conflict, `Limit` when they are too large together.
    pub fn and(self, other: Self) -> Result<Self> {
        let weight = bounds::within_bytes(self.0.weight.saturating_add(other.0.weight))?;
        let parts = [self, other].map(|update| Arc::unwrap_or_clone(update.0).operations);
        Self::new(parts.concat(), weight)
    }

    /// Applies the update to the fields of an existing document, at `time`, and says whether it
    /// modified them, as MongoDB counts it: a `$push` with `$sort` or new values, an `$unset` of a
    /// list's element and an `$inc` of NaN modify the document even if it is the same afterwards.
    ///
    /// # Errors
    /// `Invalid` naming the field when an operator does not suit the value it finds, `Limit` when a
    /// position is too far behind the end of its list. The fields may have been changed in part then.
    pub fn apply(&self, fields: &mut Document, time: DateTime) -> Result<bool> {
        Applying::new(&self.0.operations, time, false).apply(&self.0.tree, fields)
    }

    /// Applies the update, `$setOnInsert` included, to the fields of a document that an upsert makes.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_on_insert(&self, fields: &mut Document, time: DateTime) -> Result<bool> {
        Applying::new(&self.0.operations, time, true).apply(&self.0.tree, fields)
    }

    /// The update in MongoDB's update language; [`parse`](Self::parse) reads it back.
    pub fn to_document(&self) -> Document {
        print::print(&self.0.operations)
    }

    /// Whether it changes nothing, whatever the document holds.
    pub fn is_empty(&self) -> bool {
        self.0.operations.is_empty()
    }

    /// The paths that it may change, both ends of a `$rename` included.
    pub fn paths(&self) -> impl Iterator<Item = &FieldPath> {
        self.0.operations.iter().flat_map(|operation| {
            let target = match &operation.change {
                Change::Rename(target) => Some(target),
                _ => None,
            };
            std::iter::once(&operation.path).chain(target)
        })
    }

    fn new(operations: Vec<Operation>, weight: usize) -> Result<Self> {
        if operations.len() > MAX_UPDATE_FIELDS {
            return Err(Error::limit("update names too many fields")
                .with("fields", operations.len())
                .with("limit", MAX_UPDATE_FIELDS));
        }
        let tree = Tree::new(&operations)?;
        Ok(Self(Arc::new(Parsed { operations, tree, weight })))
    }
}

impl Clone for Parsed {
    fn clone(&self) -> Self {
        let Self { operations, tree, weight } = self;
        Self { operations: operations.clone(), tree: tree.clone(), weight: *weight }
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Update({})", self.to_document())
    }
}

#[cfg(test)]
mod tests;
