//! What was written, document by document, and what it comes to.

use std::cmp::Reverse;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{
    Action, ChangeKind, Collection, Database, Direction, Document, Ends, Error, ErrorKind,
    Expansion, Handle, Id, Link, Operation, Outcome, Result, Version, WriteBatch,
};

/// A change of one document that a [dry run](super::WalkBuilder::dry_run) would have made, whatever it took to
/// come there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedChange {
    /// The document.
    pub id: Id,
    /// What becomes of it.
    pub kind: ChangeKind,
    /// The version that it must still have; `None` when it must not exist.
    pub before: Option<Version>,
    /// The version that it will have; `None` when it will be gone.
    pub after: Option<Version>,
    /// The document as it will be, unless it will be gone.
    pub document: Option<Document>,
    /// What an edge joins, also one that will be gone; `None` for anything but an edge.
    pub ends: Option<Ends>,
    /// Whether a second edge of its type between the same nodes is refused.
    is_unique: bool,
    /// Whether the document was removed, or replaced as a whole, before it came to be as it is.
    is_remade: bool,
}

/// All that was written, as the documents were before it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    touched: HashMap<Id, Touched, RandomState>,
    touches: u64,
}

/// A document that was written.
#[derive(Debug)]
struct Touched {
    /// Its version before the first write; none when it did not exist.
    before: Option<Version>,
    /// What it joined before, where that is known.
    ends: Option<Ends>,
    /// When it was last written.
    last: u64,
    is_unique: bool,
    is_remade: bool,
}

/// What will be removed by a batch, as it is before.
type Removed = HashMap<Id, (Version, Option<Ends>), RandomState>;

impl Ledger {
    /// Writes a batch and notes what it did.
    pub(super) async fn write(
        &mut self,
        database: &dyn Database,
        batch: WriteBatch,
    ) -> Result<jvspatial_db::WriteReport> {
        let operations = batch.operations().to_vec();
        let (removed, edges) = self.look_ahead(database, &operations).await?;
        let report = database.write(batch).await?;
        for (Operation { id, action }, outcome) in operations.into_iter().zip(&report.outcomes) {
            if outcome.is_written() {
                self.note(id, &action, outcome, &removed);
            }
        }
        if report.detached > 0 {
            // Those that stayed turn out to be unchanged.
            for edge in edges {
                if let Some((version, ends)) = removed.get(&edge) {
                    self.touch(edge, Some(*version), ends.clone());
                }
            }
        }
        Ok(report)
    }

    /// Reads what a batch is to remove, and what may go with it: the edges of nodes.
    async fn look_ahead(
        &self,
        database: &dyn Database,
        operations: &[Operation],
    ) -> Result<(Removed, Vec<Id>)> {
        let mut handles = Vec::new();
        let mut nodes = Vec::new();
        for Operation { id, action } in operations {
            let Action::Delete { detach, .. } = action else { continue };
            handles.push(Handle::new(id.clone()));
            if *detach && id.collection() == Collection::Node {
                nodes.push(Handle::new(id.clone()));
            }
        }
        if handles.is_empty() {
            return Ok((Removed::default(), Vec::new()));
        }
        let mut edges = Vec::new();
        if !nodes.is_empty() {
            let mut expansion = Expansion::new(Direction::Both);
            expansion.with_edges = true;
            expansion.may_dangle = true;
            let adjacent = database.neighbors(&nodes, &expansion).await?;
            edges.extend(adjacent.into_iter().filter_map(|adjacent| adjacent.edge));
        }
        let changes = self.touched.len() + operations.len() + edges.len();
        if changes > MAX_BATCH_OPERATIONS && !edges.is_empty() {
            return Err(Error::new(ErrorKind::Limit, "dry run has too many changes")
                .with("changes", changes)
                .with("limit", MAX_BATCH_OPERATIONS));
        }
        handles.extend(edges.iter().cloned());
        let found = database.get_many(&handles).await?.into_iter().flatten();
        let removed = found.map(|document| (document.id, (document.version, document.ends)));
        Ok((removed.collect(), edges.into_iter().map(Handle::into_id).collect()))
    }

