//! A condition on the fields of a document.

use jvspatial_db::{Comparison, FieldPath, Filter};

use crate::error::{Error, Result};

/// A condition on the fields of a document, made from [`Field`](crate::Field)s and combined with
/// [`and`](Self::and), [`or`](Self::or) and [`not`](Self::not).
///
/// A condition that cannot be, such as one with a number above `i64::MAX`, keeps its first error
/// and gives it to whatever it is used in.
#[derive(Debug)]
#[must_use = "a predicate does nothing until it filters something"]
pub struct Predicate(Result<Filter>);

impl Predicate {
    /// The condition that every document satisfies.
    pub fn all() -> Self {
        Self(Ok(Filter::all()))
    }

    /// A condition in MongoDB's query language, with the stored paths (`context.state`).
    pub fn parse(filter: &bson::Document) -> Self {
        Self(Filter::parse(filter).map_err(Error::from))
    }

    /// Holds when both hold.
    pub fn and(self, other: Self) -> Self {
        self.join(other, Filter::and)
    }

    /// Holds when at least one of the two holds.
    pub fn or(self, other: Self) -> Self {
        self.join(other, Filter::or)
    }

    /// Holds when this does not. A document without the field satisfies the negation of
    /// [`Field::gt`](crate::Field::gt) as much as one with a smaller value.
    #[expect(
        clippy::should_implement_trait,
        reason = "a method ends a chain better than an operator begins it; both exist"
    )]
    pub fn not(self) -> Self {
        Self(self.0.and_then(|filter| Ok(filter.not()?)))
    }

    /// The filter.
    ///
    /// # Errors
    /// The first error of the conditions it is made of: `Invalid`, `Unsupported` or `Limit`.
    pub fn into_filter(self) -> Result<Filter> {
        self.0
    }

    /// The condition that cannot be, for this reason.
    pub(super) const fn failed(error: Error) -> Self {
        Self(Err(error))
    }

    pub(super) fn compare(path: &str, comparison: Comparison, value: Result<bson::Bson>) -> Self {
        Self::at(path, |path| Ok(Filter::compare(path, comparison, value?)?))
    }

    pub(super) fn one_of(path: &str, values: Result<Vec<bson::Bson>>) -> Self {
        Self::at(path, |path| Ok(Filter::one_of(path, values?)?))
    }

    pub(super) fn exists(path: &str, exists: bool) -> Self {
        Self::at(path, |path| Ok(Filter::exists(path, exists)))
    }

    fn at(path: &str, make: impl FnOnce(FieldPath) -> Result<Filter>) -> Self {
        let filter = FieldPath::parse(path).map_err(Error::from).and_then(make);
        Self(filter.map_err(|error| {
            jvspatial_db::Error::new(error.kind(), "field cannot be compared with this")
                .with("field", path)
                .with_source(error)
                .into()
        }))
    }

    fn join(
        self,
        other: Self,
        join: impl FnOnce(Filter, Filter) -> jvspatial_db::Result<Filter>,
    ) -> Self {
        Self(self.0.and_then(|a| other.0.and_then(|b| Ok(join(a, b)?))))
    }
}

impl From<Filter> for Predicate {
    fn from(filter: Filter) -> Self {
        Self(Ok(filter))
    }
}

impl std::ops::Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        self.not()
    }
}
