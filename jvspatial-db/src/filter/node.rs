//! The parsed form of a filter.

use super::literal::{Literal, Values};
use super::path::FieldPath;
use super::types::TypeSet;

/// A predicate over documents.
///
/// The constructors keep it normal: no `And` or `Or` directly inside its own kind, at least two
/// members in each, no `Not` inside `Not`, and constants only at the root. Whatever MongoDB
/// defines as a negation (`$ne`, `$nin`, `$exists: false`, `$nor`) is a `Not` here.
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

    /// The predicate that a value at `path` is one of `literals`.
    pub(super) fn one_of(path: FieldPath, literals: Vec<Literal>) -> Self {
        // MongoDB refuses a document that looks like operators inside `$in`, so each of these
        // becomes an equality of its own, which has a form for them.
        let (operator_like, plain): (Vec<_>, Vec<_>) = literals
            .into_iter()
            .partition(|literal| super::parse::looks_like_operators(literal.value()));
        let list = if plain.is_empty() {
            Self::None
        } else {
            Self::OneOf { path: path.clone(), values: Values::new(plain) }
        };
        Self::or(std::iter::once(list).chain(
            operator_like.into_iter().map(|value| Self::Equal { path: path.clone(), value }),
        ))
    }

    pub(super) fn type_is(path: FieldPath, types: TypeSet) -> Self {
        if types.is_empty() { Self::None } else { Self::Type { path, types } }
    }

    /// How many levels there are; a single predicate is one.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::And(members) | Self::Or(members) => {
                1 + members.iter().map(Self::depth).max().unwrap_or(0)
            }
            Self::Not(inner) => 1 + inner.depth(),
            _ => 1,
        }
    }

    /// The bytes of all names and literals, and a constant for each predicate.
    pub(super) fn weight(&self) -> usize {
        NODE_WEIGHT
            + match self {
                Self::All | Self::None => 0,
                Self::And(members) | Self::Or(members) => members.iter().map(Self::weight).sum(),
                Self::Not(inner) => inner.weight(),
                Self::Equal { path, value } | Self::Order { path, value, .. } => {
                    path.as_str().len() + value.weight()
                }
                Self::OneOf { path, values } => path.as_str().len() + values.weight(),
                Self::Exists { path } => path.as_str().len(),
                Self::Type { path, types } => path.as_str().len() + types.weight(),
            }
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