    fn note(&mut self, id: Id, action: &Action, outcome: &Outcome, removed: &Removed) {
        let was = removed.get(&id);
        let mut found = None;
        match outcome {
            Outcome::Replaced { found: version, .. } => found = Some(*version),
            Outcome::Written(version) => {
                found = match action {
                    Action::Update { expected, .. } => Some(*expected),
                    Action::Delete { expected, .. } => expected
                        .or_else(|| was.map(|(version, _)| *version))
                        .or_else(|| Some(Version::new(version.get().saturating_sub(1)))),
                    _ => None,
                }
            }
            _ => {}
        }
        let is_made = matches!(action, Action::Insert { .. } | Action::Put { .. });
        let is_unique = match action {
            Action::Insert { link: Some(link), .. } | Action::Put { link: Some(link), .. } => {
                Some(link.unique)
            }
            _ => None,
        };
        let touched = self.touch(id, found, was.and_then(|(_, ends)| ends.clone()));
        touched.is_remade |= is_made && touched.before.is_some();
        touched.is_unique = is_unique.unwrap_or(touched.is_unique);
    }

    fn touch(&mut self, id: Id, before: Option<Version>, ends: Option<Ends>) -> &mut Touched {
        self.touches += 1;
        let last = self.touches;
        let touched = self.touched.entry(id).or_insert(Touched {
            before,
            ends,
            last,
            is_unique: false,
            is_remade: false,
        });
        touched.last = last;
        touched
    }

    /// What all of it comes to, in an order in which it can be written.
    pub(super) async fn changes(&self, database: &dyn Database) -> Result<Vec<PlannedChange>> {
        let handles: Vec<Handle> = self.touched.keys().map(|id| Handle::new(id.clone())).collect();
        let found = database.get_many(&handles).await?;
        let mut changes: Vec<(u64, PlannedChange)> = Vec::new();
        for (handle, document) in handles.into_iter().zip(found) {
            if let Some(touched) = self.touched.get(handle.id())
                && let Some(change) = touched.come_to(handle.into_id(), document)
            {
                changes.push((touched.last, change));
            }
        }
        // What goes makes room for what comes, and edges need their nodes.
        changes.sort_by_key(|(last, change)| {
            let is_edge = change.id.collection() == Collection::Edge;
            let goes = change.kind == ChangeKind::Deleted;
            (Reverse(goes), is_edge != goes, *last)
        });
        Ok(changes.into_iter().map(|(_, change)| change).collect())
    }
}

impl Touched {
    /// The change of the document, which is `document` now; none when it is as it was.
    fn come_to(&self, id: Id, document: Option<Document>) -> Option<PlannedChange> {
        let Self { before, is_unique, is_remade, .. } = *self;
        let is_remade = is_remade && id.collection() == Collection::Edge;
        let (kind, after) = match (before, &document) {
            (None, None) => return None,
            (Some(before), Some(document)) if document.version == before && !self.is_remade => {
                return None;
            }
            (None, Some(_)) => (ChangeKind::Created, Some(Version::FIRST)),
            (Some(_), Some(_)) if is_remade => (ChangeKind::Updated, Some(Version::FIRST)),
            (Some(before), Some(_)) => (ChangeKind::Updated, Some(before.next())),
            (Some(_), None) => (ChangeKind::Deleted, None),
        };
        let document = document
            .map(|document| Document { version: after.unwrap_or(document.version), ..document });
        let ends = match &document {
            Some(document) => document.ends.clone(),
            None => self.ends.clone(),
        };
        Some(PlannedChange { id, kind, before, after, document, ends, is_unique, is_remade })
    }
}

impl PlannedChange {
    /// Adds what makes the change to a batch.
    pub(super) fn add_to(&self, batch: &mut WriteBatch) -> Result<()> {
        let id = || self.id.clone();
        let Some(document) = &self.document else {
            return batch.delete(id(), self.before, crate::graph::detaches(&self.id));
        };
        let fields = document.body.as_bytes();
        if let Some(expected) = self.before {
            if !self.is_remade {
                return batch.update_encoded(id(), expected, fields, document.schema);
            }
            batch.delete(id(), Some(expected), false)?;
        }
        let link = document.ends.clone().map(|ends| Link { ends, unique: self.is_unique });
        batch.insert_encoded(id(), fields, document.schema, link)
    }

    /// Why the change was not made.
    pub(super) fn refused(&self, outcome: Outcome) -> Error {
        let changed = |what| {
            let error = Error::new(ErrorKind::Conflict, what).with("id", &self.id);
            self.before.iter().fold(error, |error, before| error.with("expected version", before))
        };
        match outcome {
            Outcome::Missing(missing) if missing == self.id => {
                changed("document was removed by someone else")
            }
            Outcome::Missing(missing) => {
                changed("an end of the edge was removed by someone else").with("end", missing)
            }
            Outcome::Duplicate(duplicate) if duplicate.index == "_id" => {
                changed("document was created by someone else")
            }
            other => match other.into_result(&self.id) {
                Err(error) => error,
                Ok(_) => Error::new(ErrorKind::Unknown, "a change was not made as it was planned"),
            },
        }
    }
}
