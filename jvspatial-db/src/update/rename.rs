//! `$rename`: taking a value from one path to another, neither of them through a list.

use bson::{Bson, Document};

use super::path::{self, Excerpt};
use crate::error::{Error, Result};
use crate::filter::FieldPath;

/// The value at `source`, or `None` when the document has no such field.
///
/// # Errors
/// `Invalid` when the path leads through a list or a scalar.
pub(super) fn find(fields: &Document, source: &FieldPath) -> Result<Option<Bson>> {
    let mut names = source.segments().skip(1);
    let Some(mut value) = names.next().and_then(|name| fields.get(name)) else {
        return Ok(None);
    };
    let mut through_list = false;
    for name in names {
        let next = match value {
            Bson::Document(document) => document.get(name),
            Bson::Array(items) => {
                through_list = true;
                let position = path::position(name).ok_or_else(|| untraversable(source))?;
                items.get(position)
            }
            _ => return Err(untraversable(source)),
        };
        match next {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    if through_list {
        return Err(Error::invalid("$rename cannot take an element of a list")
            .with("field", Excerpt(source.as_str())));
    }
    Ok(Some(value.clone()))
}

/// Refuses a target that leads into a list.
///
/// # Errors
/// `Invalid` naming the path.
pub(super) fn check_target(fields: &Document, target: &FieldPath) -> Result<()> {
    let mut document = fields;
    let mut names = target.segments().skip(1).peekable();
    while let Some(name) = names.next() {
        match document.get(name) {
            Some(Bson::Document(inner)) => document = inner,
            Some(Bson::Array(_)) if names.peek().is_some() => {
                return Err(Error::invalid("$rename cannot put a value into a list")
                    .with("field", Excerpt(target.as_str())));
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Removes the field at `source`, which leads through documents only.
pub(super) fn remove(fields: &mut Document, source: &FieldPath) {
    let mut document = fields;
    let mut names = source.segments().skip(1).peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            document.remove(name);
            return;
        }
        match document.get_mut(name) {
            Some(Bson::Document(inner)) => document = inner,
            _ => return,
        }
    }
}

fn untraversable(source: &FieldPath) -> Error {
    Error::invalid("source of $rename leads through a value that is no document")
        .with("field", Excerpt(source.as_str()))
}
