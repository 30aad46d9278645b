//! Random updates, about documents that are given.

use bson::{Bson, Document, doc};

use super::document::{CONTEXT, name};
use super::path::path;
use super::value::{scalar, value};
use crate::random::Random;
use crate::world::Scene;

/// An update of documents like these, as they are stored.
pub(crate) fn update(random: &mut Random, scene: &Scene) -> Document {
    const OPERATORS: [&str; 13] = [
        "$set",
        "$unset",
        "$inc",
        "$mul",
        "$min",
        "$max",
        "$push",
        "$addToSet",
        "$pull",
        "$pop",
        "$rename",
        "$currentDate",
        "$setOnInsert",
    ];
    let mut update = Document::new();
    for _ in 0..random.weighted(&[0, 6, 3, 1]) {
        let (mut path, mut found) = path(random, scene);
        // What is not the user's is never changed, and that is a rule of ours alone.
        if !path.starts_with("context.") {
            (path, found) = (format!("{CONTEXT}.{}", name(random)), None);
        }
        let operator = *random.pick(&OPERATORS);
        let operand = operand(random, operator, found.as_ref());
        match update.get_document_mut(operator) {
            Ok(fields) => {
                fields.insert(path, operand);
            }
            Err(_) => {
                update.insert(operator, doc! {path: operand});
            }
        }
    }
    update
}

fn operand(random: &mut Random, operator: &str, found: Option<&Bson>) -> Bson {
    match operator {
        "$unset" => "".into(),
        "$currentDate" => random
            .pick(&[
                Bson::Boolean(true),
                doc! {"$type": "date"}.into(),
                doc! {"$type": "timestamp"}.into(),
            ])
            .clone(),
        "$inc" | "$mul" if !random.one_in(12) => number(random),
        "$pop" => random.pick(&[1, -1]).into(),
        "$rename" => format!("{CONTEXT}.{}", name(random)).into(),
        "$push" if random.one_in(2) => {
            let mut push = doc! {"$each": list(random, found)};
            if random.one_in(3) {
                push.insert("$position", random.below(5) as i32 - 2);
            }
            if random.one_in(3) {
                push.insert("$sort", *random.pick(&[1, -1]));
            }
            if random.one_in(3) {
                push.insert("$slice", random.below(7) as i32 - 3);
            }
            push.into()
        }
        "$addToSet" if random.one_in(2) => doc! {"$each": list(random, found)}.into(),
        "$pull" if random.one_in(3) => {
            doc! {*random.pick(&["$gt", "$lt", "$gte", "$lte"]): plain(random, found)}.into()
        }
        _ => plain(random, found),
    }
}

fn list(random: &mut Random, found: Option<&Bson>) -> Vec<Bson> {
    (0..random.below(4)).map(|_| plain(random, found)).collect()
}

/// A value that the path leads to, an element of it, or any.
fn plain(random: &mut Random, found: Option<&Bson>) -> Bson {
    let value = match (random.below(3), found) {
        (0, Some(Bson::Array(items))) if !items.is_empty() => random.pick(items).clone(),
        (0, Some(found)) => found.clone(),
        _ => value(random, 2),
    };
    if has_odd(&value) { Bson::Null } else { value }
}

/// Whether a value is or holds one that updates read as something else, or that is not stored as it is.
pub(super) fn has_odd(value: &Bson) -> bool {
    match value {
        Bson::Undefined | Bson::RegularExpression(_) => true,
        Bson::Array(items) => items.iter().any(has_odd),
        Bson::Document(fields) => fields.values().any(has_odd),
        _ => false,
    }
}

fn number(random: &mut Random) -> Bson {
    loop {
        let value = scalar(random);
        if matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_))
        {
            return value;
        }
    }
}
