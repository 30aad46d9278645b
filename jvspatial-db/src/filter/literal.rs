//! The values that a filter compares with.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::bounds;
use crate::error::{Error, Result};
use crate::value;

/// A checked value that is only ever compared with, whatever it looks like.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    value: Bson,
    weight: usize,
}

impl Literal {
    /// Checks `value`.
    ///
    /// # Errors
    /// `Invalid` for undefined, `Limit` for a value that is too large or too deep.
    pub(super) fn new(value: Bson) -> Result<Self> {
        let weight = bounds::check_literal(&value)?;
        match value {
            Bson::Undefined => Err(Error::invalid("a filter cannot compare with undefined")),
            value => Ok(Self { value, weight }),
        }
    }

    pub(crate) fn value(&self) -> &Bson {
        &self.value
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether the value can stand in the list of `$in`, where a regular expression searches and a
    /// document that looks like operators is refused.
    pub(super) fn is_listable(&self) -> bool {
        !matches!(self.value, Bson::RegularExpression(_))
            && !super::parse::looks_like_operators(&self.value)
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        value::identical(&self.value, &other.value)
    }
}

/// A total order in which only identical values are equal: by content, then by the encoded bytes.
pub(super) fn order(left: &Bson, right: &Bson) -> Ordering {
    let encode = |value: &Bson| {
        let mut holder = Document::new();
        holder.insert("", value.clone());
        holder.to_vec().unwrap_or_default()
    };
    value::compare(left, right).then_with(|| match value::identical(left, right) {
        true => Ordering::Equal,
        false => encode(left).cmp(&encode(right)),
    })
}

/// Values in ascending order without duplicates, so that membership is a binary search.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    sorted: Box<[Bson]>,
    weight: usize,
    has_null: bool,
}

impl Values {
    /// The distinct values among `literals`; of those that compare equal, always the same one stays.
    pub(super) fn new(literals: Vec<Literal>) -> Self {
        let mut sorted = literals;
        sorted.sort_by(|a, b| order(&a.value, &b.value));
        sorted.dedup_by(|later, earlier| value::compare(&later.value, &earlier.value).is_eq());
        let weight = sorted.iter().map(|literal| literal.weight).sum();
        let sorted: Box<[Bson]> = sorted.into_iter().map(|literal| literal.value).collect();
        let has_null = sorted.contains(&Bson::Null);
        Self { sorted, weight, has_null }
    }

    pub(crate) fn as_slice(&self) -> &[Bson] {
        &self.sorted
    }

    /// Whether null is among the values, so that missing and undefined are met too.
    pub(crate) fn has_null(&self) -> bool {
        self.has_null
    }

    pub(super) fn contains(&self, value: &Bson) -> bool {
        self.sorted.binary_search_by(|known| value::compare(known, value)).is_ok()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// The values, taken apart again.
    pub(super) fn into_literals(self) -> impl Iterator<Item = Literal> {
        // Each was weighed before, so that weighing again cannot fail.
        self.sorted.into_iter().filter_map(|value| Literal::new(value).ok())
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.sorted.len() == other.sorted.len()
            && self.sorted.iter().zip(&other.sorted).all(|(a, b)| value::identical(a, b))
    }
}
