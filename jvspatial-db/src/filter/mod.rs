//! Filters: MongoDB's query language, parsed once, checked, and evaluated on documents.

mod bounds;
mod literal;
mod matches;
mod node;
mod parse;
mod path;
mod print;
mod types;

use std::fmt;
use std::sync::Arc;

use bson::spec::ElementType;
use bson::{Bson, Document};

use self::literal::Literal;
use self::node::{Bound, NODE_WEIGHT, Node};
use crate::error::Result;

pub use self::path::FieldPath;

/// A predicate over documents in MongoDB's query language, with MongoDB's answers.
///
/// It is parsed and checked once, does not allocate when cloned, and is at most
/// [`MAX_FILTER_DEPTH`](crate::limits::MAX_FILTER_DEPTH) levels deep and
/// [`MAX_FILTER_BYTES`](crate::limits::MAX_FILTER_BYTES) large. Each of `$and`, `$or`, `$nor`,
/// `$not` and a conjunction without a name is a level.
///
/// | Operator | Holds when |
/// |---|---|
/// | a bare value, `$eq` | a value at the path equals the operand, in the same class of types: all numbers are one class, strings and symbols another; documents with the same fields in the same order |
/// | `$gt` `$gte` `$lt` `$lte` | a value at the path has the operand's class and stands on that side of it; everything else, even a missing value, lies above the smallest and below the largest key |
/// | `$in` | one of the operands is equal |
/// | `$ne` `$nin` `$not` | `$eq`, `$in`, the operators inside, do not hold for the whole document |
/// | `$exists` | the path leads somewhere (or, with null, false or zero, nowhere) |
/// | `$type` | a value at the path has one of the types, given by name or code; `number` is all four |
/// | `$and` `$or` `$nor` | all, some, none of the filters hold |
///
/// What a path leads to:
///
/// | Path | Values |
/// |---|---|
/// | ends at a value | that value |
/// | ends at an array | each of its elements, then the array; for `$exists` only the array |
/// | ends nowhere, or at a scalar half way | one missing value, which equals null |
/// | runs into an array | whatever the rest of the path leads to in each element that is a document; other elements offer nothing |
/// | runs into an array, next segment a number | as before, and also the element at that position, which is not looked into when it is an array at the end of the path |
///
/// One predicate needs one value, so `{"a": {"$gt": 1, "$lt": 5}}` holds when two elements of an
/// array satisfy a half each. Null equals null, undefined and missing, and so do `$gte` and `$lte`
/// of null; `{"a.b": null}` does not hold when `a` is an array without documents. NaN equals only
/// NaN and stands on neither side of anything. Strings compare by bytes, integers and doubles
/// without rounding.
///
/// ```
/// use bson::doc;
/// use jvspatial_db::Filter;
///
/// let filter = Filter::parse(&doc! { "context.state": "AK", "context.runways": { "$gte": 2 } })?;
/// assert!(filter.matches(&doc! { "context": { "state": "AK", "runways": 3 } }));
/// assert!(!filter.matches(&doc! { "context": { "state": "AK" } }));
/// # Ok::<(), jvspatial_db::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Filter(Option<Arc<Parsed>>);

/// A predicate other than `Node::All`, with its measures.
#[derive(Clone)]
struct Parsed {
    node: Node,
    depth: usize,
    weight: usize,
}

/// How a value is compared with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `$eq`
    Eq,
    /// `$ne`, the negation of `Eq` on the whole document
    Ne,
    /// `$gt`
    Gt,
    /// `$gte`
    Gte,
    /// `$lt`
    Lt,
    /// `$lte`
    Lte,
}

impl Filter {
    /// The filter that every document passes, also the default; it allocates nothing.
    pub const fn all() -> Self {
        Self(None)
    }

    /// The filter that no document passes.
    pub fn none() -> Self {
        Self::measured(Node::None)
    }

    /// Reads a filter in MongoDB's query language.
    ///
    /// # Errors
    /// `Invalid` for an unknown or misplaced operator and a malformed operand, `Unsupported` for
    /// an operator or a value that is part of the language but not evaluated, `Limit` for a
    /// filter that is too large or too deep. The error names the place, such as `and[1].age`.
    pub fn parse(filter: &Document) -> Result<Self> {
        Self::new(parse::parse(filter)?)
    }

    /// Compares the values at `path` with `value`, which is taken as it is, even when it looks
    /// like operators.
    ///
    /// # Errors
    /// `Invalid` for undefined, `Unsupported` for a regular expression, `Limit` for a value that
    /// is too large or too deep.
    pub fn compare(
        path: FieldPath,
        comparison: Comparison,
        value: impl Into<Bson>,
    ) -> Result<Self> {
        let value = Literal::new(value.into())?;
        let order = |bound, path, value| Node::Order { path, bound, value };
        Self::new(match comparison {
            Comparison::Eq => Node::Equal { path, value },
            Comparison::Ne => Node::Equal { path, value }.not(),
            Comparison::Gt => order(Bound::Greater, path, value),
            Comparison::Gte => order(Bound::GreaterOrEqual, path, value),
            Comparison::Lt => order(Bound::Less, path, value),
            Comparison::Lte => order(Bound::LessOrEqual, path, value),
        })
    }

