//! Evaluates a filter on a document, by the rules of MongoDB 6.0.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::node::{Bound, Node};
use super::path::FieldPath;
use crate::value::{self, Class};

impl Node {
    /// Whether the predicate holds for `document`.
    pub(super) fn matches(&self, document: &Document) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::And(members) => members.iter().all(|member| member.matches(document)),
            Self::Or(members) => members.iter().any(|member| member.matches(document)),
            Self::Not(inner) => !inner.matches(document),
            Self::Equal { path, value } => {
                any_value(document, path, Leaf::Each, |found| equals(found, value.value()))
            }
            Self::Order { path, bound, value } => {
                any_value(document, path, Leaf::Each, |found| within(found, *bound, value.value()))
            }
            Self::OneOf { path, values } => {
                any_value(document, path, Leaf::Each, |found| match found {
                    None | Some(Bson::Undefined) => values.has_null(),
                    Some(found) => values.contains(found),
                })
            }
            Self::Exists { path } => {
                any_value(document, path, Leaf::Whole, |found| found.is_some())
            }
            Self::Type { path, types } => any_value(document, path, Leaf::Each, |found| {
                found.is_some_and(|found| types.contains(found.element_type()))
            }),
        }
    }
}

fn equals(found: Option<&Bson>, literal: &Bson) -> bool {
    match found {
        None | Some(Bson::Undefined) => matches!(literal, Bson::Null),
        Some(found) => value::compare(found, literal).is_eq(),
    }
}

/// Whether `found` stands on the `bound` side of `literal`. Values of another class do not, save
/// that everything, even a missing field, lies between the smallest and the largest key.
fn within(found: Option<&Bson>, bound: Bound, literal: &Bson) -> bool {
    let class = found.map_or(Class::Undefined, Class::of);
    if class != Class::of(literal) {
        return match literal {
            Bson::Null => class == Class::Undefined && bound.is_inclusive(),
            Bson::MaxKey => matches!(bound, Bound::Less | Bound::LessOrEqual),
            Bson::MinKey => matches!(bound, Bound::Greater | Bound::GreaterOrEqual),
            _ => false,
        };
    }
    let Some(found) = found else { return false };
    if class == Class::Number {
        // NaN stands before the other numbers in a sort, but on neither side of them here.
        let (left, right) = (value::is_nan(found), value::is_nan(literal));
        if left || right {
            return left && right && bound.is_inclusive();
        }
    }
    let order = value::compare(found, literal);
    match bound {
        Bound::Greater => order == Ordering::Greater,
        Bound::GreaterOrEqual => order != Ordering::Less,
        Bound::Less => order == Ordering::Less,
        Bound::LessOrEqual => order != Ordering::Greater,
    }
}

/// What an array at the very end of a path offers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    /// Only itself.
    Whole,
    /// Each of its elements, then itself.
    Each,
}

/// Whether `test` holds for any value that `path` leads to; `None` stands for a missing one.
///
/// An array in the middle of the path hands the rest to each of its elements that is a document,
/// and to the element at the position that the next segment spells. Elements of other types are
/// passed over, so an array can lead to no value at all, not even to a missing one.
fn any_value<'a>(
    document: &'a Document,
    path: &FieldPath,
    leaf: Leaf,
    mut test: impl FnMut(Option<&'a Bson>) -> bool,
) -> bool {
    any_in_document(document, path, 0, leaf, &mut test)
}

fn any_in_document<'a>(
    document: &'a Document,
    path: &FieldPath,
    from: usize,
    leaf: Leaf,
    test: &mut impl FnMut(Option<&'a Bson>) -> bool,
) -> bool {
    let mut document = document;
    for at in from..path.len() {
        let is_last = at + 1 == path.len();
        match document.get(path.segment(at)) {
            Some(whole @ Bson::Array(items)) if is_last => {
                return (leaf == Leaf::Each && items.iter().any(|item| test(Some(item))))
                    || test(Some(whole));
            }
            found if is_last => return test(found),
            Some(Bson::Document(inner)) => document = inner,
            Some(Bson::Array(items)) => return any_in_array(items, path, at + 1, leaf, test),
            _ => return test(None),
        }
    }
    false
}

fn any_in_array<'a>(
    items: &'a [Bson],
    path: &FieldPath,
    at: usize,
    leaf: Leaf,
    test: &mut impl FnMut(Option<&'a Bson>) -> bool,
) -> bool {
    let is_last = at + 1 == path.len();
    items.iter().enumerate().any(|(position, item)| {
        let inside = match item {
            Bson::Document(inner) => any_in_document(inner, path, at, leaf, test),
            _ => false,
        };
        if inside || path.position(at) != Some(position) {
            return inside;
        }
        match item {
            // An array that stands at a position is not looked into: only the field is.
            item if is_last => test(Some(item)),
            Bson::Document(inner) => any_in_document(inner, path, at + 1, leaf, test),
            Bson::Array(inner) => any_in_array(inner, path, at + 1, leaf, test),
            _ => false,
        }
    })
}
