//! Reads MongoDB's query language.

use std::fmt;

use bson::{Bson, Document};

use super::bounds;
use super::literal::Literal;
use super::node::{Bound, Node};
use super::path::{Excerpt, FieldPath};
use super::types::TypeSet;
use crate::error::{Error, ErrorKind, Result};
use crate::value;

/// Operators of the language that are known but not evaluated.
const UNSUPPORTED: [&str; 6] = ["$regex", "$options", "$all", "$elemMatch", "$size", "$mod"];

/// Reads a whole filter.
pub(super) fn parse(filter: &Document) -> Result<Node> {
    bounds::check_filter(filter)?;
    parse_document(filter, 1, &Place::Root)
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

fn parse_document(document: &Document, level: usize, place: &Place<'_>) -> Result<Node> {
    let conditions: usize = document.iter().map(|(_, value)| count_conditions(value)).sum();
    let level = level + usize::from(conditions > 1);
    check_level(level, place)?;
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
        Bson::Document(literal) if !is_literal(literal) => {
            Err(place.error("operators and plain names are mixed"))
        }
        literal => {
            members.push(equal(path, literal).map_err(|error| place.locate(error))?);
            Ok(())
        }
    }
}

/// Whether a document that does not look like operators holds none either.
fn is_literal(document: &Document) -> bool {
    is_reference(document) || document.keys().all(|name| !name.starts_with('$'))
}

fn parse_operators(
    path: &FieldPath,
    operators: &Document,
    level: usize,
    place: &Place<'_>,
    members: &mut Vec<Node>,
) -> Result<()> {
    for (operator, operand) in operators {
        if !operator.starts_with('$') {
            return Err(place.error("operators and plain names are mixed"));
        }
        let here = place.name(operator);
        let node = match operator.as_str() {
            "$not" => parse_not(path, operand, level, &here)?,
            "$in" => one_of(path, operand, &here)?,
            "$nin" => one_of(path, operand, &here)?.not(),
            other => match predicate(path, other, operand) {
                Some(node) => node.map_err(|error| here.locate(error))?,
                None => return Err(refuse(other, place)),
            },
        };
        members.push(node);
    }
    Ok(())
}

/// The predicate of an operator whose operand is not a filter, or `None` for an unknown operator.
fn predicate(path: &FieldPath, operator: &str, operand: &Bson) -> Option<Result<Node>> {
    Some(match operator {
        "$eq" => equal(path, operand),
        "$ne" => equal(path, operand).map(Node::not),
        "$gt" => order(path, Bound::Greater, operand),
        "$gte" => order(path, Bound::GreaterOrEqual, operand),
        "$lt" => order(path, Bound::Less, operand),
        "$lte" => order(path, Bound::LessOrEqual, operand),
        "$exists" => {
            let exists = Node::Exists { path: path.clone() };
            Ok(if value::is_truthy(operand) { exists } else { exists.not() })
        }
        "$type" => TypeSet::parse(operand).map(|types| Node::type_is(path.clone(), types)),
        _ => return None,
    })
}

fn equal(path: &FieldPath, literal: &Bson) -> Result<Node> {
    Ok(Node::Equal { path: path.clone(), value: Literal::new(literal.clone())? })
}

fn order(path: &FieldPath, bound: Bound, literal: &Bson) -> Result<Node> {
    Ok(Node::Order { path: path.clone(), bound, value: Literal::new(literal.clone())? })
}

fn one_of(path: &FieldPath, operand: &Bson, place: &Place<'_>) -> Result<Node> {
    let Bson::Array(items) = operand else {
        return Err(place.error("operator needs an array of values"));
    };
    let mut literals = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let here = place.index(index);
        if looks_like_operators(item) {
            return Err(here.error("operators cannot stand in a list of values"));
        }
        literals.push(Literal::new(item.clone()).map_err(|error| here.locate(error))?);
    }
    Ok(Node::one_of(path.clone(), literals))
}

fn parse_not(path: &FieldPath, operand: &Bson, level: usize, place: &Place<'_>) -> Result<Node> {
    let operators = match operand {
        Bson::Document(operators) if !operators.is_empty() => operators,
        Bson::RegularExpression(_) => {
            return Err(place.locate(Error::new(
                ErrorKind::Unsupported,
                "filters do not search with regular expressions",
            )));
        }
        _ => return Err(place.error("$not needs a document of operators")),
    };
    let level = level + 1 + usize::from(operators.len() > 1);
    check_level(level, place)?;
    let mut members = Vec::with_capacity(operators.len());
    parse_operators(path, operators, level, place, &mut members)?;
    Ok(Node::and(members).not())
}

fn check_level(level: usize, place: &Place<'_>) -> Result<()> {
    bounds::within_depth(level).map(|_| ()).map_err(|error| place.locate(error))
}

/// The error for an operator that is not evaluated where it stands.
fn refuse(operator: &str, place: &Place<'_>) -> Error {
    let error = if UNSUPPORTED.contains(&operator) {
        Error::new(ErrorKind::Unsupported, format!("filter operator {operator} is not supported"))
    } else {
        Error::invalid(format!("unknown filter operator {}", Excerpt(operator)))
    };
    place.locate(error)
}

/// Where in a filter the parser stands, written out only for an error.
enum Place<'a> {
    Root,
    Name(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    fn name(&'a self, name: &'a str) -> Self {
        Self::Name(self, name)
    }

    fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    fn error(&self, message: &'static str) -> Error {
        self.locate(Error::invalid(message))
    }

    fn locate(&self, error: Error) -> Error {
        match self {
            Self::Root => error,
            place => error.with("at", place),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        match self {
            Self::Root => Ok(()),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Name(parent, name) => {
                if !matches!(parent, Self::Root) {
                    write!(f, "{parent}.")?;
                }
                let name = name.strip_prefix('$').unwrap_or(name);
                name.chars().take(SHOWN).try_for_each(|letter| {
                    letter.escape_debug().try_for_each(|part| fmt::Write::write_char(f, part))
                })
            }
        }
    }
}
