//! Documents without their fields, in which operations are tried one after the other.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::document::Ends;
use crate::id::{Collection, Id};
use crate::version::Version;
use crate::write::{Action, BodyRange, Link, Operation, Outcome};

/// What is known of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) version: Version,
    /// What an edge joins.
    pub(super) ends: Option<Ends>,
}

/// The documents that a batch rests on, as the operations so far have left them.
#[derive(Debug, Default)]
pub(super) struct Model {
    documents: HashMap<Id, Stored, RandomState>,
    /// The edges of each node, in the order of their ids.
    edges: HashMap<Id, BTreeSet<Id>, RandomState>,
}

/// What an operation does to the store when it succeeds.
#[derive(Debug)]
pub(super) enum Effect<'b> {
    /// The document is this one.
    Whole { body: BodyRange, version: Version, schema: u32, link: Option<&'b Link> },
    /// It has these fields and this version.
    Fields { body: BodyRange, version: Version, schema: u32 },
    /// It is gone, and these edges with it.
    Gone { edges: Vec<Id> },
}

impl Model {
    /// Adds a stored document.
    pub(super) fn add(&mut self, id: Id, stored: Stored) {
        self.replace(&id, Some(stored));
    }

    /// What a stored edge joins.
    pub(super) fn ends(&self, id: &Id) -> Option<&Ends> {
        self.documents.get(id)?.ends.as_ref()
    }

    /// Tries an operation, and does to the model what it would do to the store, unless something else stands in the
    /// way of what it leaves, which `refuse` knows.
    pub(super) fn apply<'b>(
        &mut self,
        operation: &'b Operation,
        refuse: impl FnOnce() -> Option<Outcome>,
    ) -> (Outcome, Option<Effect<'b>>) {
        let id = &operation.id;
        match &operation.action {
            Action::Insert { .. } if self.documents.contains_key(id) => {
                (Outcome::duplicate("_id", id.clone()), None)
            }
            Action::Insert { body, version, schema, link }
            | Action::Put { body, version, schema, link } => {
                let link = link.as_deref();
                if let Some(refused) = link.and_then(|link| self.refuse(id, link)) {
                    return (refused, None);
                }
                if let Some(refused) = refuse() {
                    return (refused, None);
                }
                let (body, version, schema) = (*body, *version, *schema);
                let ends = link.map(|link| link.ends.clone());
                let outcome = match self.replace(id, Some(Stored { version, ends })) {
                    Some(Stored { version: found, .. }) => Outcome::Replaced { version, found },
                    None => Outcome::Written(version),
                };
                (outcome, Some(Effect::Whole { body, version, schema, link }))
            }
            Action::Update { expected, body, schema } => {
                let Some(stored) = self.documents.get_mut(id) else {
                    return (Outcome::Missing(id.clone()), None);
                };
                if stored.version != *expected {
                    let found = stored.version;
                    return (Outcome::Conflict { expected: *expected, found }, None);
                }
                if let Some(refused) = refuse() {
                    return (refused, None);
                }
                let version = expected.next();
                stored.version = version;
                let effect = Effect::Fields { body: *body, version, schema: *schema };
                (Outcome::Written(version), Some(effect))
            }
            Action::Delete { expected, detach } => {
                let Some(found) = self.documents.get(id).map(|stored| stored.version) else {
                    return (Outcome::Missing(id.clone()), None);
                };
                if let Some(expected) = *expected
                    && expected != found
                {
                    return (Outcome::Conflict { expected, found }, None);
                }
                self.replace(id, None);
                let mut edges = Vec::new();
                if *detach && id.collection() == Collection::Node {
                    edges = self.edges.get(id).into_iter().flatten().cloned().collect();
                    edges.iter().for_each(|edge| drop(self.replace(edge, None)));
                }
                (Outcome::Written(found.next()), Some(Effect::Gone { edges }))
            }
        }
    }

    /// Why an edge cannot join what it is to join.
    fn refuse(&self, id: &Id, link: &Link) -> Option<Outcome> {
        for end in [&link.ends.source, &link.ends.target] {
            if !self.documents.contains_key(end) {
                return Some(Outcome::Missing(end.clone()));
            }
        }
        if !link.unique {
            return None;
        }
        let stands_in_the_way = |edge: &&Id| {
            let ends = self.documents.get(*edge).and_then(|stored| stored.ends.as_ref());
            // An edge that is replaced does not stand in its own way.
            *edge != id
                && edge.entity() == id.entity()
                && ends.is_some_and(|ends| joins_as(ends, &link.ends))
        };
        let mut edges = self.edges.get(&link.ends.source).into_iter().flatten();
        let taken = edges.find(stands_in_the_way)?;
        Some(Outcome::duplicate("connection", taken.clone()))
    }

    /// Puts a document in the place of another, or of none; returns the other.
    fn replace(&mut self, id: &Id, stored: Option<Stored>) -> Option<Stored> {
        let before = self.documents.remove(id);
        for end in before.iter().filter_map(|stored| stored.ends.as_ref()).flat_map(both) {
            if let Some(edges) = self.edges.get_mut(end) {
                edges.remove(id);
            }
        }
        for end in stored.iter().filter_map(|stored| stored.ends.as_ref()).flat_map(both) {
            self.edges.entry(end.clone()).or_default().insert(id.clone());
        }
        if let Some(stored) = stored {
            self.documents.insert(id.clone(), stored);
        }
        before
    }
}

const fn both(ends: &Ends) -> [&Id; 2] {
    [&ends.source, &ends.target]
}

/// Whether a unique edge with the ends `own` stands in the way of one with the ends `new`.
fn joins_as(own: &Ends, new: &Ends) -> bool {
    let same = own.source == new.source && own.target == new.target;
    let mirrored = own.source == new.target && own.target == new.source;
    same || (mirrored && (own.bidirectional || new.bidirectional))
}
