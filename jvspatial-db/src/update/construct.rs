//! Updates made in code, one change each; [`Update::and`] joins them.

use bson::Bson;

use super::bounds;
use super::change::{Change, Clock, End};
use super::condition::Condition;
use super::list::{Push, PushOptions};
use super::parse;
use super::path;
use super::{Operation, Update};
use crate::error::Result;
use crate::filter::{FieldPath, Filter};

/// # Constructors
///
/// Values are taken as they are, even when they look like operators.
///
/// Each fails with `Invalid` for a path outside of the user's fields and a value that cannot be
/// stored, and with `Limit` for one that is too large or too deep.
#[expect(clippy::missing_errors_doc, reason = "said once for all of them")]
impl Update {
    /// The update that changes nothing.
    pub fn none() -> Result<Self> {
        Self::new(Vec::new(), 0)
    }

    /// Gives the field a value: `$set`.
    pub fn set(path: FieldPath, value: impl Into<Bson>) -> Result<Self> {
        Self::stored(path, value.into(), Change::Set)
    }

    /// Gives the field a value if an upsert makes the document: `$setOnInsert`.
    pub fn set_on_insert(path: FieldPath, value: impl Into<Bson>) -> Result<Self> {
        Self::stored(path, value.into(), Change::SetOnInsert)
    }

    /// Removes the field: `$unset`.
    pub fn unset(path: FieldPath) -> Result<Self> {
        Self::single(path, Change::Unset, 0)
    }

    /// Adds a number, which may be negative: `$inc`.
    pub fn inc(path: FieldPath, number: impl Into<Bson>) -> Result<Self> {
        Self::single(path, Change::Inc(parse::number(&number.into())?), 0)
    }

    /// Multiplies with a number: `$mul`.
    pub fn mul(path: FieldPath, number: impl Into<Bson>) -> Result<Self> {
        Self::single(path, Change::Mul(parse::number(&number.into())?), 0)
    }

    /// Gives the field the value if that is smaller: `$min`.
    pub fn min(path: FieldPath, value: impl Into<Bson>) -> Result<Self> {
        Self::stored(path, value.into(), Change::Min)
    }

    /// Gives the field the value if that is greater: `$max`.
    pub fn max(path: FieldPath, value: impl Into<Bson>) -> Result<Self> {
        Self::stored(path, value.into(), Change::Max)
    }

    /// Gives the field the time of the update as a date: `$currentDate`.
    pub fn current_date(path: FieldPath) -> Result<Self> {
        Self::single(path, Change::CurrentDate(Clock::Date), 0)
    }

    /// Gives the field the time of the update as a timestamp: `$currentDate` with `$type`.
    pub fn current_timestamp(path: FieldPath) -> Result<Self> {
        Self::single(path, Change::CurrentDate(Clock::Timestamp), 0)
    }

    /// Moves the value of the field to the path `target`: `$rename`.
    pub fn rename(path: FieldPath, target: &FieldPath) -> Result<Self> {
        let change = parse::rename(&path, target.as_str())?;
        Self::single(path, change, target.as_str().len())
    }

    /// Puts values into a list: `$push` with `$each`.
    pub fn push<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
        options: PushOptions,
    ) -> Result<Self> {
        let (values, weight) = checked(values)?;
        Self::single(path, Change::Push(Push { values, options }), weight)
    }

    /// Appends the values that a list does not hold yet: `$addToSet` with `$each`.
    pub fn add_to_set<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        let (values, weight) = checked(values)?;
        Self::single(path, Change::AddToSet(values), weight)
    }

    /// Removes the elements of a list that equal the value: `$pull`.
    pub fn pull(path: FieldPath, value: impl Into<Bson>) -> Result<Self> {
        let value = value.into();
        let weight = bounds::check_stored(&value)?;
        Self::single(path, Change::Pull(Condition::equal(value)?), weight)
    }

    /// Removes the elements of a list that are documents and satisfy a filter on their fields: `$pull`.
    pub fn pull_matching(path: FieldPath, filter: Filter) -> Result<Self> {
        let weight = bounds::check_update(&filter.to_document())?;
        Self::single(path, Change::Pull(Condition::Fields(filter)), weight)
    }

    /// Removes the first element of a list: `$pop` with -1.
    pub fn pop_first(path: FieldPath) -> Result<Self> {
        Self::single(path, Change::Pop(End::First), 0)
    }

    /// Removes the last element of a list: `$pop` with 1.
    pub fn pop_last(path: FieldPath) -> Result<Self> {
        Self::single(path, Change::Pop(End::Last), 0)
    }

    fn stored(path: FieldPath, value: Bson, change: fn(Bson) -> Change) -> Result<Self> {
        let weight = bounds::check_stored(&value)
            .map_err(|error| error.with("field", path::Excerpt(path.as_str())))?;
        Self::single(path, change(value), weight)
    }

    fn single(path: FieldPath, change: Change, weight: usize) -> Result<Self> {
        path::check(&path)?;
        let weight = bounds::within_bytes(weight.saturating_add(path.as_str().len() + 1))?;
        Self::new(vec![Operation { path, change }], weight)
    }
}

fn checked<V: Into<Bson>>(values: impl IntoIterator<Item = V>) -> Result<(Vec<Bson>, usize)> {
    let mut weight = 0;
    let mut checked = Vec::new();
    for value in values {
        let value = value.into();
        weight = bounds::within_bytes(weight + bounds::check_stored(&value)?)?;
        checked.push(value);
    }
    Ok((checked, weight))
}
