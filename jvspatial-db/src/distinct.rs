//! The distinct values of one field.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use bson::{Bson, Document};

use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::limits::MAX_DISTINCT_BYTES;
use crate::projection::PathTree;
use crate::sort::weigh;
use crate::value;

/// Values, each once, in the order of types.
#[derive(Debug)]
pub(crate) struct Distinct {
    path: FieldPath,
    values: BTreeSet<Ordered>,
    bytes: usize,
}

impl Distinct {
    pub(crate) const fn new(path: FieldPath) -> Self {
        Self { path, values: BTreeSet::new(), bytes: 0 }
    }

    /// Adds what [`add`](Self::add) looks at to `paths`.
    pub(crate) fn add_paths(&self, paths: &mut PathTree) {
        paths.keep(&self.path);
    }

    /// Adds the values that the path leads to in `document`, whole or in part.
    ///
    /// # Errors
    /// `Limit` when there are too many.
    pub(crate) fn add(&mut self, document: &Document) -> Result<()> {
        let path = self.path.clone();
        visit(Object::Document(document), &path, 0, &mut |value| self.insert(value))
    }

    fn insert(&mut self, value: &Bson) -> Result<()> {
        let value = Ordered(value.clone());
        match self.values.get(&value) {
            Some(known) if value::identical(&known.0, &value.0) => return Ok(()),
            // Of equal values that one is kept which every backend keeps, whichever it meets first.
            Some(known) if rank(&known.0) <= rank(&value.0) => return Ok(()),
            Some(_) => {
                self.values.remove(&value);
            }
            None => self.bytes += weigh(&value.0),
        }
        if self.bytes > MAX_DISTINCT_BYTES {
            return Err(Error::limit("field has too many distinct values")
                .with("path", &self.path)
                .with("limit", MAX_DISTINCT_BYTES));
        }
        self.values.insert(value);
        Ok(())
    }

    /// The values, ascending.
    pub(crate) fn into_values(self) -> Vec<Bson> {
        self.values.into_iter().map(|value| value.0).collect()
    }
}

/// Which of two equal values comes first.
fn rank(value: &Bson) -> (u8, Vec<u8>) {
    let mut holder = Document::new();
    holder.insert("", value.clone());
    (value.element_type() as u8, holder.to_vec().unwrap_or_default())
}

#[derive(Clone, Copy)]
enum Object<'a> {
    Document(&'a Document),
    Array(&'a [Bson]),
}

impl<'a> Object<'a> {
    fn of(value: &'a Bson) -> Option<Self> {
        match value {
            Bson::Document(document) => Some(Self::Document(document)),
            Bson::Array(items) => Some(Self::Array(items)),
            _ => None,
        }
    }

    fn get(self, path: &FieldPath, at: usize) -> Option<&'a Bson> {
        match self {
            Self::Document(document) => document.get(path.segment(at)),
            Self::Array(items) => items.get(path.position(at)?),
        }
    }
}

/// Shows each value at `path` to `see`, the elements of an array at its end instead of the array.
///
/// An array on the way hands the path to each of its elements, arrays included; when the next
/// segment is all digits, to the element at that position alone.
fn visit(
    object: Object<'_>,
    path: &FieldPath,
    at: usize,
    see: &mut impl FnMut(&Bson) -> Result<()>,
) -> Result<()> {
    let Some(value) = object.get(path, at) else { return Ok(()) };
    if at + 1 == path.len() {
        return match value {
            Bson::Array(items) => items.iter().try_for_each(see),
            value => see(value),
        };
    }
    match value {
        Bson::Array(items) if !path.segment(at + 1).bytes().all(|byte| byte.is_ascii_digit()) => {
            items.iter().filter_map(Object::of).try_for_each(|item| visit(item, path, at + 1, see))
        }
        value => match Object::of(value) {
            Some(inner) => visit(inner, path, at + 1, see),
            None => Ok(()),
        },
    }
}

/// A value with its order.
#[derive(Debug)]
struct Ordered(Bson);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        value::compare(&self.0, &other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}
