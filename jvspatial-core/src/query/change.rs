//! A change of the fields of a document, made from typed handles.

use jvspatial_db::update::PushOptions;
use jvspatial_db::{Bson, FieldPath, Update};

use super::field::Field;
use super::operand::Operand;
use crate::error::{Error, Result};

/// A change of the fields of a document, made from [`Field`]s and combined with [`and`](Self::and):
/// `u.reach.inc(1).and(u.name.set("Oslo"))`.
///
/// A change that cannot be, such as two of one field, keeps its first error and gives it to the
/// update that it is used in.
///
/// ```
/// # use jvspatial_core::Field;
/// let reach = Field::<u32>::new("context.reach");
/// let tags = Field::<Vec<String>>::new("context.tags");
/// let change = reach.inc(1).and(tags.add_to_set("hub"));
/// # assert!(change.into_update().is_ok());
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail,E0277
/// # use jvspatial_core::Field;
/// let name = Field::<String>::new("context.name");
/// let _ = name.set(3);
/// ```
///
/// ```compile_fail,E0277
/// # use jvspatial_core::Field;
/// let name = Field::<String>::new("context.name");
/// let _ = name.inc(1);
/// ```
///
/// ```compile_fail,E0308
/// # use jvspatial_core::Field;
/// let reach = Field::<u32>::new("context.reach");
/// let _ = reach.inc(0.5);
/// ```
#[derive(Debug)]
#[must_use = "a change does nothing until it updates something"]
pub struct Change(Result<Update>);

impl Change {
    /// A change in MongoDB's update language, with the stored paths (`context.state`).
    pub fn parse(update: &bson::Document) -> Self {
        Self(Update::parse(update).map_err(Error::from))
    }

    /// Makes both changes, which must be of different fields.
    pub fn and(self, other: Self) -> Self {
        Self(self.0.and_then(|a| other.0.and_then(|b| Ok(a.and(b)?))))
    }

    /// The update.
    ///
    /// # Errors
    /// The first error of the changes it is made of: `Invalid`, `Unsupported` or `Limit`.
    pub fn into_update(self) -> Result<Update> {
        self.0
    }

    fn at(path: &str, make: impl FnOnce(FieldPath) -> Result<Update>) -> Self {
        let update = FieldPath::parse(path).map_err(Error::from).and_then(make);
        Self(update.map_err(|error| {
            jvspatial_db::Error::new(error.kind(), "field cannot be changed like this")
                .with("field", path)
                .with_source(error)
                .into()
        }))
    }
}

impl From<Update> for Change {
    fn from(update: Update) -> Self {
        Self(Ok(update))
    }
}

/// A type whose fields can be counted up: the numbers, and options of them.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` is not a number",
    label = "expected a field with a number"
)]
pub trait Numeric {
    /// What is added or multiplied: `i64` for the integers, so that they count down too, and `f64`
    /// for the others.
    type Step: Into<Bson>;
}

/// A type whose fields can hold the time: `bson::DateTime`, and an option of it.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` does not hold a date",
    label = "expected a field with a `bson::DateTime`"
)]
pub trait Dated {}

impl Dated for bson::DateTime {}
impl Dated for Option<bson::DateTime> {}

macro_rules! numeric {
    ($step:ty: $($type:ty),+) => {$(
        impl Numeric for $type {
            type Step = $step;
        }
    )+};
}

numeric!(i64: i8, i16, i32, i64, u8, u16, u32, u64, isize, usize);
numeric!(f64: f32, f64);

impl<T: Numeric> Numeric for Option<T> {
    type Step = T::Step;
}

impl<T> Field<T> {
    /// Gives the field a value.
    pub fn set(self, value: impl Operand<T>) -> Change {
        self.change(value, Update::set)
    }

    /// Gives the field a value if the update makes the document.
    pub fn set_on_insert(self, value: impl Operand<T>) -> Change {
        self.change(value, Update::set_on_insert)
    }

