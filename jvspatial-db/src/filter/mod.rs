//! Filters: MongoDB's query language, parsed once, checked, and evaluated on documents.

mod bounds;
mod build;
mod equalities;
mod literal;
mod matches;
mod node;
mod normal;
mod operators;
mod parse;
mod path;
mod paths;
mod place;
mod print;
mod regex;
mod shape;
mod types;

use std::fmt;
use std::sync::Arc;

use bson::{Bson, Document};

use self::equalities::Equalities;
use self::node::NODE_WEIGHT;
use crate::error::Result;

pub use self::build::Comparison;
pub(crate) use self::node::{Bound, Node};
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
/// | `$in` | one of the operands is equal, or is a regular expression that is found |
/// | `$ne` `$nin` `$not` | `$eq`, `$in`, the operators inside, do not hold for the whole document |
/// | `$exists` | the path leads somewhere (or, with null, false or zero, nowhere) |
/// | `$type` | a value at the path has one of the types, given by name or code; `number` is all four |
/// | `$regex`, a regular expression | it is found in a text or symbol at the path, or a value there is the same regular expression |
/// | `$mod` | a number at the path, cut to a whole one, leaves the remainder, with the sign of the number |
/// | `$size` | the array at the path has that many elements |
/// | `$all` | each of the operands is equal to a value at the path, or is found there |
/// | `$elemMatch` with a filter | one element of the array at the path is a document that passes; an array passes as a document whose fields are named by position |
/// | `$elemMatch` with operators | one element of the array at the path has all of them; elements that are arrays are not looked into |
/// | `$and` `$or` `$nor` | all, some, none of the filters hold |
///
/// What a path leads to:
///
/// | Path | Values |
/// |---|---|
/// | ends at a value | that value |
/// | ends at an array | each of its elements, then the array; for `$exists`, `$size` and `$elemMatch` only the array |
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
/// Filters that are equal but for the order of their members and for duplicates are the same filter:
/// members are ordered, nested conjunctions and disjunctions of one kind are flattened, and
/// alternative values for one path are one list. `docs/query.md` has each operator with an example,
/// the rules of regular expressions, and what is refused that MongoDB accepts.
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
///
/// The operators, each with a value that passes and one that does not:
///
/// ```
/// use bson::{Bson, bson};
/// use jvspatial_db::{Filter, doc};
///
/// let examples: [(Bson, Bson, Bson); 19] = [
///     (bson!({ "$eq": 2 }), bson!(2.0), bson!("2")),
///     (bson!({ "$ne": 2 }), bson!([1, 3]), bson!([1, 2])),
///     (bson!({ "$gt": 2 }), bson!(2.5), bson!("3")),
///     (bson!({ "$gte": "b" }), bson!("b"), bson!("a")),
///     (bson!({ "$lt": 2 }), bson!([9, 1]), bson!(2)),
///     (bson!({ "$lte": null }), bson!(null), bson!(0)),
///     (bson!({ "$in": [1, "a"] }), bson!(["a", 5]), bson!("b")),
///     (bson!({ "$nin": [1, null] }), bson!(2), bson!(null)),
///     (bson!({ "$exists": true }), bson!(null), Bson::Undefined),
///     (bson!({ "$type": ["string", "number"] }), bson!(1.5), bson!(true)),
///     (bson!({ "$regex": "^os", "$options": "i" }), bson!("Oslo"), bson!("Bosnia")),
///     (bson!({ "$mod": [4, -1] }), bson!(-5.9), bson!(5)),
///     (bson!({ "$size": 2 }), bson!([1, [2, 3]]), bson!([1])),
///     (bson!({ "$all": [1, 2] }), bson!([2, 3, 1]), bson!([1, 3])),
///     (bson!({ "$all": [[1, 2]] }), bson!([1, 2]), bson!([2, 1])),
///     (bson!({ "$elemMatch": { "$gt": 1, "$lt": 5 } }), bson!([9, 3]), bson!([9, 1])),
///     (bson!({ "$elemMatch": { "x": 1, "y": 2 } }), bson!([{ "y": 2, "x": 1 }]), bson!([{ "x": 1 }, { "y": 2 }])),
///     (bson!({ "$elemMatch": { "0": 1 } }), bson!([[1]]), bson!([1])),
///     (bson!({ "$not": { "$gt": 1 } }), bson!("a"), bson!([0, 2])),
/// ];
/// for (operators, passes, fails) in examples {
///     let filter = Filter::parse(&doc! { "a": operators })?;
///     let document = |value: Bson| match value {
///         Bson::Undefined => doc! {},
///         value => doc! { "a": value },
///     };
///     assert!(filter.matches(&document(passes)), "{filter:?}");
///     assert!(!filter.matches(&document(fails)), "{filter:?}");
/// }
///
/// let either = Filter::parse(&doc! { "$or": [{ "a": 1 }, { "b": 1 }], "$nor": [{ "c": 1 }] })?;
/// assert!(either.matches(&doc! { "b": 1 }) && !either.matches(&doc! { "b": 1, "c": 1 }));
/// let place = Filter::parse(&doc! { "$and": [{ "tags.0": "x" }, { "legs.km": { "$gt": 5 } }] })?;
/// assert!(place.matches(&doc! { "tags": ["x", "y"], "legs": [{ "km": 3 }, { "km": 7 }] }));
/// # Ok::<(), jvspatial_db::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Filter(Option<Arc<Parsed>>);

