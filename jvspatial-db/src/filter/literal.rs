//! The values that a filter compares with.

use bson::Bson;

use super::bounds;
use crate::error::{Error, ErrorKind, Result};
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
    /// `Invalid` for undefined, `Unsupported` for a regular expression, which MongoDB would
    /// search for instead of comparing, `Limit` for a value that is too large or too deep.
    pub(super) fn new(value: Bson) -> Result<Self> {
        let weight = bounds::check_literal(&value)?;
        match value {
            Bson::Undefined => Err(Error::invalid("a filter cannot compare with undefined")),
            Bson::RegularExpression(_) => Err(Error::new(
                ErrorKind::Unsupported,
                "filters do not search with regular expressions",
            )),
            value => Ok(Self { value, weight }),
        }
    }

    pub(crate) fn value(&self) -> &Bson {
        &self.value
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        value::identical(&self.value, &other.value)
    }
}

/// Values in ascending order without duplicates, so that membership is a binary search.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    sorted: Box<[Bson]>,
    weight: usize,
    has_null: bool,
}

impl Values {
    pub(super) fn new(literals: Vec<Literal>) -> Self {
        let weight = literals.iter().map(|literal| literal.weight).sum();
        let mut sorted: Vec<Bson> = literals.into_iter().map(|literal| literal.value).collect();
        sorted.sort_by(value::compare);
        sorted.dedup_by(|later, earlier| value::compare(later, earlier).is_eq());
        let has_null = sorted.contains(&Bson::Null);
        Self { sorted: sorted.into(), weight, has_null }
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
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.sorted.len() == other.sorted.len()
            && self.sorted.iter().zip(&other.sorted).all(|(a, b)| value::identical(a, b))
    }
}
