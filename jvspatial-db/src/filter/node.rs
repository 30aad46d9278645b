//! The parsed form of a filter.

use bson::Document;

use super::literal::{Literal, Values};
use super::normal;
use super::path::FieldPath;
use super::regex::Pattern;
use super::types::TypeSet;

/// A predicate over documents.
///
/// The constructors keep it normal: no `And` or `Or` directly inside its own kind, at least two
/// members in each, ordered and without duplicates, no `Not` inside `Not`, and constants only at
/// the root or at the top of an array predicate. Whatever MongoDB defines as a negation (`$ne`,
/// `$nin`, `$exists: false`, `$nor`) is a `Not` here, and `$all` is an `And`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Every document.
    All,
    /// No document.
    None,
    /// All members hold.
    And(Vec<Node>),
    /// At least one member holds.
    Or(Vec<Node>),
    /// The member does not hold.
    Not(Box<Node>),
    /// A value at the path equals the literal.
    Equal { path: FieldPath, value: Literal },
    /// A value at the path stands on one side of the literal, in the literal's class.
    Order { path: FieldPath, bound: Bound, value: Literal },
    /// A value at the path is among the values.
    OneOf { path: FieldPath, values: Values },
    /// There is a value at the path, null included.
    Exists { path: FieldPath },
    /// A value at the path has one of the types.
    Type { path: FieldPath, types: TypeSet },
    /// A text at the path has the pattern in it, or a value is this regular expression.
    Regex { path: FieldPath, pattern: Pattern },
    /// A number at the path, cut to an integer, leaves the remainder.
    Modulo { path: FieldPath, divisor: i64, remainder: i64 },
    /// The array at the path has as many elements.
    Size { path: FieldPath, size: usize },
    /// An element of the array at the path is a document, or an array taken for one, that passes.
    AnyDocument { path: FieldPath, filter: Box<Node> },
    /// An element of the array at the path passes.
    AnyValue { path: FieldPath, test: ElementTest },
}

/// What `$elemMatch` asks of a single element by operators.
#[derive(Clone, Debug)]
pub(crate) struct ElementTest {
    /// As they were read: not every normal form of theirs can be written.
    operators: Document,
    weight: usize,
    levels: usize,
    node: Box<Node>,
}

impl ElementTest {
    /// A test with the weight of `operators` and how many levels they have.
    pub(super) fn new(operators: Document, weight: usize, levels: usize, node: Node) -> Self {
        Self { operators, weight, levels, node: Box::new(node) }
    }

    pub(super) fn operators(&self) -> &Document {
        &self.operators
    }

    /// The predicate, whose paths have no segments.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }
}

impl PartialEq for ElementTest {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// Which side of a literal a value stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What every predicate weighs beside its path and literals, in bytes.
pub(super) const NODE_WEIGHT: usize = 8;

impl Node {
    pub(super) fn and(members: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for member in members {
            match member {
                Self::All => {}
                Self::None => return Self::None,
                Self::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        normal::arrange(&mut kept);
        match kept.len() {
            0 => Self::All,
            1 => kept.swap_remove(0),
            _ => Self::And(kept),
        }
    }

    pub(super) fn or(members: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for member in members {
            match member {
                Self::None => {}
                Self::All => return Self::All,
                Self::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        kept = normal::unite_values(kept);
        normal::arrange(&mut kept);
        match kept.len() {
            0 => Self::None,
            1 => kept.swap_remove(0),
            _ => Self::Or(kept),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::All => Self::None,
            Self::None => Self::All,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The predicate that a value at `path` equals one of `literals`.
    pub(super) fn one_of(path: &FieldPath, literals: Vec<Literal>) -> Self {
        Self::or(literals.into_iter().map(|value| Self::Equal { path: path.clone(), value }))
    }

    /// The predicate that an element of the array at `path` passes `filter` as a document.
    pub(super) fn any_document(path: FieldPath, filter: Self) -> Self {
        match filter {
            Self::None => Self::None,
            filter => Self::AnyDocument { path, filter: Box::new(filter) },
        }
    }

    /// The predicate that an element of the array at `path` passes `test`.
    pub(super) fn any_value(path: FieldPath, test: ElementTest) -> Self {
        match *test.node {
            Self::None => Self::None,
            _ => Self::AnyValue { path, test },
        }
    }

    pub(super) fn type_is(path: FieldPath, types: TypeSet) -> Self {
        if types.is_empty() { Self::None } else { Self::Type { path, types } }
    }

    /// The path of a predicate about a single one.
    pub(super) fn path(&self) -> Option<&FieldPath> {
        match self {
            Self::All | Self::None | Self::And(_) | Self::Or(_) | Self::Not(_) => None,
            Self::Equal { path, .. }
            | Self::Order { path, .. }
            | Self::OneOf { path, .. }
            | Self::Exists { path }
            | Self::Type { path, .. }
            | Self::Regex { path, .. }
            | Self::Modulo { path, .. }
            | Self::Size { path, .. }
            | Self::AnyDocument { path, .. }
            | Self::AnyValue { path, .. } => Some(path),
        }
    }

    /// The predicates directly inside.
    fn inner(&self) -> &[Self] {
        match self {
            Self::And(members) | Self::Or(members) => members,
            Self::Not(inner) | Self::AnyDocument { filter: inner, .. } => {
                std::slice::from_ref(inner)
            }
            Self::AnyValue { test, .. } => std::slice::from_ref(&test.node),
            _ => &[],
        }
    }

    /// How many levels there are; a single predicate is one.
    pub(super) fn depth(&self) -> usize {
        let written = match self {
            Self::AnyValue { test, .. } => test.levels,
            _ => 0,
        };
        1 + self.inner().iter().map(Self::depth).max().unwrap_or(0).max(written)
    }

    /// How many array positions the paths on the way to a single predicate have at most.
    pub(super) fn positions(&self) -> usize {
        self.path().map_or(0, FieldPath::positions)
            + self.inner().iter().map(Self::positions).max().unwrap_or(0)
    }

    /// The bytes of all names and literals, and a constant for each predicate; at least what the
    /// filter weighs when it is printed.
    pub(super) fn weight(&self) -> usize {
        let own = match self {
            Self::Equal { value, .. } | Self::Order { value, .. } => value.weight(),
            Self::OneOf { values, .. } => values.weight(),
            Self::Type { types, .. } => types.weight(),
            Self::Regex { pattern, .. } => pattern.weight(),
            Self::Modulo { .. } => 2 * (1 + size_of::<i64>()),
            Self::Size { .. } => 1 + size_of::<i64>(),
            Self::AnyValue { test, .. } => test.weight,
            _ => 0,
        };
        NODE_WEIGHT
            + own
            + self.path().map_or(0, |path| path.as_str().len())
            + self.inner().iter().map(Self::weight).sum::<usize>()
    }
}

impl Bound {
    /// The operator that spells it.
    pub(super) fn operator(self) -> &'static str {
        match self {
            Self::Greater => "$gt",
            Self::GreaterOrEqual => "$gte",
            Self::Less => "$lt",
            Self::LessOrEqual => "$lte",
        }
    }

    /// Whether the bound itself is within.
    pub(crate) fn is_inclusive(self) -> bool {
        matches!(self, Self::GreaterOrEqual | Self::LessOrEqual)
    }
}
