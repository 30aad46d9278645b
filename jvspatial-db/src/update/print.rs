//! Writes an update in MongoDB's update language.

use bson::{Bson, Document, doc};

use super::Operation;
use super::change::{Change, Clock, End};
use super::list;

/// The operators in the order in which they first occur, each with its fields in their order.
pub(super) fn print(operations: &[Operation]) -> Document {
    if operations.is_empty() {
        // A document without operators is no update.
        return doc! { "$set": {} };
    }
    let mut update = Document::new();
    for Operation { path, change } in operations {
        let operator = change.operator();
        if !update.contains_key(operator) {
            update.insert(operator, Document::new());
        }
        if let Some(Bson::Document(fields)) = update.get_mut(operator) {
            fields.insert(path.as_str(), operand(change));
        }
    }
    update
}

fn operand(change: &Change) -> Bson {
    match change {
        Change::Set(value)
        | Change::SetOnInsert(value)
        | Change::Inc(value)
        | Change::Mul(value)
        | Change::Min(value)
        | Change::Max(value) => value.clone(),
        Change::Unset => Bson::Boolean(true),
        Change::CurrentDate(Clock::Date) => Bson::Boolean(true),
        Change::CurrentDate(Clock::Timestamp) => Bson::Document(doc! { "$type": "timestamp" }),
        Change::Rename(target) => Bson::String(target.as_str().to_owned()),
        Change::Push(push) => push.to_bson(),
        Change::AddToSet(values) => Bson::Document(list::each(values)),
        Change::Pull(condition) => condition.to_bson(),
        Change::Pop(End::First) => Bson::Int32(-1),
        Change::Pop(End::Last) => Bson::Int32(1),
    }
}
