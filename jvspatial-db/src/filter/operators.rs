//! Reads the operators of a field.

use bson::{Array, Bson, Document};

use super::bounds;
use super::literal::Literal;
use super::node::{Bound, ElementTest, Node};
use super::parse::{looks_like_operators, parse_document, refuse};
use super::path::FieldPath;
use super::place::Place;
use super::regex::Pattern;
use super::types::TypeSet;
use crate::error::{Error, Result};
use crate::value;

/// Reads what stands under `path` and appends its predicates to `members`.
pub(super) fn parse_operators(
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
        members.push(match operator.as_str() {
            "$not" => parse_not(path, operand, level, &here)?,
            "$in" => one_of(path, operand, &here)?,
            "$nin" => one_of(path, operand, &here)?.not(),
            "$all" => all_of(path, operand, level, &here)?,
            "$elemMatch" => element(path, operand, level, &here)?,
            "$regex" => regex(path, operators, operand, &here)?,
            "$options" if operators.contains_key("$regex") => continue,
            "$options" => return Err(here.error("$options needs a $regex beside it")),
            other => match predicate(path, other, operand) {
                Some(node) => node.map_err(|error| here.locate(error))?,
                None => return Err(refuse(other, place)),
            },
        });
    }
    Ok(())
}

/// The predicate of a value without operators.
pub(super) fn equal(path: &FieldPath, literal: &Bson, place: &Place<'_>) -> Result<Node> {
    match literal {
        Bson::RegularExpression(regex) => {
            search(path, regex.pattern.as_str(), regex.options.as_str(), place)
        }
        literal => equal_to(path, literal).map_err(|error| place.locate(error)),
    }
}

fn equal_to(path: &FieldPath, literal: &Bson) -> Result<Node> {
    Ok(Node::Equal { path: path.clone(), value: Literal::new(literal.clone())? })
}

/// The predicate that `pattern` is found.
pub(super) fn search(
    path: &FieldPath,
    pattern: &str,
    options: &str,
    place: &Place<'_>,
) -> Result<Node> {
    let pattern = Pattern::new(pattern, options).map_err(|error| place.locate(error))?;
    place.count(&pattern)?;
    Ok(Node::Regex { path: path.clone(), pattern })
}

/// The predicate of an operator with an operand of its own, or `None` for an unknown operator.
fn predicate(path: &FieldPath, operator: &str, operand: &Bson) -> Option<Result<Node>> {
    Some(match operator {
        "$eq" => equal_to(path, operand),
        "$ne" => match operand {
            Bson::RegularExpression(_) => Err(regex_refused()),
            operand => equal_to(path, operand).map(Node::not),
        },
        "$gt" => order(path, Bound::Greater, operand),
        "$gte" => order(path, Bound::GreaterOrEqual, operand),
        "$lt" => order(path, Bound::Less, operand),
        "$lte" => order(path, Bound::LessOrEqual, operand),
        "$exists" => {
            let exists = Node::Exists { path: path.clone() };
            Ok(if value::is_truthy(operand) { exists } else { exists.not() })
        }
        "$type" => TypeSet::parse(operand).map(|types| Node::type_is(path.clone(), types)),
        "$size" => size(path, operand),
        "$mod" => modulo(path, operand),
        _ => return None,
    })
}

/// The predicate that a value stands on one side of `literal`.
///
/// # Errors
/// `Invalid` for undefined and for a regular expression, `Limit` for a value that is too large.
pub(super) fn order(path: &FieldPath, bound: Bound, literal: &Bson) -> Result<Node> {
    match literal {
        Bson::RegularExpression(_) => Err(regex_refused()),
        literal => {
            Ok(Node::Order { path: path.clone(), bound, value: Literal::new(literal.clone())? })
        }
    }
}

fn regex_refused() -> Error {
    Error::invalid("operator cannot compare with a regular expression")
}

fn size(path: &FieldPath, operand: &Bson) -> Result<Node> {
    let size = value::exact_integer(operand)
        .and_then(|size| i32::try_from(size).ok())
        .and_then(|size| usize::try_from(size).ok())
        .ok_or_else(|| Error::invalid("$size needs a whole number of 31 bits, not below zero"))?;
    Ok(Node::Size { path: path.clone(), size })
}

fn modulo(path: &FieldPath, operand: &Bson) -> Result<Node> {
    let numbers = match operand {
        Bson::Array(items) => items.as_slice(),
        _ => &[],
    };
    let [divisor, remainder] = numbers else {
        return Err(Error::invalid("$mod needs a list of a divisor and a remainder"));
    };
    match (value::truncated_integer(divisor), value::truncated_integer(remainder)) {
        (Some(divisor), Some(remainder)) => remainder_is(path.clone(), divisor, remainder),
        _ => Err(Error::invalid("$mod needs two numbers of 64 bits")),
    }
}

/// The predicate that dividing by `divisor` leaves `remainder`.
///
/// # Errors
/// `Invalid` when the divisor is zero.
pub(super) fn remainder_is(path: FieldPath, divisor: i64, remainder: i64) -> Result<Node> {
    if divisor == 0 {
        return Err(Error::invalid("$mod cannot divide by zero"));
    }
    Ok(Node::Modulo { path, divisor, remainder })
}

