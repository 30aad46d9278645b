//! Reads MongoDB's update language.

use bson::{Bson, Document};

use super::Operation;
use super::bounds;
use super::change::{Change, Clock, End};
use super::condition::Condition;
use super::list::{Push, PushOptions};
use super::order::ElementOrder;
use super::path::{self, Excerpt};
use crate::error::{Error, ErrorKind, Result};
use crate::value;

/// Operators of the language that are known but not applied.
const UNSUPPORTED: [&str; 3] = ["$bit", "$pullAll", "$pushAll"];

/// Reads a whole update.
pub(super) fn parse(update: &Document) -> Result<Vec<Operation>> {
    if !update.keys().any(|name| name.starts_with('$')) {
        return Err(Error::invalid(
            "update has no operators: a document that replaces another is not an update",
        ));
    }
    let mut operations = Vec::new();
    for (operator, fields) in update {
        check_operator(operator)?;
        let Bson::Document(fields) = fields else {
            return Err(Error::invalid("update operator needs a document of fields")
                .with("operator", operator));
        };
        for (field, operand) in fields {
            let operation = parse_field(operator, field, operand).map_err(|error| {
                let error = error.with("operator", operator);
                if error.context("field").is_some() {
                    error
                } else {
                    error.with("field", Excerpt(field))
                }
            })?;
            operations.push(operation);
        }
    }
    Ok(operations)
}

fn check_operator(operator: &str) -> Result<()> {
    const KNOWN: [&str; 13] = [
        "$set",
        "$setOnInsert",
        "$unset",
        "$inc",
        "$mul",
        "$min",
        "$max",
        "$currentDate",
        "$rename",
        "$push",
        "$addToSet",
        "$pull",
        "$pop",
    ];
    if KNOWN.contains(&operator) {
        return Ok(());
    }
    Err(if UNSUPPORTED.contains(&operator) {
        Error::new(ErrorKind::Unsupported, "update operator is not supported")
    } else if operator.starts_with('$') {
        Error::invalid("unknown update operator")
    } else {
        Error::invalid("operators and plain names are mixed in an update")
    }
    .with("operator", Excerpt(operator)))
}

fn parse_field(operator: &str, field: &str, operand: &Bson) -> Result<Operation> {
    let path = path::parse(field)?;
    let change = match operator {
        "$set" => Change::Set(stored(operand)?),
        "$setOnInsert" => Change::SetOnInsert(stored(operand)?),
        "$min" => Change::Min(stored(operand)?),
        "$max" => Change::Max(stored(operand)?),
        "$unset" => Change::Unset,
        "$inc" => Change::Inc(number(operand)?),
        "$mul" => Change::Mul(number(operand)?),
        "$currentDate" => Change::CurrentDate(clock(operand)?),
        "$rename" => {
            let Bson::String(target) = operand else {
                return Err(Error::invalid("$rename needs the new path as a string"));
            };
            rename(&path, target)?
        }
        "$push" => Change::Push(push(operand)?),
        "$addToSet" => Change::AddToSet(add_to_set(operand)?),
        "$pull" => Change::Pull(Condition::parse(operand)?),
        _ => Change::Pop(end(operand)?),
    };
    Ok(Operation { path, change })
}

/// A value that becomes part of the document.
pub(super) fn stored(operand: &Bson) -> Result<Bson> {
    bounds::check_stored(operand)?;
    Ok(operand.clone())
}

/// A number to calculate with.
pub(super) fn number(operand: &Bson) -> Result<Bson> {
    match operand {
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
            Ok(operand.clone())
        }
        other => Err(Error::invalid("operator needs a number")
            .with("found", format_args!("{:?}", other.element_type()))),
    }
}

pub(super) fn rename(source: &crate::FieldPath, target: &str) -> Result<Change> {
    let target = path::parse(target)?;
    let overlap = source.segments().zip(target.segments()).all(|(one, other)| one == other);
    if overlap {
        return Err(Error::invalid("source and target of $rename are on one path")
            .with("target", Excerpt(target.as_str())));
    }
    Ok(Change::Rename(target))
}

fn clock(operand: &Bson) -> Result<Clock> {
    let odd = || Error::invalid("$currentDate needs true, or $type with \"date\" or \"timestamp\"");
    match operand {
        Bson::Boolean(_) => Ok(Clock::Date),
        Bson::Document(options) if options.len() == 1 => match options.get_str("$type") {
            Ok("date") => Ok(Clock::Date),
            Ok("timestamp") => Ok(Clock::Timestamp),
            _ => Err(odd()),
        },
        _ => Err(odd()),
    }
}

fn push(operand: &Bson) -> Result<Push> {
    let clauses = match operand {
        Bson::Document(clauses) if clauses.contains_key("$each") => clauses,
        value => return Ok(Push { values: vec![stored(value)?], options: PushOptions::new() }),
    };
    let mut values = Vec::new();
    let mut options = PushOptions::new();
    for (clause, operand) in clauses {
        match clause.as_str() {
            "$each" => values = values_of_each(operand)?,
            "$position" => options.position = Some(integer("$position", operand)?),
            "$slice" => options.slice = Some(integer("$slice", operand)?),
            "$sort" => options.sort = Some(ElementOrder::parse(operand)?),
            other => {
                return Err(
                    Error::invalid("unknown modifier of $push").with("modifier", Excerpt(other))
                );
            }
        }
    }
    Ok(Push { values, options })
}

fn add_to_set(operand: &Bson) -> Result<Vec<Bson>> {
    match operand {
        Bson::Document(clauses) if clauses.keys().next().is_some_and(|name| name == "$each") => {
            if let Some(other) = clauses.keys().nth(1) {
                return Err(Error::invalid("unknown modifier of $addToSet")
                    .with("modifier", Excerpt(other)));
            }
            clauses.get("$each").map_or_else(|| Ok(Vec::new()), values_of_each)
        }
        value => Ok(vec![stored(value)?]),
    }
}

fn values_of_each(operand: &Bson) -> Result<Vec<Bson>> {
    match operand {
        Bson::Array(values) => {
            bounds::check_stored(operand)?;
            Ok(values.clone())
        }
        other => Err(Error::invalid("$each needs an array")
            .with("found", format_args!("{:?}", other.element_type()))),
    }
}

fn integer(clause: &'static str, operand: &Bson) -> Result<i64> {
    value::exact_integer(operand).ok_or_else(|| {
        Error::invalid("modifier of $push needs an integer").with("modifier", clause)
    })
}

fn end(operand: &Bson) -> Result<End> {
    match value::exact_integer(operand) {
        Some(-1) => Ok(End::First),
        Some(1) => Ok(End::Last),
        _ => Err(Error::invalid("$pop needs 1 for the last element or -1 for the first")),
    }
}