    /// Gives the field the value if that is smaller than its own; a field that is absent gets it.
    pub fn min(self, value: impl Operand<T>) -> Change {
        self.change(value, Update::min)
    }

    /// Gives the field the value if that is greater than its own; a field that is absent gets it.
    pub fn max(self, value: impl Operand<T>) -> Change {
        self.change(value, Update::max)
    }

    /// Moves the value of this field, if there is one, to another field of its type.
    pub fn rename_to(self, target: Self) -> Change {
        Change::at(self.path(), |path| Ok(Update::rename(path, &FieldPath::parse(target.path())?)?))
    }

    fn change(
        self,
        value: impl Operand<T>,
        make: fn(FieldPath, Bson) -> jvspatial_db::Result<Update>,
    ) -> Change {
        Change::at(self.path(), |path| Ok(make(path, value.to_bson()?)?))
    }
}

impl<T: Numeric> Field<T> {
    /// Adds a number, which may be negative; a field that is absent becomes it. It is not kept within
    /// the bounds of `T`, so that a `u8` of 255 counts up to what `T` cannot be read from.
    pub fn inc(self, by: T::Step) -> Change {
        Change::at(self.path(), |path| Ok(Update::inc(path, narrow(by))?))
    }

    /// Multiplies with a number; a field that is absent becomes zero. As with [`inc`](Self::inc), the
    /// result may not fit `T`.
    #[expect(clippy::should_implement_trait, reason = "a field is no number; the name is `$mul`'s")]
    pub fn mul(self, by: T::Step) -> Change {
        Change::at(self.path(), |path| Ok(Update::mul(path, narrow(by))?))
    }
}

impl<T> Field<Option<T>> {
    /// Removes the field.
    pub fn unset(self) -> Change {
        Change::at(self.path(), |path| Ok(Update::unset(path)?))
    }
}

impl<T: Dated> Field<T> {
    /// Gives the field the time of the update.
    pub fn set_now(self) -> Change {
        Change::at(self.path(), |path| Ok(Update::current_date(path)?))
    }
}

impl<T> Field<Vec<T>> {
    /// Appends a value to the list.
    pub fn push(self, value: impl Operand<T>) -> Change {
        self.push_all([value], PushOptions::new())
    }

    /// Puts values into the list, then sorts it and cuts it as `options` say.
    pub fn push_all<V: Operand<T>>(
        self,
        values: impl IntoIterator<Item = V>,
        options: PushOptions,
    ) -> Change {
        Change::at(self.path(), |path| Ok(Update::push(path, stored(values)?, options)?))
    }

    /// Appends a value unless the list holds it.
    pub fn add_to_set(self, value: impl Operand<T>) -> Change {
        self.add_all_to_set([value])
    }

    /// Appends the values that the list does not hold.
    pub fn add_all_to_set<V: Operand<T>>(self, values: impl IntoIterator<Item = V>) -> Change {
        Change::at(self.path(), |path| Ok(Update::add_to_set(path, stored(values)?)?))
    }

    /// Removes every element that equals the value.
    pub fn pull(self, value: impl Operand<T>) -> Change {
        Change::at(self.path(), |path| Ok(Update::pull(path, value.to_bson()?)?))
    }

    /// Removes the first element.
    pub fn pop_first(self) -> Change {
        Change::at(self.path(), |path| Ok(Update::pop_first(path)?))
    }

    /// Removes the last element.
    pub fn pop_last(self) -> Change {
        Change::at(self.path(), |path| Ok(Update::pop_last(path)?))
    }
}

/// An integer in the narrowest type, as documents hold it.
fn narrow(number: impl Into<Bson>) -> Bson {
    match number.into() {
        Bson::Int64(wide) => i32::try_from(wide).map_or(Bson::Int64(wide), Bson::Int32),
        other => other,
    }
}

fn stored<T, V: Operand<T>>(values: impl IntoIterator<Item = V>) -> Result<Vec<Bson>> {
    values.into_iter().map(|value| value.to_bson()).collect()
}
