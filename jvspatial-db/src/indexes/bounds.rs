//! Which keys of one field a predicate can match.

use std::cmp::Ordering;
use std::fmt;

use bson::Bson;

use super::key;
use crate::filter::{Bound, FieldPath, Node};
use crate::value::{self, Class};

/// One end of an interval: before or after all keys that begin with some bytes.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    prefix: Vec<u8>,
    after: bool,
    /// The value at the end; absent at the end of a class.
    value: Option<Bson>,
}

/// A range of keys of one field.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    low: Edge,
    high: Edge,
}

/// What one predicate asks of the keys of its field.
#[derive(Clone, Debug)]
pub(crate) struct FieldBounds {
    /// In order, apart from each other.
    pub intervals: Vec<Interval>,
    /// Whether every document with a key in them matches.
    pub is_exact: bool,
}

impl Edge {
    /// Before or after all keys of a value.
    fn at(value: &Bson, after: bool) -> Self {
        let mut prefix = Vec::with_capacity(32);
        key::push_value(&mut prefix, value);
        Self { prefix, after, value: Some(value.clone()) }
    }

    /// The first bytes that are not below the edge.
    fn position(&self) -> Vec<u8> {
        let mut position = self.prefix.clone();
        if self.after {
            advance(&mut position);
        }
        position
    }

    /// The same bytes, without room for them.
    fn bytes(&self) -> impl Iterator<Item = u8> {
        let advanced = self.after.then(|| {
            let kept = self.prefix.iter().rposition(|byte| *byte < u8::MAX);
            (kept.unwrap_or(0), kept.map_or(u8::MAX, |at| self.prefix[at] + 1))
        });
        let kept = advanced.map_or(self.prefix.len(), |(kept, _)| kept);
        self.prefix.iter().take(kept).copied().chain(advanced.map(|(_, last)| last))
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }

    /// The edge in an inverted field.
    fn inverted(&self) -> Vec<u8> {
        let mut position: Vec<u8> = self.prefix.iter().map(|byte| !byte).collect();
        if !self.after {
            advance(&mut position);
        }
        position
    }
}

/// Makes of bytes the first ones above all that begin with them.
pub(crate) fn advance(bytes: &mut Vec<u8>) {
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return;
        }
    }
    // No key begins with this byte.
    bytes.push(u8::MAX);
}

impl Interval {
    /// All keys of one value.
    fn point(value: &Bson) -> Self {
        Self { low: Edge::at(value, false), high: Edge::at(value, true) }
    }

    /// Null and what is stored in its place.
    fn null() -> Self {
        let edge =
            |class, after| Edge { prefix: vec![key::tag(class)], after, value: Some(Bson::Null) };
        Self { low: edge(Class::Undefined, false), high: edge(Class::Null, true) }
    }

    /// The keys on one side of a value, in its class.
    fn beside(bound: Bound, value: &Bson) -> Self {
        let class = Class::of(value);
        let tag = |after| Edge { prefix: vec![key::tag(class)], after, value: None };
        let start = || match class {
            // NaN is on no side of any number.
            Class::Number => Edge { value: None, ..Edge::at(&Bson::Double(f64::NAN), true) },
            _ => tag(false),
        };
        match bound {
            Bound::Greater => Self { low: Edge::at(value, true), high: tag(true) },
            Bound::GreaterOrEqual => Self { low: Edge::at(value, false), high: tag(true) },
            Bound::Less => Self { low: start(), high: Edge::at(value, false) },
            Bound::LessOrEqual => Self { low: start(), high: Edge::at(value, true) },
        }
    }

    /// Whether it holds the keys of one value only.
    pub(crate) fn is_point(&self) -> bool {
        !self.low.after && self.high.after && self.low.prefix == self.high.prefix
    }

    /// The first bytes in it and the first above it, in a field of that direction.
    pub(crate) fn range(&self, descending: bool) -> (Vec<u8>, Vec<u8>) {
        if descending {
            (self.high.inverted(), self.low.inverted())
        } else {
            (self.low.position(), self.high.position())
        }
    }

    /// The bytes of the one value, in a field of that direction.
    pub(crate) fn push_point(&self, out: &mut Vec<u8>, descending: bool) {
        let start = out.len();
        out.extend_from_slice(&self.low.prefix);
        if descending {
            key::invert(out, start);
        }
    }

