//! The order into which `$push` sorts a list.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::path::Excerpt;
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::value;

/// How the elements of a list are sorted: by themselves, or by fields of the documents that they are.
///
/// Equal elements keep their order. A field that an element lacks counts as null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementOrder(Keys);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    Whole(Direction),
    Fields(Vec<(FieldPath, Direction)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

impl ElementOrder {
    /// The elements themselves, smallest first.
    pub const fn ascending() -> Self {
        Self(Keys::Whole(Direction::Ascending))
    }

    /// The elements themselves, greatest first.
    pub const fn descending() -> Self {
        Self(Keys::Whole(Direction::Descending))
    }

    /// The elements by the field at `path` within them, smallest first.
    pub fn by_ascending(path: FieldPath) -> Self {
        Self(Keys::Fields(vec![(path, Direction::Ascending)]))
    }

    /// The elements by the field at `path` within them, greatest first.
    pub fn by_descending(path: FieldPath) -> Self {
        Self(Keys::Fields(vec![(path, Direction::Descending)]))
    }

    /// Sorts elements that are equal in this order by another one. Without effect when either of the two
    /// is an order by the elements themselves.
    #[must_use]
    pub fn then(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Keys::Fields(mut keys), Keys::Fields(more)) => {
                keys.extend(more);
                Self(Keys::Fields(keys))
            }
            (first, _) => Self(first),
        }
    }

    /// Reads the operand of `$sort`.
    ///
    /// # Errors
    /// `Invalid` unless it is 1 or -1 or a document of paths with 1 or -1.
    pub(super) fn parse(operand: &Bson) -> Result<Self> {
        let Bson::Document(pattern) = operand else {
            return Ok(Self(Keys::Whole(Direction::parse(operand)?)));
        };
        if pattern.is_empty() {
            return Err(Error::invalid("$sort of $push names no fields"));
        }
        let key = |(path, direction): (&String, &Bson)| {
            let direction =
                Direction::parse(direction).map_err(|error| error.with("key", Excerpt(path)))?;
            Ok((FieldPath::parse(path)?, direction))
        };
        Ok(Self(Keys::Fields(pattern.iter().map(key).collect::<Result<_>>()?)))
    }

    /// The operand as [`parse`](Self::parse) reads it.
    pub(super) fn to_bson(&self) -> Bson {
        match &self.0 {
            Keys::Whole(direction) => direction.to_bson(),
            Keys::Fields(keys) => {
                let pair = |(path, direction): &(FieldPath, Direction)| {
                    (path.as_str().to_owned(), direction.to_bson())
                };
                Bson::Document(keys.iter().map(pair).collect::<Document>())
            }
        }
    }

    pub(super) fn sort(&self, items: &mut [Bson]) {
        match &self.0 {
            Keys::Whole(direction) => {
                items.sort_by(|a, b| direction.apply(value::compare(a, b)));
            }
            Keys::Fields(keys) => items.sort_by(|a, b| {
                keys.iter()
                    .map(|(path, direction)| {
                        direction.apply(value::compare(at(a, path), at(b, path)))
                    })
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            }),
        }
    }
}

impl Direction {
    fn parse(operand: &Bson) -> Result<Self> {
        match value::exact_integer(operand) {
            Some(1) => Ok(Self::Ascending),
            Some(-1) => Ok(Self::Descending),
            _ => Err(Error::invalid("$sort of $push needs 1 or -1")),
        }
    }

    const fn to_bson(self) -> Bson {
        Bson::Int32(match self {
            Self::Ascending => 1,
            Self::Descending => -1,
        })
    }

    fn apply(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// What stands at a path in an element. A list is passed only by a position, unlike in a filter.
fn at<'a>(element: &'a Bson, path: &FieldPath) -> &'a Bson {
    let mut value = element;
    for place in 0..path.len() {
        let next = match value {
            Bson::Document(document) => document.get(path.segment(place)),
            Bson::Array(items) if place > 0 => {
                path.position(place).and_then(|position| items.get(position))
            }
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return &Bson::Null,
        }
    }
    value
}
