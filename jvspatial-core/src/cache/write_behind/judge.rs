//! What becomes of each operation of a batch, by what is known of its documents.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::fast::RandomState;
use jvspatial_db::{
    Action, Body, BodyRange, Collection, Document, Id, Operation, Outcome, Version, WriteBatch,
};

/// The documents of some ids, and which of them there are none of.
pub(super) type Known = HashMap<Id, Option<Document>, RandomState>;

/// Whether what becomes of an operation depends on its document alone, indexes apart.
pub(super) fn stands_alone(operation: &Operation) -> bool {
    match &operation.action {
        Action::Insert { link, .. } => link.is_none(),
        Action::Update { .. } => true,
        Action::Delete { detach, .. } => !*detach || operation.id.collection() != Collection::Node,
        // It looks at no version, so a late one must not meet another.
        _ => false,
    }
}

/// What becomes of each operation of `batch`, as the database would say, where `known` has all its documents. Afterwards it has
/// them as they are then.
pub(super) fn judge(batch: &WriteBatch, known: &mut Known) -> Vec<Outcome> {
    let before = batch.is_atomic().then(|| known.clone());
    let operations = batch.operations().iter();
    let mut outcomes: Vec<Outcome> =
        operations.map(|operation| judge_one(batch, operation, known)).collect();
    if let Some(before) = before
        && !outcomes.iter().all(Outcome::is_written)
    {
        *known = before;
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_written()) {
            *outcome = Outcome::Skipped;
        }
    }
    outcomes
}

fn judge_one(batch: &WriteBatch, operation: &Operation, known: &mut Known) -> Outcome {
    let id = &operation.id;
    let found = known.get(id).and_then(Option::as_ref);
    let refused = |expected: Version| match found {
        None => Some(Outcome::Missing(id.clone())),
        Some(found) if found.version != expected => {
            Some(Outcome::Conflict { expected, found: found.version })
        }
        Some(_) => None,
    };
    let (document, version) = match &operation.action {
        Action::Insert { body, version, schema, .. } => {
            if found.is_some() {
                return Outcome::duplicate("_id", id.clone());
            }
            let (version, schema, body) = (*version, *schema, body_of(batch, *body));
            (Some(Document { id: id.clone(), version, schema, ends: None, body }), version)
        }
        Action::Update { expected, body, schema } => {
            if let Some(refused) = refused(*expected) {
                return refused;
            }
            let (version, schema, body) = (expected.next(), *schema, body_of(batch, *body));
            let ends = found.and_then(|found| found.ends.clone());
            (Some(Document { id: id.clone(), version, schema, ends, body }), version)
        }
        Action::Delete { expected, .. } => {
            let version = found.map(|found| found.version).unwrap_or(Version::NONE);
            if let Some(refused) = refused(expected.unwrap_or(version)) {
                return refused;
            }
            (None, version.next())
        }
        // Those that do not stand alone are never judged here.
        _ => return Outcome::Unknown,
    };
    known.insert(id.clone(), document);
    Outcome::Written(version)
}

/// Whether `found` is what an operation left that was acknowledged with `version`.
pub(super) fn is_left_by(
    batch: &WriteBatch,
    operation: &Operation,
    version: Option<Version>,
    found: Option<&Document>,
) -> bool {
    let range = match &operation.action {
        Action::Insert { body, .. } | Action::Update { body, .. } => *body,
        _ => return found.is_none(),
    };
    found.is_some_and(|found| {
        let (ours, theirs) = (batch.body(range), found.body.as_bytes());
        let is_alike = || {
            let ours = Body::new(batch.encoding(), Bytes::copy_from_slice(ours)).to_bson();
            ours.ok().is_some_and(|ours| found.body.to_bson().is_ok_and(|theirs| theirs == ours))
        };
        Some(found.version) == version && (ours == theirs || is_alike())
    })
}

fn body_of(batch: &WriteBatch, range: BodyRange) -> Body {
    Body::new(batch.encoding(), Bytes::copy_from_slice(batch.body(range)))
}
