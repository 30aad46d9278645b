//! Predicates made from values instead of a document.

use bson::spec::ElementType;
use bson::{Bson, Document};

use super::literal::Literal;
use super::node::{Bound, Node};
use super::path::FieldPath;
use super::place::Place;
use super::{Filter, bounds, operators};
use crate::error::{Error, Result};

/// How a value is compared with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `$eq`
    Eq,
    /// `$ne`, the negation of `Eq` on the whole document
    Ne,
    /// `$gt`
    Gt,
    /// `$gte`
    Gte,
    /// `$lt`
    Lt,
    /// `$lte`
    Lte,
}

impl Comparison {
    /// The operator that spells it.
    pub const fn operator(self) -> &'static str {
        match self {
            Self::Eq => "$eq",
            Self::Ne => "$ne",
            Self::Gt => "$gt",
            Self::Gte => "$gte",
            Self::Lt => "$lt",
            Self::Lte => "$lte",
        }
    }
}

impl Filter {
    /// Compares the values at `path` with `value`, which is taken as it is, even when it looks
    /// like operators or is a regular expression.
    ///
    /// # Errors
    /// `Invalid` for undefined, and for a regular expression where an order is asked for; `Limit`
    /// for a value that is too large or too deep.
    pub fn compare(
        path: FieldPath,
        comparison: Comparison,
        value: impl Into<Bson>,
    ) -> Result<Self> {
        let value = value.into();
        let order = |path, bound| operators::order(&path, bound, &value);
        Self::new(match comparison {
            Comparison::Eq => Node::Equal { path, value: Literal::new(value)? },
            Comparison::Ne => Node::Equal { path, value: Literal::new(value)? }.not(),
            Comparison::Gt => order(path, Bound::Greater)?,
            Comparison::Gte => order(path, Bound::GreaterOrEqual)?,
            Comparison::Lt => order(path, Bound::Less)?,
            Comparison::Lte => order(path, Bound::LessOrEqual)?,
        })
    }

    /// Holds when a value at `path` equals one of `values`: `$in`.
    ///
    /// # Errors
    /// As for [`compare`](Self::compare).
    pub fn one_of<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        Self::new(Node::one_of(&path, literals(values)?))
    }

    /// Holds when no value at `path` equals one of `values`: `$nin`.
    ///
    /// # Errors
    /// As for [`compare`](Self::compare).
    pub fn none_of<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        Self::one_of(path, values)?.not()
    }

    /// Holds when for each of `values` a value at `path` equals it; without any, never: `$all`.
    ///
    /// # Errors
    /// As for [`compare`](Self::compare).
    pub fn contains_all<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        let values = literals(values)?;
        if values.is_empty() {
            return Ok(Self::none());
        }
        let members = values.into_iter().map(|value| Node::Equal { path: path.clone(), value });
        Self::new(Node::and(members))
    }

    /// Holds when `path` leads to a value, or with `false` when it leads to none.
    pub fn exists(path: FieldPath, exists: bool) -> Self {
        let node = Node::Exists { path };
        Self::measured(if exists { node } else { node.not() })
    }

    /// Holds when a value at `path` has one of `types`.
    pub fn type_is(path: FieldPath, types: impl IntoIterator<Item = ElementType>) -> Self {
        Self::measured(Node::type_is(path, types.into_iter().collect()))
    }

    /// Holds when a text at `path` has `pattern` in it: `$regex`. Options are `i`, `m`, `s`, `x`.
    ///
    /// To search for a user's text as it is, [escape](Self::escape_regex) it.
    ///
    /// # Errors
    /// `Invalid` for what is no regular expression or option, `Unsupported` for one that cannot be
    /// matched in linear time (lookaround, backreferences, atomic groups), `Limit` for one that is
    /// too long or becomes too large.
    pub fn regex(path: FieldPath, pattern: &str, options: &str) -> Result<Self> {
        Self::new(operators::search(&path, pattern, options, &Place::root())?)
    }

    /// The pattern that finds `text` and nothing else.
    pub fn escape_regex(text: &str) -> String {
        let mut pattern = String::with_capacity(text.len());
        for letter in text.chars() {
            // A pattern cannot hold it.
            if letter == '\0' {
                pattern.push_str("\\x00");
                continue;
            }
            if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern
    }

    /// Holds when the array at `path` has `size` elements: `$size`.
    pub fn size(path: FieldPath, size: u32) -> Self {
        // The language has no larger sizes, and no document has room for them.
        Self::measured(match i32::try_from(size) {
            Ok(_) => Node::Size { path, size: size as usize },
            Err(_) => Node::None,
        })
    }

    /// Holds when a number at `path`, cut to an integer, leaves `remainder` when it is divided by
    /// `divisor`: `$mod`. A remainder has the sign of the number.
    ///
    /// # Errors
    /// `Invalid` when the divisor is zero.
    pub fn modulo(path: FieldPath, divisor: i64, remainder: i64) -> Result<Self> {
        Self::new(operators::remainder_is(path, divisor, remainder)?)
    }

    /// Holds when one element of the array at `path` is a document that passes `filter`, or an
    /// array that passes it as a document whose fields are named by position: `$elemMatch`.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn any_document(path: FieldPath, filter: Self) -> Result<Self> {
        Self::new(Node::any_document(path, filter.into_node()))
    }

    /// Holds when one element of the array at `path` stands in each of `comparisons` with its
    /// value: `$elemMatch` with operators. Elements that are arrays are not looked into.
    ///
    /// # Errors
    /// `Invalid` without comparisons, when one comes twice, for undefined, and for a regular
    /// expression anywhere but in `Eq`; `Limit` for a value that is too large or too deep.
    pub fn any_value<V: Into<Bson>>(
        path: FieldPath,
        comparisons: impl IntoIterator<Item = (Comparison, V)>,
    ) -> Result<Self> {
        let mut operators = Document::new();
        for (comparison, value) in comparisons {
            if operators.insert(comparison.operator(), value).is_some() {
                return Err(Error::invalid("a comparison with elements comes twice")
                    .with("operator", comparison.operator()));
            }
        }
        if operators.is_empty() {
            return Err(Error::invalid("elements are compared with nothing"));
        }
        let test = operators::element_test(&operators, 1, &Place::root())?;
        Self::new(Node::any_value(path, test))
    }
}

fn literals<V: Into<Bson>>(values: impl IntoIterator<Item = V>) -> Result<Vec<Literal>> {
    let mut literals = Vec::new();
    let mut weight = 0;
    for value in values {
        let literal = Literal::new(value.into())?;
        weight = bounds::within_bytes(weight + literal.weight())?;
        literals.push(literal);
    }
    Ok(literals)
}
