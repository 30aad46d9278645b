//! Writes a parsed filter as a document that parses back to it.

use bson::{Array, Bson, Document, doc};

use super::literal::Literal;
use super::node::{Bound, Node};
use super::path::FieldPath;

/// The document for `node`; every part of it but a conjunction has exactly one name.
pub(super) fn print(node: &Node) -> Document {
    match node {
        Node::All => doc! {},
        Node::None => doc! { "$nor": [{}] },
        Node::And(members) => print_and(members),
        Node::Or(members) => doc! { "$or": print_all(members) },
        Node::Not(inner) => print_not(inner),
        Node::Equal { path, value } => match value.value() {
            // A bare document with such a name would be read as operators.
            literal if has_operator_name(literal) => field(path, doc! { "$eq": literal }),
            literal => field(path, literal),
        },
        Node::Order { path, bound, value } => field(path, print_order(*bound, value)),
        Node::OneOf { path, values } => field(path, doc! { "$in": values.as_slice() }),
        Node::Exists { path } => field(path, doc! { "$exists": true }),
        Node::Type { path, types } => field(path, doc! { "$type": types.to_operand() }),
    }
}

fn has_operator_name(value: &Bson) -> bool {
    matches!(value, Bson::Document(document) if document.keys().any(|name| name.starts_with('$')))
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
        Node::Equal { path, value } => field(path, doc! { "$ne": value.value() }),
        Node::OneOf { path, values } => field(path, doc! { "$nin": values.as_slice() }),
        Node::Exists { path } => field(path, doc! { "$exists": false }),
        Node::Or(members) => doc! { "$nor": print_all(members) },
        Node::Order { path, bound, value } => {
            field(path, doc! { "$not": print_order(*bound, value) })
        }
        Node::Type { path, types } => field(path, doc! { "$not": { "$type": types.to_operand() } }),
        other => doc! { "$nor": [print(other)] },
    }
}

fn print_order(bound: Bound, value: &Literal) -> Document {
    doc! { bound.operator(): value.value() }
}

fn field(path: &FieldPath, value: impl Into<Bson>) -> Document {
    let mut document = Document::new();
    document.insert(path.as_str(), value);
    document
}
