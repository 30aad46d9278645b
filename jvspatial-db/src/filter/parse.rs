//! Reads MongoDB's query language.

use bson::{Bson, Document};

use super::bounds;
use super::node::Node;
use super::operators::{equal, parse_operators};
use super::path::{Excerpt, FieldPath};
use super::place::Place;
use crate::error::{Error, ErrorKind, Result};

/// Reads a whole filter.
pub(super) fn parse(filter: &Document) -> Result<Node> {
    bounds::check_filter(filter)?;
    parse_document(filter, 1, &Place::root())
}

/// Whether MongoDB would read `value` as operators where a field's value is expected: a document
/// whose first name begins with `$` and that is not a reference with `$ref` and `$id`.
pub(super) fn looks_like_operators(value: &Bson) -> bool {
    let Bson::Document(document) = value else {
        return false;
    };
    document.keys().next().is_some_and(|name| name.starts_with('$')) && !is_reference(document)
}

/// Whether a document is a reference to another one, which MongoDB takes for a value.
fn is_reference(document: &Document) -> bool {
    document.contains_key("$ref") && document.contains_key("$id")
}

/// Reads a filter, or one inside of another, which stands on `level`.
pub(super) fn parse_document(document: &Document, level: usize, place: &Place<'_>) -> Result<Node> {
    let conditions: usize = document.iter().map(|(_, value)| count_conditions(value)).sum();
    let level = level + usize::from(conditions > 1);
    place.enter(level)?;
    let mut members = Vec::with_capacity(conditions);
    for (name, value) in document {
        let here = place.name(name);
        match name.as_str() {
            "$and" => members.push(Node::and(parse_list(value, level, &here)?)),
            "$or" => members.push(Node::or(parse_list(value, level, &here)?)),
            "$nor" => {
                let several = matches!(value, Bson::Array(items) if items.len() > 1);
                let inner = parse_list(value, level + usize::from(several), &here)?;
                members.push(Node::or(inner).not());
            }
            "$not" => {
                return Err(here.error("$not stands under a field; negate a filter with $nor"));
            }
            operator if operator.starts_with('$') => return Err(refuse(operator, place)),
            field => {
                let path = FieldPath::parse(field).map_err(|error| here.locate(error))?;
                parse_field(&path, value, level, &here, &mut members)?;
            }
        }
    }
    Ok(Node::and(members))
}

/// How many predicates the value of one name stands for.
fn count_conditions(value: &Bson) -> usize {
    match value {
        Bson::Document(operators) if looks_like_operators(value) => operators.len(),
        _ => 1,
    }
}

fn parse_list(operand: &Bson, level: usize, place: &Place<'_>) -> Result<Vec<Node>> {
    let Bson::Array(items) = operand else {
        return Err(place.error("logical operator needs an array of filters"));
    };
    if items.is_empty() {
        return Err(place.error("logical operator needs at least one filter"));
    }
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let here = place.index(index);
            match item {
                Bson::Document(filter) => parse_document(filter, level + 1, &here),
                _ => Err(here.error("logical operator needs an array of filters")),
            }
        })
        .collect()
}

fn parse_field(
    path: &FieldPath,
    value: &Bson,
    level: usize,
    place: &Place<'_>,
    members: &mut Vec<Node>,
) -> Result<()> {
    match value {
        Bson::Document(operators) if looks_like_operators(value) => {
            parse_operators(path, operators, level, place, members)
        }
        literal => {
            members.push(equal(path, literal, place)?);
            Ok(())
        }
    }
}

/// The error for an operator that is not evaluated where it stands.
pub(super) fn refuse(operator: &str, place: &Place<'_>) -> Error {
    let error = match reason_against(operator) {
        Some(reason) => Error::new(
            ErrorKind::Unsupported,
            format!("filter operator {operator} is not evaluated: {reason}"),
        ),
        None => Error::invalid(format!("unknown filter operator {}", Excerpt(operator))),
    };
    place.locate(error)
}

/// Why an operator of MongoDB's is left out.
fn reason_against(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "$where" => "filters run no code",
        "$expr" => "filters compute no expressions",
        "$jsonSchema" => "filters know no schemas",
        "$text" => "there are no text indexes",
        "$near" | "$nearSphere" | "$geoNear" | "$geoWithin" | "$geoIntersects" | "$within"
        | "$maxDistance" | "$minDistance" => "there are no geospatial indexes",
        "$bitsAllSet" | "$bitsAllClear" | "$bitsAnySet" | "$bitsAnyClear" => {
            "numbers are not taken apart into bits"
        }
        "$sampleRate" => "its answer is random",
        "$comment" => "it says nothing about documents",
        "$alwaysTrue" | "$alwaysFalse" => "an empty filter, or its negation, says the same",
        _ => return None,
    })
}
