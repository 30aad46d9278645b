//! Which elements `$pull` takes out of a list.

use bson::{Bson, Document, doc};

use super::bounds;
use crate::error::Result;
use crate::filter::Filter;
use crate::value;

/// A condition on one element.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// The element equals the value; lists are compared as a whole.
    Equal(Bson),
    /// The element satisfies operators, as if it were a field: within a list, one element is enough.
    Operators { operators: Bson, filter: Filter },
    /// The element is a document that satisfies a filter.
    Fields(Filter),
}

/// The name under which an element is shown to a filter.
const ELEMENT: &str = "element";

/// The operators that stand under a field in a filter. A document that begins with another one is a
/// filter of its own, such as `$or`.
const OPERATORS: [&str; 26] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$exists",
    "$type",
    "$regex",
    "$options",
    "$all",
    "$elemMatch",
    "$size",
    "$mod",
    "$bitsAllSet",
    "$bitsAllClear",
    "$bitsAnySet",
    "$bitsAnyClear",
    "$geoWithin",
    "$geoIntersects",
    "$near",
    "$nearSphere",
    "$within",
    "$maxDistance",
];

impl Condition {
    /// Reads the operand of `$pull`.
    ///
    /// # Errors
    /// Those of the filter; `Limit` for a value that is too large or too deep.
    pub(super) fn parse(operand: &Bson) -> Result<Self> {
        match operand {
            Bson::Document(document) => match document.keys().next() {
                Some(first) if OPERATORS.contains(&first.as_str()) => Self::operators(operand),
                _ => Ok(Self::Fields(Filter::parse(document)?)),
            },
            Bson::RegularExpression(_) => Self::operators(operand),
            value => Self::equal(value.clone()),
        }
    }

    /// The condition that the element equals `value`, whatever it looks like.
    ///
    /// # Errors
    /// `Limit` for a value that is too large or too deep, `Invalid` for one with names that no
    /// document may have, `Unsupported` for a regular expression.
    pub(super) fn equal(value: Bson) -> Result<Self> {
        bounds::check_stored(&value)?;
        match value {
            Bson::Document(_) | Bson::RegularExpression(_) => {
                Self::operators(&Bson::Document(doc! { "$eq": value }))
            }
            value => Ok(Self::Equal(value)),
        }
    }

    fn operators(operators: &Bson) -> Result<Self> {
        let filter = Filter::parse(&doc! { ELEMENT: operators.clone() })?;
        Ok(Self::Operators { operators: operators.clone(), filter })
    }

    /// The operand as [`parse`](Self::parse) reads it.
    pub(super) fn to_bson(&self) -> Bson {
        match self {
            Self::Equal(value) => value.clone(),
            Self::Operators { operators, .. } => operators.clone(),
            Self::Fields(filter) => Bson::Document(filter.to_document()),
        }
    }

    /// Removes the elements that satisfy the condition and says whether there were any.
    pub(super) fn pull(&self, items: &mut Vec<Bson>) -> bool {
        let before = items.len();
        match self {
            Self::Equal(value) => items.retain(|item| value::compare(item, value).is_ne()),
            Self::Fields(filter) => items.retain(|item| match item {
                Bson::Document(document) => !filter.matches(document),
                _ => true,
            }),
            Self::Operators { filter, .. } => {
                let mut shown = Document::new();
                items.retain_mut(|item| {
                    shown.insert(ELEMENT, std::mem::replace(item, Bson::Null));
                    let matches = filter.matches(&shown);
                    if let Some(value) = shown.get_mut(ELEMENT) {
                        *item = std::mem::replace(value, Bson::Null);
                    }
                    !matches
                });
            }
        }
        items.len() < before
    }
}