    fn intersect(&self, other: &Self) -> Option<Self> {
        let later = |a: &Edge, b: &Edge| if a.compare(b).is_ge() { a.clone() } else { b.clone() };
        let earlier = |a: &Edge, b: &Edge| if a.compare(b).is_le() { a.clone() } else { b.clone() };
        let low = later(&self.low, &other.low);
        let high = earlier(&self.high, &other.high);
        low.compare(&high).is_lt().then_some(Self { low, high })
    }
}

impl FieldBounds {
    /// What a predicate asks of the keys of its field; `None` when it does not say.
    pub(crate) fn of(node: &Node) -> Option<(&FieldPath, Self)> {
        match node {
            Node::Equal { path, value } => {
                let (interval, is_exact) = equal(value.value())?;
                Some((path, Self { intervals: vec![interval], is_exact }))
            }
            Node::OneOf { path, values } => {
                let mut bounds = Self { intervals: Vec::new(), is_exact: true };
                // They come in the order of the values.
                for value in values.as_slice() {
                    let (interval, is_exact) = equal(value)?;
                    bounds.intervals.push(interval);
                    bounds.is_exact &= is_exact;
                }
                Some((path, bounds))
            }
            Node::Order { path, bound, value } => {
                let value = value.value();
                if matches!(value, Bson::Null) && bound.is_inclusive() {
                    return Some((
                        path,
                        Self { intervals: vec![Interval::null()], is_exact: false },
                    ));
                }
                if !is_indexable(value) || value::is_nan(value) {
                    return None;
                }
                let interval = Interval::beside(*bound, value);
                // Beside the least or the greatest of a class there may be nothing.
                let some = interval.low.compare(&interval.high).is_lt();
                let intervals = if some { vec![interval] } else { Vec::new() };
                Some((path, Self { intervals, is_exact: true }))
            }
            _ => None,
        }
    }

    /// Whether a document without the field cannot match.
    pub(crate) fn requires_field(&self) -> bool {
        self.is_exact
    }

    /// The field that a predicate asks something of, if it is of a kind that may have bounds.
    pub(crate) const fn path_of(node: &Node) -> Option<&FieldPath> {
        match node {
            Node::Equal { path, .. } | Node::OneOf { path, .. } | Node::Order { path, .. } => {
                Some(path)
            }
            _ => None,
        }
    }

    /// What both ask for, of the one key that a document has.
    pub(crate) fn intersect(&self, other: &Self) -> Self {
        let mut intervals = Vec::new();
        for left in &self.intervals {
            intervals.extend(other.intervals.iter().filter_map(|right| left.intersect(right)));
        }
        Self { intervals, is_exact: self.is_exact && other.is_exact }
    }

    /// Whether every key in these is in `wide` too.
    pub(crate) fn is_within(&self, wide: &Self) -> bool {
        let covers = |wide: &Interval, own: &Interval| {
            wide.low.compare(&own.low).is_le() && wide.high.compare(&own.high).is_ge()
        };
        self.intervals.iter().all(|own| wide.intervals.iter().any(|wide| covers(wide, own)))
    }

    pub(crate) fn is_points(&self) -> bool {
        self.intervals.iter().all(Interval::is_point)
    }
}

fn equal(value: &Bson) -> Option<(Interval, bool)> {
    match value {
        Bson::Null => Some((Interval::null(), false)),
        value if is_indexable(value) => Some((Interval::point(value), true)),
        _ => None,
    }
}

/// Whether all values that compare with this one have keys that do: not arrays, which are indexed by
/// their elements, nor what lies outside of all classes.
fn is_indexable(value: &Bson) -> bool {
    !matches!(
        value,
        Bson::Null
            | Bson::Undefined
            | Bson::Array(_)
            | Bson::MinKey
            | Bson::MaxKey
            | Bson::RegularExpression(_)
    )
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |edge: &Edge| edge.value.as_ref().map(ToString::to_string).unwrap_or_default();
        let open = |edge: &Edge, is_open: bool| is_open || edge.value.is_none();
        f.write_str(if open(&self.low, self.low.after) { "(" } else { "[" })?;
        write!(f, "{}, {}", value(&self.low), value(&self.high))?;
        f.write_str(if open(&self.high, !self.high.after) { ")" } else { "]" })
    }
}
