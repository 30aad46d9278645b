//! Evaluates a filter on a document, by the rules of MongoDB 6.0.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::node::{Bound, Node};
use super::path::FieldPath;
use crate::value::{self, Class};

impl Node {
    /// Whether the predicate holds for `document`.
    pub(super) fn matches(&self, document: &Document) -> bool {
        self.holds(Root::Document(document))
    }

    fn holds(&self, root: Root<'_>) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::And(members) => members.iter().all(|member| member.holds(root)),
            Self::Or(members) => members.iter().any(|member| member.holds(root)),
            Self::Not(inner) => !inner.holds(root),
            single => single
                .path()
                .is_some_and(|path| any_value(root, path, self.leaf(), |found| self.test(found))),
        }
    }

    /// Whether the predicate, whose paths have no segments, holds for one value.
    fn holds_for(&self, value: &Bson) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::And(members) => members.iter().all(|member| member.holds_for(value)),
            Self::Or(members) => members.iter().any(|member| member.holds_for(value)),
            Self::Not(inner) => !inner.holds_for(value),
            single => single.test(Some(value)),
        }
    }

    fn leaf(&self) -> Leaf {
        match self {
            Self::Exists { .. }
            | Self::Size { .. }
            | Self::AnyDocument { .. }
            | Self::AnyValue { .. } => Leaf::Whole,
            _ => Leaf::Each,
        }
    }

    /// Whether a predicate about a single path holds for one of the values that the path leads to;
    /// `None` stands for a missing one.
    fn test(&self, found: Option<&Bson>) -> bool {
        match self {
            Self::All | Self::None | Self::And(_) | Self::Or(_) | Self::Not(_) => false,
            Self::Equal { value, .. } => equals(found, value.value()),
            Self::Order { bound, value, .. } => within(found, *bound, value.value()),
            Self::OneOf { values, .. } => match found {
                None | Some(Bson::Undefined) => values.has_null(),
                Some(found) => values.contains(found),
            },
            Self::Exists { .. } => found.is_some(),
            Self::Type { types, .. } => {
                found.is_some_and(|found| types.contains(found.element_type()))
            }
            Self::Regex { pattern, .. } => match found {
                Some(Bson::String(text) | Bson::Symbol(text)) => pattern.is_match(text),
                Some(Bson::RegularExpression(regex)) => {
                    regex.pattern.as_str() == pattern.text()
                        && regex.options.as_str() == pattern.options()
                }
                _ => false,
            },
            Self::Modulo { divisor, remainder, .. } => found
                .and_then(value::truncated_integer)
                .is_some_and(|number| number.wrapping_rem(*divisor) == *remainder),
            Self::Size { size, .. } => {
                matches!(found, Some(Bson::Array(items)) if items.len() == *size)
            }
            Self::AnyDocument { filter, .. } => {
                elements(found).iter().filter_map(Root::of).any(|element| filter.holds(element))
            }
            Self::AnyValue { test, .. } => {
                elements(found).iter().any(|element| test.node().holds_for(element))
            }
        }
    }
}

/// The elements of an array; other values have none.
fn elements(found: Option<&Bson>) -> &[Bson] {
    match found {
        Some(Bson::Array(items)) => items,
        _ => &[],
    }
}

/// Where a path begins.
#[derive(Clone, Copy)]
enum Root<'a> {
    Document(&'a Document),
    /// An array, taken for a document whose fields are named by their positions.
    Array(&'a [Bson]),
}

impl<'a> Root<'a> {
    fn of(value: &'a Bson) -> Option<Self> {
        match value {
            Bson::Document(document) => Some(Self::Document(document)),
            Bson::Array(items) => Some(Self::Array(items)),
            _ => None,
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
    root: Root<'a>,
    path: &FieldPath,
    leaf: Leaf,
    mut test: impl FnMut(Option<&'a Bson>) -> bool,
) -> bool {
    match root {
        Root::Document(document) => any_in_document(document, path, 0, leaf, &mut test),
        Root::Array(items) => {
            let found = path.position(0).and_then(|position| items.get(position));
            any_from(found, path, 0, leaf, &mut test)
        }
    }
}

fn any_in_document<'a>(
    document: &'a Document,
    path: &FieldPath,
    at: usize,
    leaf: Leaf,
    test: &mut impl FnMut(Option<&'a Bson>) -> bool,
) -> bool {
    any_from(document.get(path.segment(at)), path, at, leaf, test)
}

/// Goes on from `found`, to which the segments up to number `at` have led.
fn any_from<'a>(
    found: Option<&'a Bson>,
    path: &FieldPath,
    at: usize,
    leaf: Leaf,
    test: &mut impl FnMut(Option<&'a Bson>) -> bool,
) -> bool {
    let (mut found, mut at) = (found, at);
    loop {
        let is_last = at + 1 == path.len();
        match found {
            Some(whole @ Bson::Array(items)) if is_last => {
                return (leaf == Leaf::Each && items.iter().any(|item| test(Some(item))))
                    || test(Some(whole));
            }
            found if is_last => return test(found),
            Some(Bson::Document(inner)) => found = inner.get(path.segment(at + 1)),
            Some(Bson::Array(items)) => return any_in_array(items, path, at + 1, leaf, test),
            _ => return test(None),
        }
        at += 1;
    }
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