/// Reads `$regex` together with the `$options` beside it.
fn regex(
    path: &FieldPath,
    operators: &Document,
    operand: &Bson,
    place: &Place<'_>,
) -> Result<Node> {
    let options = match operators.get("$options") {
        None => None,
        Some(Bson::String(options)) => Some(options.as_str()),
        Some(_) => return Err(place.error("$options needs a text")),
    };
    let (pattern, options) = match (operand, options) {
        (Bson::String(pattern), options) => (pattern.as_str(), options.unwrap_or_default()),
        (Bson::RegularExpression(regex), None) => (regex.pattern.as_str(), regex.options.as_str()),
        (Bson::RegularExpression(regex), Some(options)) if regex.options.as_str().is_empty() => {
            (regex.pattern.as_str(), options)
        }
        (Bson::RegularExpression(_), Some(_)) => {
            return Err(place.error("options stand both in $regex and in $options"));
        }
        _ => return Err(place.error("$regex needs a text or a regular expression")),
    };
    search(path, pattern, options, place)
}

fn items<'a>(operand: &'a Bson, place: &Place<'_>) -> Result<&'a Array> {
    operand.as_array().ok_or_else(|| place.error("operator needs an array of values"))
}

fn one_of(path: &FieldPath, operand: &Bson, place: &Place<'_>) -> Result<Node> {
    Ok(Node::or(values(path, items(operand, place)?, place, looks_like_operators)?))
}

/// The predicates of the values in a list, none of which may be an operator.
fn values(
    path: &FieldPath,
    items: &Array,
    place: &Place<'_>,
    is_operator: impl Fn(&Bson) -> bool,
) -> Result<Vec<Node>> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let here = place.index(index);
            if is_operator(item) {
                return Err(here.error("operators cannot stand in a list of values"));
            }
            equal(path, item, &here)
        })
        .collect()
}

fn all_of(path: &FieldPath, operand: &Bson, level: usize, place: &Place<'_>) -> Result<Node> {
    let items = items(operand, place)?;
    if items.is_empty() {
        return Ok(Node::None);
    }
    if items.first().is_none_or(|first| first_name(first) != Some("$elemMatch")) {
        return Ok(Node::and(values(path, items, place, is_keyword)?));
    }
    let members: Result<Vec<Node>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| match item {
            Bson::Document(only) if only.len() == 1 && first_name(item) == Some("$elemMatch") => {
                let here = place.index(index);
                let mut members = Vec::with_capacity(1);
                parse_operators(path, only, level, &here, &mut members)?;
                Ok(Node::and(members))
            }
            _ => Err(place.index(index).error("$all mixes $elemMatch with something else")),
        })
        .collect();
    members.map(Node::and)
}

/// Whether a document begins with the name of an operator that stands behind a path. In `$all` MongoDB
/// takes any other name for that of a field.
fn is_keyword(value: &Bson) -> bool {
    let Some(name) = first_name(value).and_then(|name| name.strip_prefix('$')) else {
        return false;
    };
    name.starts_with("_internalExpr")
        || name.starts_with("_internalSchema")
        || KEYWORDS.contains(&name)
}

const KEYWORDS: [&str; 26] = [
    "all",
    "bitsAllClear",
    "bitsAllSet",
    "bitsAnyClear",
    "bitsAnySet",
    "elemMatch",
    "eq",
    "exists",
    "geoIntersects",
    "geoNear",
    "geoWithin",
    "gt",
    "gte",
    "in",
    "lt",
    "lte",
    "mod",
    "ne",
    "near",
    "nearSphere",
    "nin",
    "options",
    "regex",
    "size",
    "type",
    "within",
];

fn first_name(value: &Bson) -> Option<&str> {
    value.as_document()?.keys().next().map(String::as_str)
}

fn element(path: &FieldPath, operand: &Bson, level: usize, place: &Place<'_>) -> Result<Node> {
    let Bson::Document(condition) = operand else {
        return Err(place.error("$elemMatch needs a document"));
    };
    let takes_fields = matches!(first_name(operand), Some("$and" | "$or" | "$nor"));
    if takes_fields || !looks_like_operators(operand) {
        let filter = parse_document(condition, level + 1, place)?;
        return Ok(Node::any_document(path.clone(), filter));
    }
    let test = element_test(condition, level, place)?;
    Ok(Node::any_value(path.clone(), test))
}

/// Reads operators that are asked of a single element.
pub(super) fn element_test(
    operators: &Document,
    level: usize,
    place: &Place<'_>,
) -> Result<ElementTest> {
    let weight = bounds::check_filter(operators).map_err(|error| place.locate(error))?;
    let deepest_before = place.progress().deepest.replace(0);
    let inner = level + 1 + usize::from(operators.len() > 1);
    place.enter(inner)?;
    let mut members = Vec::with_capacity(operators.len());
    parse_operators(&FieldPath::itself(), operators, inner, place, &mut members)?;
    let deepest = &place.progress().deepest;
    let levels = deepest.get() - level;
    deepest.set(deepest.get().max(deepest_before));
    Ok(ElementTest::new(operators.clone(), weight, levels, Node::and(members)))
}

fn parse_not(path: &FieldPath, operand: &Bson, level: usize, place: &Place<'_>) -> Result<Node> {
    let operators = match operand {
        Bson::Document(operators) if !operators.is_empty() => operators,
        Bson::RegularExpression(_) => {
            return equal(path, operand, place).map(Node::not);
        }
        _ => return Err(place.error("$not needs a document of operators")),
    };
    let level = level + 1 + usize::from(operators.len() > 1);
    place.enter(level)?;
    let mut members = Vec::with_capacity(operators.len());
    parse_operators(path, operators, level, place, &mut members)?;
    Ok(Node::and(members).not())
}
