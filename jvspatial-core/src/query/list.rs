//! Conditions on fields that hold lists.

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::condition::Condition;
use super::field::{Field, stored_forms};
use super::operand::Operand;
use super::predicate::Predicate;

/// A type that is stored as a list: `Vec`, the sets, arrays, and options of them. An application may
/// implement it for its own types that serde writes as sequences.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` is not a list",
    label = "expected a field with a `Vec` or a set",
    note = "a type that serde writes as a sequence may implement `jvspatial::List`"
)]
pub trait List {
    /// The type of the elements.
    type Item;
}

impl<T> List for Vec<T> {
    type Item = T;
}

impl<T> List for VecDeque<T> {
    type Item = T;
}

impl<T> List for Box<[T]> {
    type Item = T;
}

impl<T, const N: usize> List for [T; N] {
    type Item = T;
}

impl<T> List for BTreeSet<T> {
    type Item = T;
}

impl<T, S> List for HashSet<T, S> {
    type Item = T;
}

impl<L: List> List for Option<L> {
    type Item = L::Item;
}

impl<L> Field<L> {
    /// The list holds `value`: `a.tags.contains("hub")`.
    ///
    /// A value of another type than the elements does not compile:
    ///
    /// ```compile_fail,E0277
    /// # use jvspatial_core::Field;
    /// let tags = Field::<Vec<String>>::new("context.tags");
    /// let _ = tags.contains(3);
    /// ```
    pub fn contains(self, value: impl Operand<L::Item>) -> Predicate
    where
        L: List,
    {
        self.holds(value.to_bson().map(Condition::Contains))
    }

    /// The list holds each of `values`, in any order; without values, never.
    #[doc(alias = "contains_all")]
    pub fn all<V: Operand<L::Item>>(self, values: impl IntoIterator<Item = V>) -> Predicate
    where
        L: List,
    {
        self.holds(stored_forms(values).map(Condition::ContainsAll))
    }

    /// The list has `count` elements. A field that is absent has none, and no size either.
    pub fn size(self, count: u32) -> Predicate
    where
        L: List,
    {
        self.holds(Ok(Condition::Size(count)))
    }

    /// One element of the list satisfies all of a condition:
    /// `a.runways.any(|r| r.length.gte(3_000).and(r.lit.eq(true)))` for a list of
    /// [`Embedded`](crate::Embedded) structs, `a.scores.any(|s| s.gte(80).and(s.lt(90)))` for one of
    /// values.
    ///
    /// The condition speaks of the element alone; one on another field makes an error of the search.
    /// Of one value in a list of values MongoDB's language cannot ask the same operator twice, such as
    /// two `gt`; that is refused too.
    ///
    /// ```
    /// # use jvspatial_core::Field;
    /// let scores = Field::<Vec<u32>>::new("context.scores");
    /// let filter = scores.any(|score| score.gte(80).and(score.lt(90))).into_filter()?;
    /// assert!(filter.matches(&bson::doc! { "context": { "scores": [10, 85] } }));
    /// assert!(!filter.matches(&bson::doc! { "context": { "scores": [10, 95] } }));
    /// # Ok::<(), jvspatial_core::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0277
    /// # use jvspatial_core::Field;
    /// let scores = Field::<Vec<u32>>::new("context.scores");
    /// let _ = scores.any(|score| score.eq("80"));
    /// ```
    pub fn any(self, condition: impl FnOnce(Field<L::Item>) -> Predicate) -> Predicate
    where
        L: List,
    {
        let element = self.place().element();
        self.holds(condition(Field::at(element)).into_element(element.scope))
    }
}
