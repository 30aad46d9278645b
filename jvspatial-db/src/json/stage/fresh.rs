//! The way of a batch that only creates documents: nothing in it needs to be judged for itself.

use super::{Set, Stage, state_of};
use crate::id::Id;
use crate::json::draft::{Draft, DraftAction, DraftOperation};
use crate::json::index::{Change, Index};
use crate::version::Version;
use crate::write::{Outcome, WriteReport};

impl Stage {
    /// Adds a batch if all it does is to create documents that touch no other, under ids that are free and
    /// all different, with keys that are free as well, and if nothing is staged yet; `None` if it is to be
    /// judged.
    pub(super) fn add_fresh(&mut self, index: &Index, draft: &mut Draft) -> Option<WriteReport> {
        if !self.bytes.is_empty()
            || !is_fresh(index, &draft.operations)
            || !draft.keys.are_free(index)
        {
            return None;
        }
        self.keys = std::mem::take(&mut draft.keys).into_created();
        self.bytes = std::mem::take(&mut draft.lines);
        let operations = std::mem::take(&mut draft.operations);
        let versions = operations.iter().filter_map(created);
        let outcomes = versions.map(Outcome::Written).collect();
        self.checksums = operations.iter().map(|operation| operation.checksum).collect();
        // Takes the memory of the operations over.
        self.changes = operations.into_iter().filter_map(change).collect();
        Some(WriteReport { outcomes, detached: 0 })
    }
}

fn is_fresh(index: &Index, operations: &[DraftOperation]) -> bool {
    let is_free = |id: &Id| index.table(id.collection()).existing(id).is_none();
    operations.iter().all(|operation| created(operation).is_some() && is_free(&operation.id))
        && are_different(operations)
}

/// The version of the document that an operation creates, if it touches no other.
fn created(operation: &DraftOperation) -> Option<Version> {
    match &operation.action {
        DraftAction::Insert { version, link: None } if operation.is_spelled() => Some(*version),
        _ => None,
    }
}

fn are_different(operations: &[DraftOperation]) -> bool {
    if operations.is_sorted_by(|a, b| a.id < b.id) {
        return true;
    }
    let mut ids = Set::with_capacity_and_hasher(operations.len(), Default::default());
    operations.iter().all(|operation| ids.insert(&operation.id))
}

fn change(operation: DraftOperation) -> Option<Change> {
    let version = created(&operation)?;
    let found = (operation.suffix, operation.checksum);
    let state = state_of(&operation, version, operation.line.clone(), found);
    Some(Change { id: operation.id, state, link: None })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::codec::Encoding;
    use crate::document::Ends;
    use crate::json::keys::OldKeys;
    use crate::json::segment::Segments;
    use crate::version::Version;
    use crate::write::{Link, WriteBatch};

    /// A batch that creates documents; an id that begins with `e` is an edge between `n.City.a` and itself.
    fn creating(ids: &[&str]) -> WriteBatch {
        let mut batch = WriteBatch::new(Encoding::Json).atomic(true);
        for id in ids {
            let city = || "n.City.a".parse().unwrap();
            let ends = Ends { source: city(), target: city(), bidirectional: false };
            let link = id.starts_with('e').then_some(Link { ends, unique: true });
            batch.insert_with(id.parse().unwrap(), &json!({ "name": id }), 3, link).unwrap();
        }
        batch
    }

    fn draft(batch: WriteBatch) -> Draft {
        Draft::new(batch).unwrap()
    }

    /// What a stage says and holds after a batch; `judged` keeps the batch from the way that is short.
    fn added(index: &Index, ids: &[&str], judged: bool) -> (Stage, WriteReport) {
        let mut stage = Stage::default();
        let report =
            stage.add(index, &mut draft(creating(ids)), &OldKeys::default(), judged).unwrap();
        (stage, report)
    }

    fn index_with(ids: &[&str]) -> Index {
        let mut index = Index::new(Segments::default());
        let stage = added(&index, ids, true).0;
        index.apply(1, stage.changes, &stage.keys).unwrap();
        index
    }

    #[test]
    fn a_batch_that_is_not_judged_comes_to_the_same_as_one_that_is() {
        crate::EntityName::new("FreshCity").unwrap();
        let keys = ["f", "3", "c", "0", "8", "a", "1"];
        let generated = keys.map(|key| format!("n.FreshCity.{key:0>24}"));
        let mut sorted = generated.clone();
        sorted.sort_unstable();
        let chosen = ["o.City.c", "n.City.c", "n.City.b", "j.City.c"].map(str::to_owned);
        let index = index_with(&["n.City.a"]);
        for ids in [&generated[..], &sorted[..], &chosen[..], &[]] {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            assert!(is_fresh(&index, &draft(creating(&ids)).operations), "{ids:?}");
            let (stage, report) = added(&index, &ids, false);
            let (judged, expected) = added(&index, &ids, true);
            assert_eq!(report, expected);
            assert_eq!(stage.bytes, judged.bytes);
            assert_eq!(stage.checksums, judged.checksums);
            assert_eq!(format!("{:?}", stage.changes), format!("{:?}", judged.changes));
        }
    }

    #[test]
    fn a_batch_that_may_meet_something_is_judged() {
        let index = index_with(&["n.City.a"]);
        for ids in [
            &["n.City.b", "n.City.a"][..],
            &["n.City.c", "n.City.b", "n.City.c"],
            &["n.City.b", "n.City.b"],
            &["e.Road.a"],
        ] {
            assert!(!is_fresh(&index, &draft(creating(ids)).operations), "{ids:?}");
            assert_eq!(added(&index, ids, false).1, added(&index, ids, true).1);
        }
        let id = || "n.City.b".parse().unwrap();
        let mut others = [(); 3].map(|()| WriteBatch::new(Encoding::Json));
        others[0].update(id(), Version::FIRST, &json!({})).unwrap();
        others[1].delete(id(), None, false).unwrap();
        let envelope = crate::write::Envelope { version: Version::FIRST, schema: 1, link: None };
        others[2].put(id(), &json!({}), envelope).unwrap();
        for other in others {
            assert!(!is_fresh(&index, &draft(other).operations));
        }
    }

    #[test]
    fn a_batch_is_judged_when_another_is_staged_already() {
        let index = index_with(&["n.City.a"]);
        let (mut stage, _) = added(&index, &["n.City.b"], true);
        let mut second = draft(creating(&["n.City.c"]));
        assert!(stage.add_fresh(&index, &mut second).is_none());
        assert!(stage.add(&index, &mut second, &OldKeys::default(), true).unwrap().is_complete());
        assert_eq!(stage.changes.len(), 2);
        let mut third = draft(creating(&["n.City.b"]));
        assert!(
            stage.add(&index, &mut third, &OldKeys::default(), true).is_none(),
            "it meets the first"
        );
    }
}
