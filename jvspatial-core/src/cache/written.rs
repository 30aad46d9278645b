//! What a write has come to.

use jvspatial_db::{Action, Outcome, Result, WriteBatch, WriteReport};

use super::database::{is_unknown, may_yet_happen};
use super::slot::id_number;

/// What one document was changed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Written {
    /// The number of its id.
    pub(super) id: u64,
    /// Its version; [`GONE`](Self::GONE) when it is gone.
    pub(super) version: u64,
}

impl Written {
    pub(super) const GONE: u64 = u64::MAX;
}

/// What is known of a write by its answer.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether it, or a part of it, may happen after its answer.
    pub(super) may_yet_happen: bool,
    /// What was written for certain, as far as others want to know.
    pub(super) written: Vec<Written>,
}

impl Known {
    /// What is known of a batch; `operations` may be left out where nobody wants to know.
    pub(super) fn of_batch(operations: Option<Operations>, answer: &Result<WriteReport>) -> Self {
        let written = operations.zip(answer.as_ref().ok());
        let written = written.map(|(operations, report)| operations.written(report));
        Self { may_yet_happen: may_yet_happen(answer), written: written.unwrap_or_default() }
    }

    /// What is known of a transaction in which `written` was written.
    pub(super) fn of_commit(written: Vec<Written>, answer: &Result<()>) -> Self {
        match answer {
            Ok(()) => Self { may_yet_happen: false, written },
            Err(error) => Self { may_yet_happen: is_unknown(error), written: Vec::new() },
        }
    }
}

/// The documents of a batch by their numbers, each with whether it is to be removed.
#[derive(Debug)]
pub(super) struct Operations(Vec<(u64, bool)>);

impl Operations {
    pub(super) fn of(batch: &WriteBatch) -> Self {
        let operations = batch.operations().iter();
        let noted = operations.map(|operation| {
            (id_number(&operation.id), matches!(operation.action, Action::Delete { .. }))
        });
        Self(noted.collect())
    }

    /// What was written, by the answer to the batch.
    pub(super) fn written(&self, report: &WriteReport) -> Vec<Written> {
        let outcomes = self.0.iter().zip(&report.outcomes);
        let written = outcomes.filter_map(|((id, is_removal), outcome)| {
            let version = match outcome {
                Outcome::Written(_) if *is_removal => Written::GONE,
                Outcome::Written(version) | Outcome::Replaced { version, .. } => version.get(),
                _ => return None,
            };
            Some(Written { id: *id, version })
        });
        written.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jvspatial_db::{Encoding, Error, ErrorKind, Id, Version};

    #[test]
    fn only_what_was_written_for_certain_is_told_and_removals_without_a_version() {
        let ids = ["n.City.a", "n.City.b", "n.City.c"].map(|id| id.parse::<Id>().unwrap());
        let mut batch = WriteBatch::new(Encoding::Bson);
        for id in &ids {
            batch.delete(id.clone(), None, false).unwrap();
        }
        batch.insert(ids[0].clone(), &std::collections::BTreeMap::from([("a", 1)])).unwrap();
        let outcomes = vec![
            Outcome::Written(Version::new(4)),
            Outcome::Unknown,
            Outcome::Missing(ids[2].clone()),
            Outcome::Written(Version::FIRST),
        ];
        let report = WriteReport { outcomes, ..WriteReport::default() };
        let a = id_number(&ids[0]);
        let expected = [Written { id: a, version: Written::GONE }, Written { id: a, version: 1 }];
        let known = Known::of_batch(Some(Operations::of(&batch)), &Ok(report));
        assert_eq!(known.written, expected);
        assert!(known.may_yet_happen);
    }

    #[test]
    fn a_commit_that_failed_wrote_nothing() {
        let written = || vec![Written { id: 1, version: 2 }];
        let failed = Err(Error::new(ErrorKind::Conflict, "outrun"));
        assert_eq!(Known::of_commit(written(), &failed).written, []);
        assert_eq!(Known::of_commit(written(), &Ok(())).written, written());
    }
}
