//! What a document is sorted by: MongoDB's rules for paths through arrays.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::SortKey;
use super::value::Value;
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::value;

static NULL: Bson = Bson::Null;
static UNDEFINED: Bson = Bson::Undefined;

/// The values of `keys` in `document`; of several tuples the first in the order of the keys.
pub(super) fn key(keys: &[SortKey], document: &Document) -> Result<Box<[Value]>> {
    let plain = keys.iter().map(|key| match Object::Document(document).follow(&key.path, 0).0 {
        Some(Bson::Array(_)) => None,
        found => Some(found.map_or(Value::Null, Value::of)),
    });
    if let Some(values) = plain.collect() {
        return Ok(values);
    }
    let mut best = Best { keys, tuple: None };
    let at = vec![Pending { next: 0, indexed: None }; keys.len()];
    expand(&mut best, &at, &vec![&NULL; keys.len()], Object::Document(document))?;
    let tuple = best.tuple.unwrap_or_default();
    Ok(tuple.into_iter().map(Value::of).collect())
}

/// The least tuple seen so far.
struct Best<'a> {
    keys: &'a [SortKey],
    tuple: Option<Vec<&'a Bson>>,
}

impl<'a> Best<'a> {
    fn offer(&mut self, tuple: Vec<&'a Bson>) {
        let is_less = self.tuple.as_ref().is_none_or(|best| {
            let order = self
                .keys
                .iter()
                .zip(tuple.iter().zip(best))
                .map(|(key, (new, old))| key.direction.apply(value::compare(new, old)));
            order.into_iter().find(|order| order.is_ne()) == Some(Ordering::Less)
        });
        if is_less {
            self.tuple = Some(tuple);
        }
    }
}

/// How far the path of one key has been followed.
#[derive(Clone, Copy)]
struct Pending<'a> {
    /// The next segment; the end of the path when the value is found.
    next: usize,
    /// What the path finds in the array around, when its next segment is a place in it.
    indexed: Option<Indexed<'a>>,
}

#[derive(Clone, Copy)]
struct Indexed<'a> {
    is_array: bool,
    found: Option<&'a Bson>,
    next: usize,
}

/// What a path can be followed into.
#[derive(Clone, Copy)]
enum Object<'a> {
    Document(&'a Document),
    Array(&'a [Bson]),
    /// An element of an array that is no document.
    Nothing,
}

impl<'a> Object<'a> {
    fn get(self, path: &FieldPath, at: usize) -> Option<&'a Bson> {
        match self {
            Self::Document(document) => document.get(path.segment(at)),
            Self::Array(items) => items.get(path.position(at)?),
            Self::Nothing => None,
        }
    }

    /// Follows `path` to its end or to the first array on the way, with the next segment after it.
    fn follow(self, path: &FieldPath, from: usize) -> (Option<&'a Bson>, usize) {
        let mut object = self;
        for at in from..path.len() {
            let found = object.get(path, at);
            match found {
                Some(Bson::Array(_)) => return (found, at + 1),
                _ if at + 1 == path.len() => return (found, at + 1),
                Some(Bson::Document(inner)) => object = Object::Document(inner),
                _ => return (None, path.len()),
            }
        }
        (None, path.len())
    }
}

/// Follows every pending path into `object` and, if they meet an array, each of its elements.
///
/// The recursion goes one array deeper each time, and a path has a bounded number of segments.
fn expand<'a>(
    best: &mut Best<'a>,
    pending: &[Pending<'a>],
    fixed: &[&'a Bson],
    object: Object<'a>,
) -> Result<()> {
    let keys = best.keys;
    let mut pending = pending.to_vec();
    let mut fixed = fixed.to_vec();
    let mut array: Option<(&'a Bson, &'a [Bson])> = None;
    let mut within = vec![false; keys.len()];
    // An array found at a place in another one is a value as a whole.
    let mut nested = false;
    for (index, key) in keys.iter().enumerate() {
        let (path, state) = (&key.path, &mut pending[index]);
        if state.next == path.len() {
            continue;
        }
        let named = object.get(path, state.next);
        let (found, next) = match (named, state.indexed) {
            (Some(_), Some(_)) => return Err(ambiguous(path)),
            (Some(_), None) => object.follow(path, state.next),
            (None, Some(indexed)) => {
                nested |= indexed.is_array;
                (indexed.found, indexed.next)
            }
            (None, None) => (None, path.len()),
        };
        state.next = next;
        match found {
            None => {
                fixed[index] = &NULL;
                state.next = path.len();
            }
            Some(whole @ Bson::Array(items)) => {
                within[index] = true;
                match array {
                    Some((other, _)) if !std::ptr::eq(other, whole) => return Err(parallel(path)),
                    _ => array = Some((whole, items)),
                }
            }
            Some(value) => fixed[index] = value,
        }
    }
    let Some((whole, items)) = array else {
        best.offer(fixed);
        return Ok(());
    };
    let ends: Vec<usize> = (0..keys.len())
        .filter(|&index| within[index] && pending[index].next == keys[index].path.len())
        .collect();
    for state in &mut pending {
        state.indexed = None;
    }
    if items.is_empty() {
        for &index in &ends {
            fixed[index] = &UNDEFINED;
        }
        return expand(best, &pending, &fixed, Object::Nothing);
    }
    for (key, state) in keys.iter().zip(&mut pending) {
        if state.next == key.path.len() {
            continue;
        }
        if let Some(item) = Object::Array(items).get(&key.path, state.next) {
            let (found, next) = Object::Array(items).follow(&key.path, state.next);
            let is_array = matches!(item, Bson::Array(_));
            state.indexed = Some(Indexed { is_array, found, next });
        }
    }
    for item in items {
        for &index in &ends {
            fixed[index] = if nested { whole } else { item };
        }
        let object = match item {
            Bson::Document(inner) => Object::Document(inner),
            _ => Object::Nothing,
        };
        expand(best, &pending, &fixed, object)?;
    }
    Ok(())
}

fn parallel(path: &FieldPath) -> Error {
    Error::invalid("a document cannot be sorted by two arrays at once").with("path", path)
}

fn ambiguous(path: &FieldPath) -> Error {
    Error::invalid("a number in the path of a sort is both a place in an array and a field in it")
        .with("path", path)
}
