//! Measures what comes from outside without recursion, before anything else touches it.

use bson::{Bson, Document};

use super::path::MAX_POSITIONS;
use crate::error::{Error, Result};
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_FILTER_BYTES, MAX_FILTER_DEPTH};
use crate::value::measure::{Bounds, Container, weight, weight_inside};

/// How many containers may stand inside one another in the text of a filter: four for each level,
/// which is what an `$elemMatch` in an `$all` takes, the operators of a field, the list of an `$in`,
/// and a literal.
const MAX_NESTING: usize = 4 * MAX_FILTER_DEPTH + 4 + MAX_DOCUMENT_DEPTH;

/// The weight of a filter document in bytes.
///
/// # Errors
/// `Limit` when it is too large or too deep to be parsed.
pub(super) fn check_filter(filter: &Document) -> Result<usize> {
    measure(Container::Document(filter.iter()), MAX_NESTING)
}

/// The weight of a literal in bytes.
///
/// # Errors
/// `Limit` when it is larger than a filter may be or nests deeper than a document may.
pub(super) fn check_literal(value: &Bson) -> Result<usize> {
    let own = weight(value);
    let inner = match Container::of(value) {
        Some(container) => measure(container, MAX_DOCUMENT_DEPTH)?,
        None => 0,
    };
    within_bytes(own + inner)
}

/// Returns `weight` unless a filter may not be that large.
pub(super) fn within_bytes(weight: usize) -> Result<usize> {
    if weight > MAX_FILTER_BYTES {
        return Err(Error::limit("filter is too large").with("limit", MAX_FILTER_BYTES));
    }
    Ok(weight)
}

/// Returns `depth` unless a filter may not have that many levels.
pub(super) fn within_depth(depth: usize) -> Result<usize> {
    if depth > MAX_FILTER_DEPTH {
        return Err(Error::limit("filter has too many levels").with("limit", MAX_FILTER_DEPTH));
    }
    Ok(depth)
}

/// Returns `positions` unless the paths on the way to a value may not have that many.
pub(super) fn within_positions(positions: usize) -> Result<usize> {
    if positions > MAX_POSITIONS {
        return Err(Error::limit("filter has too many array positions inside one another")
            .with("positions", positions)
            .with("limit", MAX_POSITIONS));
    }
    Ok(positions)
}

/// The weight of everything inside `outermost`; stops at the first excess.
fn measure(outermost: Container<'_>, max_nesting: usize) -> Result<usize> {
    // The names of operators weigh nothing, so that a filter printed in another form, with
    // operators written out, stays within the bound.
    let name = |name: &str| Ok(if name.starts_with('$') { 0 } else { name.len() });
    let too_deep = || {
        Error::limit("filter is nested too deeply")
            .with("levels", MAX_FILTER_DEPTH)
            .with("limit", max_nesting)
    };
    weight_inside(outermost, &Bounds { max_nesting, name, within: within_bytes, too_deep })
}
