//! The shape of a filter: what is left when its values are taken away.

use std::collections::BTreeMap;

use super::node::Node;

/// How long a shape may be, in bytes, before the rest of it is replaced by a hash.
const LONGEST: usize = 512;

/// A predicate without its values; the constructors keep it normal.
enum Shape {
    Single(String),
    And(BTreeMap<String, Shape>),
    Or(BTreeMap<String, Shape>),
    Not(Box<Shape>),
}

/// The shape of `node` as a text of bounded length.
pub(super) fn shape(node: &Node) -> String {
    let mut text = Shape::of(node).text();
    if text.len() > LONGEST {
        let hash = hash(text.as_bytes());
        let mut end = LONGEST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(&format!("… {hash:032x}"));
    }
    text
}

impl Shape {
    fn of(node: &Node) -> Self {
        match node {
            Node::All => Self::Single("all".to_owned()),
            Node::None => Self::Single("none".to_owned()),
            Node::And(members) => Self::join(members, true),
            Node::Or(members) => Self::join(members, false),
            Node::Not(inner) => match Self::of(inner) {
                Self::Not(inner) => *inner,
                other => Self::Not(Box::new(other)),
            },
            // A list of one value is a comparison with it, so both look the same.
            Node::Equal { .. } | Node::OneOf { .. } => Self::single(node, "$eq"),
            Node::Order { bound, .. } => Self::single(node, bound.operator()),
            Node::Exists { .. } => Self::single(node, "$exists"),
            Node::Type { .. } => Self::single(node, "$type"),
            Node::Regex { .. } => Self::single(node, "$regex"),
            Node::Modulo { .. } => Self::single(node, "$mod"),
            Node::Size { .. } => Self::single(node, "$size"),
            Node::AnyDocument { filter: inner, .. } => Self::element(node, inner),
            Node::AnyValue { test, .. } => Self::element(node, test.node()),
        }
    }

    fn single(node: &Node, operator: &str) -> Self {
        let path = node.path().map_or("", |path| path.as_str());
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        Self::Single(match path {
            "" => operator.to_owned(),
            path if path.chars().all(is_plain) => format!("{path} {operator}"),
            // Quoted, so that a name never looks like a part of the shape.
            path => format!("{path:?} {operator}"),
        })
    }

    fn element(node: &Node, inner: &Node) -> Self {
        let inner = Self::of(inner).text();
        Self::single(node, &format!("$elemMatch({inner})"))
    }

    /// Joins the shapes of `members`, of which those that differed in values only are one.
    fn join(members: &[Node], all: bool) -> Self {
        let mut joined = BTreeMap::new();
        for shape in members.iter().map(Self::of) {
            match (shape, all) {
                (Self::And(inner), true) | (Self::Or(inner), false) => joined.extend(inner),
                (other, _) => {
                    joined.insert(other.text(), other);
                }
            }
        }
        match joined.pop_first() {
            Some((_, only)) if joined.is_empty() => only,
            first => {
                joined.extend(first);
                if all { Self::And(joined) } else { Self::Or(joined) }
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Single(text) => text.clone(),
            Self::And(members) => format!("and({})", list(members)),
            Self::Or(members) => format!("or({})", list(members)),
            Self::Not(inner) => format!("not({})", inner.text()),
        }
    }
}

fn list(members: &BTreeMap<String, Shape>) -> String {
    members.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// FNV-1a of 128 bits: the same on every machine and in every version.
fn hash(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}