    /// Holds when a value at `path` equals one of `values`: `$in`.
    ///
    /// # Errors
    /// As for [`compare`](Self::compare).
    pub fn one_of<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        let mut literals = Vec::new();
        let mut weight = 0;
        for value in values {
            let literal = Literal::new(value.into())?;
            weight = bounds::within_bytes(weight + literal.weight())?;
            literals.push(literal);
        }
        Self::new(Node::one_of(path, literals))
    }

    /// Holds when no value at `path` equals one of `values`: `$nin`.
    ///
    /// # Errors
    /// As for [`compare`](Self::compare).
    pub fn none_of<V: Into<Bson>>(
        path: FieldPath,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        Self::one_of(path, values)?.not()
    }

    /// Holds when `path` leads to a value, or with `false` when it leads to none.
    pub fn exists(path: FieldPath, exists: bool) -> Self {
        let node = Node::Exists { path };
        Self::measured(if exists { node } else { node.not() })
    }

    /// Holds when a value at `path` has one of `types`.
    pub fn type_is(path: FieldPath, types: impl IntoIterator<Item = ElementType>) -> Self {
        Self::measured(Node::type_is(path, types.into_iter().collect()))
    }

    /// Holds when both hold.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn and(self, other: Self) -> Result<Self> {
        Self::every([self, other])
    }

    /// Holds when at least one of the two holds.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn or(self, other: Self) -> Result<Self> {
        Self::any([self, other])
    }

    /// Holds when this filter does not.
    ///
    /// # Errors
    /// `Limit` when the result is too deep.
    #[expect(clippy::should_implement_trait, reason = "the operator could not report an error")]
    pub fn not(self) -> Result<Self> {
        Self::new(self.into_node().not())
    }

    /// Holds when all of `filters` hold; without any, always.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn every(filters: impl IntoIterator<Item = Self>) -> Result<Self> {
        Self::join(filters, Node::and, |node| matches!(node, Node::And(_)))
    }

    /// Holds when at least one of `filters` holds; without any, never.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Result<Self> {
        Self::join(filters, Node::or, |node| matches!(node, Node::Or(_)))
    }

    /// Whether every document passes, whatever it holds.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether no document passes, whatever it holds.
    pub fn is_none(&self) -> bool {
        matches!(self.node(), Node::None)
    }

    /// Whether `document` passes.
    pub fn matches(&self, document: &Document) -> bool {
        self.node().matches(document)
    }

    /// The filter in MongoDB's query language; [`parse`](Self::parse) reads it back.
    pub fn to_document(&self) -> Document {
        print::print(self.node())
    }

    /// The values of which a passing document must hold one at `path`, when the filter says so at
    /// its top: the shortest list among its `$eq` and `$in` on exactly this path.
    ///
    /// The field may also be an array with such a value, and missing when null is among them.
    pub fn required_equal(&self, path: &str) -> Option<&[Bson]> {
        let members = match self.node() {
            Node::And(members) => members.as_slice(),
            single => std::slice::from_ref(single),
        };
        members
            .iter()
            .filter_map(|member| match member {
                Node::Equal { path: at, value } if at.as_str() == path => {
                    Some(std::slice::from_ref(value.value()))
                }
                Node::OneOf { path: at, values } if at.as_str() == path => Some(values.as_slice()),
                _ => None,
            })
            .min_by_key(|values| values.len())
    }

    /// The parsed form, for a planner too.
    pub(crate) fn node(&self) -> &Node {
        static ALL: Node = Node::All;
        self.0.as_ref().map_or(&ALL, |parsed| &parsed.node)
    }

    fn into_node(self) -> Node {
        self.0.map_or(Node::All, |parsed| Arc::unwrap_or_clone(parsed).node)
    }

    fn depth(&self) -> usize {
        self.0.as_ref().map_or(1, |parsed| parsed.depth)
    }

    fn weight(&self) -> usize {
        self.0.as_ref().map_or(NODE_WEIGHT, |parsed| parsed.weight)
    }

    fn new(node: Node) -> Result<Self> {
        let filter = Self::measured(node);
        bounds::within_depth(filter.depth())?;
        bounds::within_bytes(filter.weight())?;
        Ok(filter)
    }

    /// Skips the bounds: for constants and for a single predicate without a literal, none of which
    /// can pass them.
    fn measured(node: Node) -> Self {
        let (depth, weight) = (node.depth(), node.weight());
        Self::with_measures(node, depth, weight)
    }

    fn with_measures(node: Node, depth: usize, weight: usize) -> Self {
        match node {
            Node::All => Self(None),
            node => Self(Some(Arc::new(Parsed { node, depth, weight }))),
        }
    }

    fn join(
        filters: impl IntoIterator<Item = Self>,
        combine: impl FnOnce(Vec<Node>) -> Node,
        is_same_kind: impl Fn(&Node) -> bool,
    ) -> Result<Self> {
        let (mut deepest, mut weight) = (0, NODE_WEIGHT);
        let mut members = Vec::new();
        for filter in filters {
            // A member of the same kind dissolves, so what counts is what it holds.
            deepest = deepest.max(filter.depth() - usize::from(is_same_kind(filter.node())));
            weight = bounds::within_bytes(weight + filter.weight())?;
            members.push(filter.into_node());
        }
        let node = combine(members);
        if !is_same_kind(&node) {
            return Self::new(node);
        }
        let depth = bounds::within_depth(deepest + 1)?;
        Ok(Self::with_measures(node, depth, weight))
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.node() == other.node()
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({})", self.to_document())
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
