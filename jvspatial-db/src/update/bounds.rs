//! Measures what comes from outside without recursion, before anything else touches it.

use bson::{Bson, Document};

use crate::error::{Error, Result};
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH, MAX_FIELD_NAME_BYTES};
use crate::value::measure::{Bounds, Container, weight, weight_inside};

/// How many containers may stand inside one another in an update: an operator, the fields, the
/// modifiers of a list, and a value or a condition.
const MAX_NESTING: usize = MAX_DOCUMENT_DEPTH + 4;

/// The weight of an update in bytes.
///
/// # Errors
/// `Limit` when it is larger than a document or deeper than a document's fields can be.
pub(super) fn check_update(update: &Document) -> Result<usize> {
    measure(Container::Document(update.iter()), MAX_NESTING, |_| Ok(()))
}

/// The weight of a value that an update stores.
///
/// # Errors
/// `Limit` when it is too large or too deep, `Invalid` when it holds a field name that no document
/// may have.
pub(super) fn check_stored(value: &Bson) -> Result<usize> {
    let own = weight(value);
    let inner = match Container::of(value) {
        Some(container) => measure(container, MAX_DOCUMENT_DEPTH, check_name)?,
        None => 0,
    };
    within_bytes(own + inner)
}

/// Returns `weight` unless an update may not be that large.
pub(super) fn within_bytes(weight: usize) -> Result<usize> {
    if weight > MAX_DOCUMENT_BYTES {
        return Err(Error::limit("update is too large").with("limit", MAX_DOCUMENT_BYTES));
    }
    Ok(weight)
}

/// Refuses the names that neither encoding keeps or that no path reaches.
fn check_name(name: &str) -> Result<()> {
    let why = if name.is_empty() {
        "field name is empty"
    } else if name.starts_with('$') {
        "field name starts with a dollar sign"
    } else if name.contains('.') {
        "field name holds a dot"
    } else if name.contains('\0') {
        "field name holds a NUL"
    } else if name.len() > MAX_FIELD_NAME_BYTES {
        return Err(Error::limit("field name is too long")
            .with("bytes", name.len())
            .with("limit", MAX_FIELD_NAME_BYTES));
    } else {
        return Ok(());
    };
    Err(Error::invalid(why).with("name", super::path::Excerpt(name)))
}

/// The weight of everything inside `outermost`; stops at the first excess.
fn measure(
    outermost: Container<'_>,
    max_nesting: usize,
    check_name: impl Fn(&str) -> Result<()>,
) -> Result<usize> {
    let too_deep = || Error::limit("update is nested too deeply").with("limit", max_nesting);
    let name = |name: &str| check_name(name).map(|()| name.len());
    weight_inside(outermost, &Bounds { max_nesting, name, within: within_bytes, too_deep })
}
