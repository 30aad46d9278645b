//! Most documents of a scan fail a plain comparison: these are made on the stored bytes as they are.

use std::cmp::Ordering;

use bson::Bson;

use crate::codec::{Raw, Scalar, members};
use crate::error::Result;
use crate::filter::{Bound, Filter, Node};
use crate::indexes::Source;
use crate::projection::PathTree;
use crate::value;

/// A filter, and those of its comparisons that need nothing but one field of the document.
#[derive(Debug)]
pub(super) struct Sieve<'f> {
    filter: &'f Filter,
    /// What the filter looks at.
    paths: &'f PathTree,
    names: Vec<&'f str>,
    tests: Vec<Test<'f>>,
    /// Whether the filter says nothing but the comparisons.
    is_whole: bool,
}

/// A field compared with a text, a number or a flag.
#[derive(Debug)]
struct Test<'f> {
    /// On which side of the value; absent when equal to it.
    bound: Option<Bound>,
    value: &'f Bson,
}

impl<'f> Sieve<'f> {
    pub(super) fn new(filter: &'f Filter, paths: &'f PathTree) -> Self {
        let all = match filter.node() {
            Node::And(members) => members.as_slice(),
            single => std::slice::from_ref(single),
        };
        let (names, tests) = (Vec::new(), Vec::new());
        let mut sieve = Self { filter, paths, names, tests, is_whole: true };
        for node in all {
            let test = match node {
                Node::Equal { path, value } => Some((path, None, value.value())),
                Node::Order { path, bound, value } => Some((path, Some(*bound), value.value())),
                _ => None,
            };
            match test {
                Some((path, bound, value))
                    if path.len() == 2 && path.segment(0) == "context" && is_plain(value) =>
                {
                    sieve.names.push(path.segment(1));
                    sieve.tests.push(Test { bound, value });
                }
                _ => sieve.is_whole = false,
            }
        }
        sieve
    }

    /// Whether a document passes the filter.
    ///
    /// # Errors
    /// `Corrupt` naming the document when the body is not of its encoding.
    pub(super) fn passes(&self, source: &Source<'_>) -> Result<bool> {
        if self.filter.is_all() {
            return Ok(true);
        }
        let judged = self.judge(source).and_then(|judged| match judged {
            Some(passes) => Ok(passes),
            None => Ok(self.filter.matches(&source.pick(self.paths)?)),
        });
        judged.map_err(|error| error.with("id", source.id))
    }

    /// Whether a document passes; `None` when that takes more than the comparisons.
    fn judge(&self, source: &Source<'_>) -> Result<Option<bool>> {
        if self.tests.is_empty() {
            return Ok(None);
        }
        let (mut met, mut failed, mut unclear) = (0, false, !self.is_whole);
        members(Raw::root(source.encoding, source.body)?, &self.names, |at, value| {
            let Some(test) = self.tests.get(at) else { return false };
            met += 1;
            match value.scalar().map(|picked| test.holds(&picked)) {
                Some(true) => {}
                Some(false) => failed = true,
                None => unclear = true,
            }
            !failed && met < self.tests.len()
        })?;
        // No missing field equals or exceeds a value of these types.
        if failed || (met < self.tests.len()) {
            return Ok(Some(false));
        }
        Ok((!unclear).then_some(true))
    }
}

/// Whether only values of the same class compare with this one, and all of those in order.
fn is_plain(value: &Bson) -> bool {
    match value {
        Bson::String(_) | Bson::Int32(_) | Bson::Int64(_) => true,
        Bson::Double(value) => !value.is_nan(),
        _ => false,
    }
}

impl Test<'_> {
    fn holds(&self, found: &Scalar<'_>) -> bool {
        let order = match (found, self.value) {
            (Scalar::Text(found), Bson::String(text)) => found.as_ref().cmp(text.as_bytes()),
            (Scalar::Integer(found), Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_)) => {
                value::compare(&Bson::Int64(*found), self.value)
            }
            (Scalar::Double(found), Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_))
                if !found.is_nan() =>
            {
                value::compare(&Bson::Double(*found), self.value)
            }
            _ => return false,
        };
        match self.bound {
            None => order == Ordering::Equal,
            Some(Bound::Greater) => order == Ordering::Greater,
            Some(Bound::GreaterOrEqual) => order != Ordering::Less,
            Some(Bound::Less) => order == Ordering::Less,
            Some(Bound::LessOrEqual) => order != Ordering::Greater,
        }
    }
}
