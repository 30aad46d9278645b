//! A typed handle of a stored field.

use std::fmt;
use std::marker::PhantomData;

use jvspatial_db::{Bson, Comparison, SortKey};

use super::change::Numeric;
use super::condition::Condition;
use super::operand::Operand;
use super::order::Order;
use super::predicate::Predicate;
use super::text::Text;
use crate::error::Result;

/// The handle of a field of type `T`, from which conditions are made: `a.latitude.gte(65.0)`.
///
/// The derives give each entity one for each of its fields. The fields of an
/// [`Embedded`](crate::Embedded) struct follow behind a dot: `a.address.city.eq("Oslo")`; those of the
/// structs in a list within [`any`](Self::any).
///
/// Conditions are those of MongoDB: a comparison holds only between values of one class of types, a
/// field that is absent equals null, and a comparison with a list holds when one of its elements
/// satisfies it.
///
/// ```
/// # use jvspatial_core::Field;
/// let name = Field::<String>::new("context.name");
/// let altitude = Field::<Option<f64>>::new("context.altitude");
/// let predicate = name.eq("Oslo").or(altitude.gt(500.0)).and(altitude.ne(None));
/// # assert!(predicate.into_filter().is_ok());
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail,E0277
/// # use jvspatial_core::Field;
/// let latitude = Field::<f64>::new("context.latitude");
/// let _ = latitude.gte("65.0");
/// ```
///
/// ```compile_fail,E0277
/// # use jvspatial_core::Field;
/// let count = Field::<u32>::new("context.count");
/// let _ = count.eq(100_i64);
/// ```
pub struct Field<T> {
    place: Place,
    value: PhantomData<fn() -> T>,
}

/// Where a field is, and of what it is a field.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// The path in the stored document.
    pub(super) path: &'static str,
    pub(super) scope: Scope,
}

/// Of what a condition speaks: of the document, or of an element of a list in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    /// The path of the list, empty for the document.
    pub(super) path: &'static str,
    /// How many lists are around it, which tells the elements of a list from those of a list in it.
    pub(super) lists: usize,
}

impl Scope {
    pub(super) const DOCUMENT: Self = Self { path: "", lists: 0 };
}

impl Place {
    /// The path from the document or the element on; empty for the element itself.
    pub(super) fn relative(self) -> &'static str {
        let rest = self.path.strip_prefix(self.scope.path).unwrap_or(self.path);
        rest.strip_prefix('.').unwrap_or(rest)
    }

    /// Whether this is an element of a list, and not a field of something.
    pub(super) fn is_element(self) -> bool {
        self.scope.lists > 0 && self.relative().is_empty()
    }

    /// An element of the list that is here.
    pub(super) const fn element(self) -> Self {
        let scope = Scope { path: self.path, lists: self.scope.lists + 1 };
        Self { path: self.path, scope }
    }
}

impl<T> Field<T> {
    /// The handle of the field stored at `path`, such as `context.latitude`.
    pub const fn new(path: &'static str) -> Self {
        Self::at(Place { path, scope: Scope::DOCUMENT })
    }

    pub(super) const fn at(place: Place) -> Self {
        Self { place, value: PhantomData }
    }

    pub(super) const fn place(self) -> Place {
        self.place
    }

