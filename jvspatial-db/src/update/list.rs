//! What `$push` and `$addToSet` do with a list.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use bson::{Bson, Document};

use super::order::ElementOrder;
use crate::value;

/// Where `$push` puts new elements, and what happens to the list after that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushOptions {
    pub(super) position: Option<i64>,
    pub(super) slice: Option<i64>,
    pub(super) sort: Option<ElementOrder>,
}

impl PushOptions {
    /// Puts the elements at the end and leaves the list as it is then.
    pub const fn new() -> Self {
        Self { position: None, slice: None, sort: None }
    }

    /// Puts the new elements before the one at `position`, counted from the end if negative; `-1` is
    /// before the last one. Default: at the end.
    #[must_use]
    pub const fn position(mut self, position: i64) -> Self {
        self.position = Some(position);
        self
    }

    /// Keeps the first `count` elements, or the last `-count` if it is negative, after everything
    /// else. Default: all.
    #[must_use]
    pub const fn slice(mut self, count: i64) -> Self {
        self.slice = Some(count);
        self
    }

    /// Sorts the whole list, new elements included. Default: not.
    #[must_use]
    pub fn sort(mut self, order: ElementOrder) -> Self {
        self.sort = Some(order);
        self
    }
}

/// New elements of a list.
#[derive(Clone, Debug)]
pub(super) struct Push {
    pub(super) values: Vec<Bson>,
    pub(super) options: PushOptions,
}

impl Push {
    /// The operand that a parser reads back.
    pub(super) fn to_bson(&self) -> Bson {
        let PushOptions { position, slice, sort } = &self.options;
        let mut clauses = each(&self.values);
        if let Some(position) = position {
            clauses.insert("$position", *position);
        }
        if let Some(slice) = slice {
            clauses.insert("$slice", *slice);
        }
        if let Some(sort) = sort {
            clauses.insert("$sort", sort.to_bson());
        }
        Bson::Document(clauses)
    }

    /// Changes the list and says whether MongoDB counts that as a modification: a list with elements
    /// that was sorted is one even if it was in order before.
    pub(super) fn push(&self, items: &mut Vec<Bson>) -> bool {
        let mut modified = !self.values.is_empty();
        let place = insertion(items.len(), self.options.position);
        items.splice(place..place, self.values.iter().cloned());
        if let Some(order) = &self.options.sort {
            modified |= !items.is_empty();
            order.sort(items);
        }
        if let Some(slice) = self.options.slice {
            modified |= cut(items, slice);
        }
        modified
    }
}

/// Appends the values that the list does not hold yet, each once, and says whether there were any.
pub(super) fn add_to_set(items: &mut Vec<Bson>, values: &[Bson]) -> bool {
    let mut known: BTreeSet<Ordered<'_>> = items.iter().map(Ordered).collect();
    let new: Vec<Bson> =
        values.iter().filter(|value| known.insert(Ordered(value))).cloned().collect();
    let modified = !new.is_empty();
    items.extend(new);
    modified
}

/// `{"$each": values}`.
pub(super) fn each(values: &[Bson]) -> Document {
    Document::from_iter([("$each".to_owned(), Bson::Array(values.to_vec()))])
}

/// Where in a list of `length` elements new ones go.
fn insertion(length: usize, position: Option<i64>) -> usize {
    match position {
        None => length,
        Some(position) => {
            let distance = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
            if position < 0 { length.saturating_sub(distance) } else { distance.min(length) }
        }
    }
}

/// Keeps the first `slice` elements, or the last ones, and says whether others were there.
fn cut(items: &mut Vec<Bson>, slice: i64) -> bool {
    let keep = usize::try_from(slice.unsigned_abs()).unwrap_or(usize::MAX);
    let excess = items.len().saturating_sub(keep);
    if slice < 0 {
        items.drain(..excess);
    } else {
        items.truncate(keep);
    }
    excess > 0
}

/// A value in MongoDB's order.
struct Ordered<'a>(&'a Bson);

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        value::compare(self.0, other.0)
    }
}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered<'_> {}
