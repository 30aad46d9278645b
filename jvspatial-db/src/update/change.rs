//! What an operator does at its path.

use bson::Bson;

use super::condition::Condition;
use super::list::Push;
use crate::filter::FieldPath;

/// The change of one field, operands checked.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Set(Bson),
    SetOnInsert(Bson),
    Unset,
    /// Adds a number.
    Inc(Bson),
    /// Multiplies with a number.
    Mul(Bson),
    Min(Bson),
    Max(Bson),
    CurrentDate(Clock),
    /// Moves the value to this path.
    Rename(FieldPath),
    Push(Push),
    AddToSet(Vec<Bson>),
    Pull(Condition),
    Pop(End),
}

/// The type in which `$currentDate` stores the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Date,
    Timestamp,
}

/// The end of a list from which `$pop` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

impl Change {
    /// The operator that spells it.
    pub(super) const fn operator(&self) -> &'static str {
        match self {
            Self::Set(_) => "$set",
            Self::SetOnInsert(_) => "$setOnInsert",
            Self::Unset => "$unset",
            Self::Inc(_) => "$inc",
            Self::Mul(_) => "$mul",
            Self::Min(_) => "$min",
            Self::Max(_) => "$max",
            Self::CurrentDate(_) => "$currentDate",
            Self::Rename(_) => "$rename",
            Self::Push(_) => "$push",
            Self::AddToSet(_) => "$addToSet",
            Self::Pull(_) => "$pull",
            Self::Pop(_) => "$pop",
        }
    }
}
