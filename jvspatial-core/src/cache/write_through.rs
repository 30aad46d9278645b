//! Documents that are kept as they were written.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use foldhash::fast::RandomState;
use jvspatial_db::{
    Action, Body, BodyRange, Collection, Document, Id, Result, Version, WriteBatch, WriteReport,
};

use super::entities::Entities;
use super::epochs::Time;
use super::slot::Slot;

/// The documents that a batch leaves, if all of it is written: of each id by its last operation.
///
/// Edges are not among them: who changes one does not say what it joins.
#[derive(Debug)]
pub(super) struct Left(Vec<(usize, Document)>);

impl Left {
    pub(super) fn by(batch: &WriteBatch) -> Self {
        let mut last: HashMap<&Id, usize, RandomState> = HashMap::default();
        for (place, operation) in batch.operations().iter().enumerate() {
            last.insert(&operation.id, place);
        }
        let left = batch.operations().iter().enumerate().filter_map(|(place, operation)| {
            if operation.id.collection() == Collection::Edge
                || last.get(&operation.id) != Some(&place)
            {
                return None;
            }
            let body = |range: BodyRange| {
                Body::new(batch.encoding(), Bytes::copy_from_slice(batch.body(range)))
            };
            let (version, schema, body) = match &operation.action {
                Action::Insert { body: range, version, schema, .. }
                | Action::Put { body: range, version, schema, .. } => {
                    (*version, *schema, body(*range))
                }
                Action::Update { expected, body: range, schema } => {
                    (expected.next(), *schema, body(*range))
                }
                _ => return None,
            };
            let id = operation.id.clone();
            Some((place, Document { id, version, schema, ends: None, body }))
        });
        Self(left.collect())
    }

    /// The slots of the documents.
    pub(super) fn slots(&self) -> Vec<Slot> {
        self.0.iter().map(|(_, document)| Slot::document(&document.id)).collect()
    }

    /// Keeps what was certainly written, and by nobody else at the same time: those in the slots `alone`. The write ended at
    /// `time`.
    pub(super) fn keep(
        &self,
        entities: &Entities,
        answer: &Result<WriteReport>,
        time: Time,
        alone: &[Slot],
    ) {
        let Ok(report) = answer else { return };
        let alone: HashSet<&Slot, RandomState> = alone.iter().collect();
        for (place, document) in &self.0 {
            let written: Option<Version> =
                report.outcomes.get(*place).and_then(|outcome| outcome.version());
            if written == Some(document.version) && alone.contains(&Slot::document(&document.id)) {
                entities.keep(&document.id, Some(document), time);
            }
        }
    }
}
