//! The normal form of the members of a conjunction or a disjunction.

use std::cmp::Ordering;

use super::literal::{self, Literal, Values};
use super::node::Node;
use super::path::FieldPath;

/// Orders `members` and removes duplicates.
pub(super) fn arrange(members: &mut Vec<Node>) {
    members.sort_by(order);
    members.dedup();
}

/// Makes one list of values out of all values that alternatives compare one path with.
pub(super) fn unite_values(members: Vec<Node>) -> Vec<Node> {
    let is_value = |member: &Node| match member {
        Node::Equal { value, .. } => value.is_listable(),
        Node::OneOf { .. } => true,
        _ => false,
    };
    let (mut lists, mut kept): (Vec<_>, Vec<_>) = members.into_iter().partition(is_value);
    lists.sort_by(|a, b| a.path().cmp(&b.path()));
    let mut lists = lists.into_iter().peekable();
    while let Some(first) = lists.next() {
        let path = first.path().cloned();
        let mut same = vec![first];
        while let Some(next) = lists.next_if(|next| next.path() == path.as_ref()) {
            same.push(next);
        }
        kept.extend(match (path, same.len()) {
            (Some(path), 2..) => unite(path, same),
            _ => same.pop(),
        });
    }
    kept
}

fn unite(path: FieldPath, members: Vec<Node>) -> Option<Node> {
    let mut literals = Vec::new();
    for member in members {
        match member {
            Node::Equal { value, .. } => literals.push(value),
            Node::OneOf { values, .. } => literals.extend(values.into_literals()),
            _ => {}
        }
    }
    let values = Values::new(literals);
    match values.as_slice().len() {
        0 | 1 => values.into_literals().next().map(|value: Literal| Node::Equal { path, value }),
        _ => Some(Node::OneOf { path, values }),
    }
}

/// A total order in which only equal predicates are equal: single ones by path come first.
fn order(left: &Node, right: &Node) -> Ordering {
    let path = |node: &Node| match node {
        Node::Not(inner) => inner.path().cloned(),
        other => other.path().cloned(),
    };
    let (a, b) = (path(left), path(right));
    a.is_none()
        .cmp(&b.is_none())
        .then_with(|| a.cmp(&b))
        .then_with(|| rank(left).cmp(&rank(right)))
        .then_with(|| contents(left, right))
}

fn rank(node: &Node) -> u8 {
    match node {
        Node::All => 0,
        Node::None => 1,
        Node::Equal { .. } => 2,
        Node::OneOf { .. } => 3,
        Node::Order { .. } => 4,
        Node::Exists { .. } => 5,
        Node::Type { .. } => 6,
        Node::Size { .. } => 7,
        Node::Modulo { .. } => 8,
        Node::Regex { .. } => 9,
        Node::AnyValue { .. } => 10,
        Node::AnyDocument { .. } => 11,
        Node::Not(_) => 12,
        Node::And(_) => 13,
        Node::Or(_) => 14,
    }
}

/// Orders predicates of the same kind about the same path.
fn contents(left: &Node, right: &Node) -> Ordering {
    match (left, right) {
        (Node::Equal { value: a, .. }, Node::Equal { value: b, .. }) => {
            literal::order(a.value(), b.value())
        }
        (Node::Order { bound: x, value: a, .. }, Node::Order { bound: y, value: b, .. }) => {
            (*x as u8).cmp(&(*y as u8)).then_with(|| literal::order(a.value(), b.value()))
        }
        (Node::OneOf { values: a, .. }, Node::OneOf { values: b, .. }) => {
            by_members(a.as_slice(), b.as_slice(), literal::order)
        }
        (Node::Type { types: a, .. }, Node::Type { types: b, .. }) => a.cmp(b),
        (Node::Size { size: a, .. }, Node::Size { size: b, .. }) => a.cmp(b),
        (
            Node::Modulo { divisor: x, remainder: a, .. },
            Node::Modulo { divisor: y, remainder: b, .. },
        ) => (x, a).cmp(&(y, b)),
        (Node::Regex { pattern: a, .. }, Node::Regex { pattern: b, .. }) => a.cmp(b),
        (Node::AnyDocument { filter: a, .. }, Node::AnyDocument { filter: b, .. })
        | (Node::Not(a), Node::Not(b)) => order(a, b),
        (Node::AnyValue { test: a, .. }, Node::AnyValue { test: b, .. }) => {
            order(a.node(), b.node())
        }
        (Node::And(a), Node::And(b)) | (Node::Or(a), Node::Or(b)) => by_members(a, b, order),
        _ => Ordering::Equal,
    }
}

fn by_members<T>(left: &[T], right: &[T], order: impl Fn(&T, &T) -> Ordering) -> Ordering {
    left.iter()
        .zip(right)
        .map(|(a, b)| order(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}
