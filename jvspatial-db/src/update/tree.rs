//! The paths of an update as a tree, in the order in which they are changed.

use std::cmp::Ordering;

use super::Operation;
use super::change::Change;
use super::path::Excerpt;
use crate::error::{Error, Result};
use crate::filter::FieldPath;

/// The changes below one field.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// A change of the field itself, by its place in the list of operations.
    Change(usize),
    /// The field goes elsewhere; the change stands where it goes to.
    Source,
    /// Changes further down, by name, in the order of application.
    Inner(Vec<(Box<str>, Tree)>),
}

impl Tree {
    /// Arranges the changes.
    ///
    /// # Errors
    /// `Invalid` naming both paths when two changes would meet.
    pub(super) fn new(operations: &[Operation]) -> Result<Self> {
        let mut root = Self::Inner(Vec::new());
        for (number, Operation { path, change }) in operations.iter().enumerate() {
            match change {
                Change::Rename(target) => {
                    root.insert(path, Self::Source)?;
                    root.insert(target, Self::Change(number))?;
                }
                _ => root.insert(path, Self::Change(number))?,
            }
        }
        Ok(root)
    }

    /// What is below the field `name`.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Inner(children) => {
                children.iter().find(|(known, _)| **known == *name).map(|(_, child)| child)
            }
            _ => None,
        }
    }

    fn insert(&mut self, path: &FieldPath, leaf: Self) -> Result<()> {
        let mut node = self;
        let mut length = 0;
        for name in path.segments() {
            let Self::Inner(children) = node else { return Err(conflict(path, length)) };
            length += name.len() + usize::from(length > 0);
            let place = match children.binary_search_by(|(known, _)| order(known, name)) {
                Ok(place) => place,
                Err(place) => {
                    children.insert(place, (name.into(), Self::Inner(Vec::new())));
                    place
                }
            };
            node = &mut children[place].1;
        }
        match node {
            Self::Inner(children) if children.is_empty() => {
                *node = leaf;
                Ok(())
            }
            _ => Err(conflict(path, length)),
        }
    }
}

/// The order in which the changes at two paths are made.
pub(super) fn order_of_paths(left: &FieldPath, right: &FieldPath) -> Ordering {
    left.segments().map(key).cmp(right.segments().map(key))
}

/// Positions by their number, other names by their bytes: a total order, so that what is there is found.
fn order(left: &str, right: &str) -> Ordering {
    key(left).cmp(&key(right))
}

/// Positions stand where their digits stand among the bytes.
fn key(name: &str) -> (u8, usize, &str) {
    match name.bytes().next().unwrap_or_default() {
        0..b'0' => (0, 0, name),
        // Zero, and what begins with it and is no position.
        b'0' => (1, 0, name),
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) => (2, name.len(), name),
        _ => (3, 0, name),
    }
}

fn conflict(path: &FieldPath, length: usize) -> Error {
    let at = path.as_str().get(..length).unwrap_or_default();
    Error::invalid(format!(
        "updating the path '{}' would create a conflict at '{}'",
        Excerpt(path.as_str()),
        Excerpt(at)
    ))
    .with("field", Excerpt(path.as_str()))
}