/// A predicate other than `Node::All`, with its weight.
#[derive(Clone)]
struct Parsed {
    node: Node,
    weight: usize,
    /// What was said of fields before it was folded, where the node says something else.
    equalities: Option<Equalities>,
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
        let parsed = Self::new(parse::parse(filter)?)?;
        let written = equalities::written(filter, parsed.node());
        Ok(parsed.saying(written))
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
        Ok(Self::new(self.into_node().not())?.saying(Some(Box::default())))
    }

    /// Holds when all of `filters` hold; without any, always.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn every(filters: impl IntoIterator<Item = Self>) -> Result<Self> {
        Self::join(filters, Node::and, equalities::joined)
    }

    /// Holds when at least one of `filters` holds; without any, never.
    ///
    /// # Errors
    /// `Limit` when the result is too large or too deep.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Result<Self> {
        Self::join(filters, Node::or, |filters| match filters {
            [single] => equalities::joined(std::slice::from_ref(single)),
            // Alternatives say nothing, not even when they come to one.
            _ => Some(Box::default()),
        })
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

    /// The shape of the filter: a short text with the paths and operators, but without the values.
    ///
    /// Filters that differ in nothing but values have the same shape, however long their lists are,
    /// unless the values decide the whole answer, as an empty `$in` does. A shape has at most about
    /// 550 bytes: of a longer one a hash stands for the rest. It may change between versions.
    ///
    /// ```
    /// use bson::doc;
    /// use jvspatial_db::Filter;
    ///
    /// let filter = Filter::parse(&doc! { "state": { "$in": ["AK", "HI"] }, "runways": { "$gte": 2 } })?;
    /// assert_eq!(filter.shape(), "and(runways $gte, state $eq)");
    /// # Ok::<(), jvspatial_db::Error>(())
    /// ```
    pub fn shape(&self) -> String {
        shape::shape(self.node())
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

    /// What matches when all of `members`, which are parts of one filter, do.
    pub(crate) fn of_members(members: impl IntoIterator<Item = Node>) -> Self {
        Self::measured(Node::and(members))
    }

    fn into_node(self) -> Node {
        self.0.map_or(Node::All, |parsed| Arc::unwrap_or_clone(parsed).node)
    }

    fn weight(&self) -> usize {
        self.0.as_ref().map_or(NODE_WEIGHT, |parsed| parsed.weight)
    }

    fn new(node: Node) -> Result<Self> {
        bounds::within_depth(node.depth())?;
        bounds::within_positions(node.positions())?;
        let filter = Self::measured(node);
        bounds::within_bytes(filter.weight())?;
        Ok(filter)
    }

    /// Skips the bounds: for constants and for a single predicate without a literal, none of which
    /// can pass them.
    fn measured(node: Node) -> Self {
        match node {
            Node::All => Self(None),
            node => {
                let weight = node.weight();
                Self(Some(Arc::new(Parsed { node, weight, equalities: None })))
            }
        }
    }

    /// Joins `filters`, whose weights alone may be too much to join at all.
    fn join(
        filters: impl IntoIterator<Item = Self>,
        combine: impl FnOnce(Vec<Node>) -> Node,
        said: impl FnOnce(&[Self]) -> Option<Equalities>,
    ) -> Result<Self> {
        let mut weight = NODE_WEIGHT;
        let mut members = Vec::new();
        for filter in filters {
            weight = bounds::within_bytes(weight + filter.weight())?;
            members.push(filter);
        }
        let said = said(&members);
        let joined = Self::new(combine(members.into_iter().map(Self::into_node).collect()))?;
        Ok(joined.saying(said))
    }

    /// The same filter, of which `equalities` was said before it was folded.
    fn saying(self, equalities: Option<Equalities>) -> Self {
        match (self.0, equalities) {
            (Some(parsed), Some(equalities))
                if !equalities.is_empty() || equalities::are_in(&parsed.node) =>
            {
                let Parsed { node, weight, .. } = Arc::unwrap_or_clone(parsed);
                Self(Some(Arc::new(Parsed { node, weight, equalities: Some(equalities) })))
            }
            (parsed, _) => Self(parsed),
        }
    }

    fn written_equalities(&self) -> Option<&[(String, Bson)]> {
        self.0.as_ref()?.equalities.as_deref()
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
