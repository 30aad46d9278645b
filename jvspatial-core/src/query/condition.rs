//! What a condition says of one field, or of an element of a list.

use jvspatial_db::{Bson, Comparison, FieldPath, Filter};

use super::element::ElementTest;
use crate::error::Result;

/// What is said of one place.
#[derive(Debug)]
pub(super) enum Condition {
    /// It stands so to a value.
    Compare(Comparison, Bson),
    /// It equals one of these.
    OneOf(Vec<Bson>),
    /// It is there, or not.
    Exists(bool),
    /// The expression is found in it.
    Matches { pattern: String, options: String },
    /// Dividing by the one leaves the other.
    Modulo { divisor: i64, remainder: i64 },
    /// It is a list that holds this.
    Contains(Bson),
    /// It is a list that holds all of these.
    ContainsAll(Vec<Bson>),
    /// It is a list of this length.
    Size(u32),
    /// It is a list of which one element passes the test.
    AnyValue(ElementTest),
    /// It is a list of which one element is a document that passes.
    AnyDocument(Filter),
}

impl Condition {
    /// The filter that says it of the field at `path`.
    ///
    /// # Errors
    /// `Invalid`, `Unsupported` or `Limit` when it cannot be said.
    pub(super) fn of_field(self, path: FieldPath) -> Result<Filter> {
        Ok(match self {
            Self::Compare(comparison, value) => Filter::compare(path, comparison, value)?,
            Self::OneOf(values) => Filter::one_of(path, values)?,
            Self::Exists(exists) => Filter::exists(path, exists),
            Self::Matches { pattern, options } => Filter::regex(path, &pattern, &options)?,
            Self::Modulo { divisor, remainder } => Filter::modulo(path, divisor, remainder)?,
            Self::Contains(value) => contains(&path, value)?,
            Self::ContainsAll(values) if values.is_empty() => Filter::none(),
            Self::ContainsAll(values) => {
                let held = values.into_iter().map(|value| contains(&path, value));
                Filter::every(held.collect::<Result<Vec<_>>>()?)?
            }
            Self::Size(count) => Filter::size(path, count),
            Self::AnyValue(test) => test.any_at(&path)?,
            Self::AnyDocument(filter) => Filter::any_document(path, filter)?,
        })
    }

    /// The test that says it of an element.
    ///
    /// # Errors
    /// As [`of_field`](Self::of_field).
    pub(super) fn of_element(self) -> Result<ElementTest> {
        match self {
            Self::Compare(Comparison::Eq, value) => ElementTest::equal(value),
            Self::Compare(Comparison::Ne, value) => Ok(ElementTest::equal(value)?.not()?),
            Self::Compare(comparison, value) => ElementTest::order(comparison, value),
            Self::OneOf(values) => ElementTest::one_of(values),
            Self::Exists(exists) => Ok(ElementTest::operator("$exists", exists)),
            Self::Matches { pattern, options } => ElementTest::matches(&pattern, &options),
            Self::Modulo { divisor, remainder } => {
                Ok(ElementTest::operator("$mod", vec![Bson::Int64(divisor), remainder.into()]))
            }
            Self::Contains(value) => Ok(ElementTest::equal(value)?.any_within()),
            Self::ContainsAll(values) => ElementTest::holds_all(values),
            Self::Size(count) => Ok(ElementTest::operator("$size", i64::from(count))),
            Self::AnyValue(test) => Ok(test.any_within()),
            Self::AnyDocument(filter) => {
                Ok(ElementTest::operator("$elemMatch", filter.to_document()))
            }
        }
    }
}

fn contains(path: &FieldPath, value: Bson) -> Result<Filter> {
    Ok(match value {
        // An absent field would equal null, and the list as a whole a list.
        Bson::Null | Bson::Array(_) => Filter::any_value(path.clone(), [(Comparison::Eq, value)])?,
        value => Filter::compare(path.clone(), Comparison::Eq, value)?,
    })
}
