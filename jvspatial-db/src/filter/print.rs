//! Writes a parsed filter as a document that parses back to it.

use bson::{Array, Bson, Document, doc};

use super::node::Node;
use super::path::FieldPath;

/// The document for `node`; every part of it but a conjunction has exactly one name.
pub(super) fn print(node: &Node) -> Document {
    match node {
        Node::All => doc! {},
        Node::None => doc! { "$nor": [{}] },
        Node::And(members) => print_and(members),
        Node::Or(members) => doc! { "$or": print_all(members) },
        Node::Not(inner) => print_not(inner),
        Node::Equal { path, value } if !needs_operator(value.value()) => field(path, value.value()),
        single => match (single.path(), operators(single)) {
            (Some(path), Some(operators)) => field(path, operators),
            _ => doc! {},
        },
    }
}

/// The operators of a predicate about a single path.
fn operators(node: &Node) -> Option<Document> {
    Some(match node {
        Node::All | Node::None | Node::And(_) | Node::Or(_) | Node::Not(_) => return None,
        Node::Equal { value, .. } => doc! { "$eq": value.value() },
        Node::Order { bound, value, .. } => doc! { bound.operator(): value.value() },
        Node::OneOf { values, .. } => doc! { "$in": values.as_slice() },
        Node::Exists { .. } => doc! { "$exists": true },
        Node::Type { types, .. } => doc! { "$type": types.to_operand() },
        Node::Regex { pattern, .. } if pattern.options().is_empty() => {
            doc! { "$regex": pattern.text() }
        }
        Node::Regex { pattern, .. } => {
            doc! { "$regex": pattern.text(), "$options": pattern.options() }
        }
        Node::Modulo { divisor, remainder, .. } => doc! { "$mod": [divisor, remainder] },
        Node::Size { size, .. } => doc! { "$size": *size as i64 },
        Node::AnyDocument { filter, .. } => doc! { "$elemMatch": print(filter) },
        Node::AnyValue { test, .. } => doc! { "$elemMatch": test.operators() },
    })
}

/// Whether a bare value would not be read as a value: as operators, or as something to search for.
fn needs_operator(value: &Bson) -> bool {
    match value {
        Bson::Document(document) => document.keys().any(|name| name.starts_with('$')),
        Bson::RegularExpression(_) => true,
        _ => false,
    }
}

fn print_all(members: &[Node]) -> Array {
    members.iter().map(|member| Bson::from(print(member))).collect()
}

/// One document when no two members share a name, else an `$and`.
fn print_and(members: &[Node]) -> Document {
    let mut merged = Document::new();
    for (name, value) in members.iter().flat_map(print) {
        if merged.insert(name, value).is_some() {
            return doc! { "$and": print_all(members) };
        }
    }
    merged
}

fn print_not(inner: &Node) -> Document {
    match inner {
        Node::Equal { path, value } if !matches!(value.value(), Bson::RegularExpression(_)) => {
            field(path, doc! { "$ne": value.value() })
        }
        Node::OneOf { path, values } => field(path, doc! { "$nin": values.as_slice() }),
        Node::Exists { path } => field(path, doc! { "$exists": false }),
        Node::Or(members) => doc! { "$nor": print_all(members) },
        other => match (other.path(), operators(other)) {
            (Some(path), Some(operators)) => field(path, doc! { "$not": operators }),
            _ => doc! { "$nor": [print(other)] },
        },
    }
}

fn field(path: &FieldPath, value: impl Into<Bson>) -> Document {
    let mut document = Document::new();
    document.insert(path.as_str(), value);
    document
}
