//! A typed handle of a stored field.

use std::fmt;
use std::marker::PhantomData;

use jvspatial_db::{Bson, Comparison, SortKey};
use serde::Serialize;

use super::operand::Operand;
use super::order::Order;
use super::predicate::Predicate;
use crate::error::Result;

/// The handle of a field of type `T`, from which conditions are made: `a.latitude.gte(65.0)`.
///
/// The derives give each entity one for each of its fields. Conditions are those of MongoDB: a
/// comparison holds only between values of one class of types, a field that is absent equals null,
/// and a condition on a list holds when one of its elements satisfies it.
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
    path: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    /// The handle of the field stored at `path`, such as `context.latitude`.
    pub const fn new(path: &'static str) -> Self {
        Self { path, value: PhantomData }
    }

    /// Where the field is in the stored document.
    pub const fn path(self) -> &'static str {
        self.path
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
        Predicate::one_of(self.path, stored_forms(values))
    }

    /// Equal to none of `values`; also holds for a document without the field.
    pub fn none_of<V: Operand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.one_of(values).not()
    }

    /// The document has the field, be it null.
    pub fn exists(self) -> Predicate {
        Predicate::exists(self.path, true)
    }

    /// The document lacks the field.
    pub fn is_missing(self) -> Predicate {
        Predicate::exists(self.path, false)
    }

    /// The field is null or absent.
    pub fn is_null(self) -> Predicate {
        Predicate::compare(self.path, Comparison::Eq, Ok(Bson::Null))
    }

    /// Sorts by this field, the smallest value first.
    pub fn asc(self) -> Order {
        Order::at(self.path, SortKey::ascending)
    }

    /// Sorts by this field, the largest value first.
    pub fn desc(self) -> Order {
        Order::at(self.path, SortKey::descending)
    }

    fn compare(self, comparison: Comparison, value: impl Operand<T>) -> Predicate {
        Predicate::compare(self.path, comparison, value.to_bson())
    }
}

impl<T: Serialize> Field<Vec<T>> {
    /// The list holds `value`.
    pub fn contains(self, value: impl Operand<T>) -> Predicate {
        Predicate::compare(self.path, Comparison::Eq, value.to_bson())
    }
}

fn stored_forms<T, V: Operand<T>>(values: impl IntoIterator<Item = V>) -> Result<Vec<Bson>> {
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
        f.debug_tuple("Field").field(&self.path).finish()
    }
}