    /// Where the field is in the stored document.
    pub const fn path(self) -> &'static str {
        self.place.path
    }

    /// Equal to `value`.
    pub fn eq(self, value: impl Operand<T>) -> Predicate {
        self.compare(Comparison::Eq, value)
    }

    /// Not equal to `value`; also holds for a document without the field, unless `value` is null.
    pub fn ne(self, value: impl Operand<T>) -> Predicate {
        self.compare(Comparison::Ne, value)
    }

    /// Greater than `value`.
    pub fn gt(self, value: impl Operand<T>) -> Predicate {
        self.compare(Comparison::Gt, value)
    }

    /// Greater than or equal to `value`.
    pub fn gte(self, value: impl Operand<T>) -> Predicate {
        self.compare(Comparison::Gte, value)
    }

    /// Less than `value`.
    pub fn lt(self, value: impl Operand<T>) -> Predicate {
        self.compare(Comparison::Lt, value)
    }

    /// Less than or equal to `value`.
    pub fn lte(self, value: impl Operand<T>) -> Predicate {
        self.compare(Comparison::Lte, value)
    }

    /// Equal to one of `values`; never holds when there are none.
    pub fn one_of<V: Operand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.holds(stored_forms(values).map(Condition::OneOf))
    }

    /// Equal to none of `values`; also holds for a document without the field.
    pub fn none_of<V: Operand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.one_of(values).not()
    }

    /// The document has the field, be it null.
    pub fn exists(self) -> Predicate {
        self.holds(Ok(Condition::Exists(true)))
    }

    /// The document lacks the field.
    pub fn is_missing(self) -> Predicate {
        self.holds(Ok(Condition::Exists(false)))
    }

    /// The field is null or absent.
    pub fn is_null(self) -> Predicate {
        self.holds(Ok(Condition::Compare(Comparison::Eq, Bson::Null)))
    }

    /// The regular expression is found in the text: `a.name.matches("^Os")`.
    ///
    /// It is PCRE as MongoDB runs it, as far as it can be matched in linear time; anything else makes
    /// an error of the search. To look for a user's text as it is, make the pattern by
    /// `jvspatial_db::Filter::escape_regex`.
    ///
    /// ```
    /// # use jvspatial_core::Field;
    /// let nickname = Field::<Option<String>>::new("context.nickname");
    /// assert!(nickname.matches("^Tiger").into_filter().is_ok());
    /// assert!(nickname.matches("(").into_filter().is_err());
    /// ```
    ///
    /// What is not text does not compile:
    ///
    /// ```compile_fail,E0277
    /// # use jvspatial_core::Field;
    /// let count = Field::<u32>::new("context.count");
    /// let _ = count.matches("^1");
    /// ```
    pub fn matches(self, pattern: &str) -> Predicate
    where
        T: Text,
    {
        self.matches_with(pattern, "")
    }

    /// As [`matches`](Self::matches), with options: `i` for any case, `m` for `^` and `$` at every
    /// line, `s` for a dot that takes newlines, `x` for white space and comments in the pattern.
    pub fn matches_with(self, pattern: &str, options: &str) -> Predicate
    where
        T: Text,
    {
        let (pattern, options) = (pattern.to_owned(), options.to_owned());
        self.holds(Ok(Condition::Matches { pattern, options }))
    }

    /// Leaves `remainder` when it is divided by `divisor`; a remainder has the sign of the field.
    ///
    /// A divisor of zero makes an error of the search.
    pub fn modulo(self, divisor: i64, remainder: i64) -> Predicate
    where
        T: Numeric<Step = i64>,
    {
        self.holds(Ok(Condition::Modulo { divisor, remainder }))
    }

    /// Sorts by this field, the smallest value first.
    pub fn asc(self) -> Order {
        Order::at(self.path(), SortKey::ascending)
    }

    /// Sorts by this field, the largest value first.
    pub fn desc(self) -> Order {
        Order::at(self.path(), SortKey::descending)
    }

    pub(super) fn holds(self, condition: Result<Condition>) -> Predicate {
        Predicate::at(self.place, condition)
    }

    fn compare(self, comparison: Comparison, value: impl Operand<T>) -> Predicate {
        self.holds(value.to_bson().map(|value| Condition::Compare(comparison, value)))
    }
}

pub(super) fn stored_forms<T, V: Operand<T>>(
    values: impl IntoIterator<Item = V>,
) -> Result<Vec<Bson>> {
    values.into_iter().map(|value| value.to_bson()).collect()
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

impl<T> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.path()).finish()
    }
}
