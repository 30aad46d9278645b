//! What is to become of the operations of a batch.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::document::Ends;
use crate::id::{Collection, Id};
use crate::json::draft::{Draft, DraftAction, DraftOperation};
use crate::json::index::Index;
use crate::json::keys::{DraftKeys, KeyJudge, OldKeys, Owners};
use crate::version::Version;
use crate::write::{Link, Outcome, WriteReport};

type Map<K, V> = HashMap<K, V, RandomState>;

/// What is to become of one operation.
pub(in crate::json) struct Verdict {
    pub outcome: Outcome,
    /// What most operations do not have: a large batch has many verdicts.
    pub effects: Option<Box<Effects>>,
}

/// What an operation does besides writing its own document's line.
#[derive(Default)]
pub(in crate::json) struct Effects {
    /// The edges that go with a node, and their versions after.
    pub detached: Vec<(Id, Version)>,
    /// The ends of an updated edge that this batch has inserted.
    pub ends: Option<Ends>,
    /// The version at which an edge goes before it is put between other nodes: as long as it exists, an
    /// edge keeps its ends.
    pub parted: Option<Version>,
}

impl Verdict {
    /// The report of an atomic batch, if not all of its operations can be done.
    pub(in crate::json) fn refuse_all(verdicts: &[Self]) -> Option<WriteReport> {
        if verdicts.iter().all(|verdict| verdict.outcome.is_written()) {
            return None;
        }
        let outcomes = verdicts.iter().map(|verdict| match &verdict.outcome {
            done if done.is_written() => Outcome::Skipped,
            failed => failed.clone(),
        });
        Some(WriteReport { outcomes: outcomes.collect(), detached: 0 })
    }

    pub(super) fn parted(&self) -> Option<Version> {
        self.effects.as_ref()?.parted
    }

    pub(super) fn detached(&self) -> &[(Id, Version)] {
        self.effects.as_ref().map_or(&[], |effects| &effects.detached)
    }
}

/// What has become of a document: its version, or none, and of a new edge what it joins.
type Changed = (Option<Version>, Option<Box<Link>>);

/// What the batches of a transaction have changed so far.
#[derive(Debug, Default)]
pub(in crate::json) struct Past {
    changed: Map<Id, Changed>,
    connected: Map<(Id, Id), Vec<Id>>,
    owners: Owners,
}

/// Judges the operations of one batch in order, each seeing the ones before it.
pub(in crate::json) struct Judge<'a> {
    index: &'a Index,
    /// What batches before this one have changed that are not in the index, of the same transaction.
    past: Option<&'a Past>,
    /// Documents that this batch changed so far.
    changed: Map<Id, Changed>,
    /// Pairs of nodes that this batch joined so far, by the edge's id.
    connected: Map<(Id, Id), Vec<Id>>,
    /// Whether no operation can meet another one of the batch, so that nothing need be noted.
    disjoint: bool,
    pub keys: KeyJudge<'a>,
}

impl<'a> Judge<'a> {
    /// A judge of `draft`, whose documents have `keys`.
    pub(in crate::json) fn new(
        index: &'a Index,
        draft: &Draft,
        keys: &'a DraftKeys,
        old: &'a OldKeys,
    ) -> Self {
        let collection = draft.operations.first().map(|operation| operation.id.collection());
        let ascending = draft.operations.is_sorted_by(|a, b| a.id < b.id);
        let alike = draft.operations.iter().all(|operation| {
            Some(operation.id.collection()) == collection
                && !matches!(operation.action, DraftAction::Delete { detach: true, .. })
        });
        let any = |wanted: fn(&DraftAction) -> bool| {
            draft.operations.iter().any(|operation| wanted(&operation.action))
        };
        // An edge that goes may make way for another between the same nodes.
        let frees = any(|action| matches!(action, DraftAction::Put { link: Some(_), .. }))
            || any(|action| matches!(action, DraftAction::Delete { .. }))
                && any(|action| matches!(action, DraftAction::Insert { link: Some(_), .. }));
        Self {
            index,
            past: None,
            changed: Map::default(),
            connected: Map::default(),
            disjoint: ascending && alike && !frees,
            keys: KeyJudge::new(index, keys, old),
        }
    }

    /// Has every operation see what the batches in `past` have changed.
    pub(in crate::json) fn after(mut self, past: &'a Past) -> Self {
        self.past = Some(past);
        self.disjoint = false;
        self.keys = self.keys.after(&past.owners);
        self
    }

    /// What this batch has changed.
    pub(in crate::json) fn into_past(self) -> Past {
        let Self { changed, connected, keys, .. } = self;
        Past { changed, connected, owners: keys.into_owners() }
    }

    pub(in crate::json) fn judge(&mut self, draft: &Draft) -> Vec<Verdict> {
        let each = draft.operations.iter().enumerate();
        each.map(|(at, operation)| self.judge_one(at, operation)).collect()
    }

    fn judge_one(&mut self, at: usize, operation: &DraftOperation) -> Verdict {
        let id = &operation.id;
        let mut detached = Vec::new();
        let mut ends = None;
        let mut parted = None;
        let outcome = match &operation.action {
            DraftAction::Insert { version, link } => {
                let outcome = match self.version(id) {
                    Some(_) => Outcome::duplicate("_id", id.clone()),
                    None => self.judge_new(at, id, link.as_deref(), Outcome::Written(*version)),
                };
                if outcome.is_written() {
                    self.note(id, Some(*version), link.as_deref());
                }
                outcome
            }
            DraftAction::Put { version, link } => {
                let found = self.version(id);
                let done = found.map_or(Outcome::Written(*version), |found| Outcome::Replaced {
                    version: *version,
                    found,
                });
                let outcome = self.judge_new(at, id, link.as_deref(), done);
                if outcome.is_written() {
                    parted = found.filter(|_| link.is_some()).map(Version::next);
                    self.note(id, Some(*version), link.as_deref());
                }
                outcome
            }
            DraftAction::Update { expected } => match self.version(id) {
                None => Outcome::Missing(id.clone()),
                Some(found) if found != *expected => {
                    Outcome::Conflict { expected: *expected, found }
                }
                Some(found) => match self.keys.refuse(at, id) {
                    Some(refused) => refused,
                    None => {
                        ends = self.inserted(id).map(|link| link.ends.clone());
                        self.note(id, Some(found.next()), None);
                        Outcome::Written(found.next())
                    }
                },
            },
            DraftAction::Delete { expected, detach } => match (self.version(id), *expected) {
                (None, _) => Outcome::Missing(id.clone()),
                (Some(found), Some(expected)) if found != expected => {
                    Outcome::Conflict { expected, found }
                }
                (Some(found), _) => {
                    if *detach && id.collection() == Collection::Node {
                        detached = self.detach(id);
                    }
                    self.note(id, None, None);
                    Outcome::Written(found.next())
                }
            },
        };
        if outcome.is_written() {
            self.keys.change(Some(at), id, self.disjoint);
            for (edge, _) in &detached {
                self.keys.change(None, edge, self.disjoint);
            }
        }
        let is_plain = detached.is_empty() && ends.is_none() && parted.is_none();
        let effects = (!is_plain).then(|| Box::new(Effects { detached, ends, parted }));
        Verdict { outcome, effects }
    }

    /// Notes what the new document `id` joins and returns `done`, or why it cannot be. That its nodes are
    /// joined already comes before keys, since whoever joins them wants nothing else.
    fn judge_new(&mut self, at: usize, id: &Id, link: Option<&Link>, done: Outcome) -> Outcome {
        let refused = link.and_then(|link| self.refuse_link(id, link));
        if let Some(refused) = refused.or_else(|| self.keys.refuse(at, id)) {
            return refused;
        }
        let Some(link) = link else { return done };
        // Noted for every edge: an edge that may be doubled still stands in the way of one that may not.
        let ends = &link.ends;
        let pairs = [(&ends.source, &ends.target), (&ends.target, &ends.source)];
        for (source, target) in pairs.into_iter().take(if ends.bidirectional { 2 } else { 1 }) {
            self.connected.entry((source.clone(), target.clone())).or_default().push(id.clone());
        }
        done
    }

    /// Why the new edge `id` cannot join what it is to join, if it cannot.
    fn refuse_link(&self, id: &Id, link: &Link) -> Option<Outcome> {
        for end in [&link.ends.source, &link.ends.target] {
            if self.version(end).is_none() {
                return Some(Outcome::Missing(end.clone()));
            }
        }
        let taken = link.unique.then(|| self.connection(id, link)).flatten();
        taken.map(|taken| Outcome::duplicate("connection", taken))
    }

    /// The edge that stands in the way of the new edge `id`, stored or earlier in this batch. An edge that
    /// is replaced does not stand in its own way.
    fn connection(&self, id: &Id, link: &Link) -> Option<Id> {
        let counts = |edge: &Id| edge != id && self.is_as_stored(edge);
        let stored = self.index.connection(id, &link.ends, counts);
        if let Some(taken) = stored {
            return Some(taken.clone());
        }
        let ends = &link.ends;
        let pairs = [(&ends.source, &ends.target), (&ends.target, &ends.source)];
        pairs.into_iter().take(if ends.bidirectional { 2 } else { 1 }).find_map(
            |(source, target)| {
                let pair = (source.clone(), target.clone());
                let past = self.past.and_then(|past| past.connected.get(&pair));
                past.into_iter()
                    .chain(self.connected.get(&pair))
                    .flatten()
                    .filter(|edge| edge.entity() == id.entity() && *edge != id)
                    .find(|edge| self.joins(edge, source, target))
                    .cloned()
            },
        )
    }

    /// Whether an edge that this batch has noted between two nodes still is there.
    fn joins(&self, edge: &Id, source: &Id, target: &Id) -> bool {
        // Nothing is noted of a batch that cannot meet itself, and nothing it inserts goes again.
        self.disjoint
            || self.inserted(edge).is_some_and(|Link { ends, .. }| {
                let (from, to) = (&ends.source, &ends.target);
                (from == source && to == target)
                    || (ends.bidirectional && from == target && to == source)
            })
    }

    /// Whether the stored edge still exists with the ends that the index knows.
    fn is_as_stored(&self, edge: &Id) -> bool {
        self.changed(edge).is_none_or(|(version, link)| version.is_some() && link.is_none())
    }

    /// What has become of a document, if anything has changed it.
    fn changed(&self, id: &Id) -> Option<&Changed> {
        let own = if self.changed.is_empty() { None } else { self.changed.get(id) };
        own.or_else(|| self.past?.changed.get(id))
    }

    /// What the existing edge `id` joins, when this batch has inserted it.
    fn inserted(&self, id: &Id) -> Option<&Link> {
        let (version, link) = self.changed(id)?;
        link.as_deref().filter(|_| version.is_some())
    }

    /// The edges that touch a node, as this batch has left them.
    fn detach(&mut self, node: &Id) -> Vec<(Id, Version)> {
        let edges = self.index.table(Collection::Edge);
        let stored = self
            .index
            .nodes()
            .ordinal(node)
            .into_iter()
            .flat_map(|node| self.index.edges_of(node).filter_map(|edge| edges.id(edge)));
        let stored = stored.filter(|edge| self.is_as_stored(edge));
        let touches = |(id, (_, link)): (&Id, &Changed)| {
            let ends = &link.as_ref()?.ends;
            (ends.source == *node || ends.target == *node).then(|| id.clone())
        };
        let past = self.past.into_iter().flat_map(|past| &past.changed);
        let past = past.filter(|(id, _)| !self.changed.contains_key(*id));
        let added = self.changed.iter().chain(past).filter_map(touches);
        let mut detached: Vec<(Id, Version)> = stored
            .chain(added)
            .filter_map(|edge| self.version(&edge).map(|version| (edge, version.next())))
            .collect();
        detached.sort_unstable();
        detached.dedup();
        for (edge, _) in &detached {
            self.note(edge, None, None);
        }
        detached
    }

    /// The version of a document as this batch has left it; `None` when it does not exist.
    fn version(&self, id: &Id) -> Option<Version> {
        if let Some((version, _)) = self.changed(id) {
            return *version;
        }
        let (_, record) = self.index.table(id.collection()).existing(id)?;
        Some(Version::new(record.state.version))
    }

    fn note(&mut self, id: &Id, version: Option<Version>, link: Option<&Link>) {
        if self.disjoint {
            return;
        }
        let before = || self.past.and_then(|past| past.changed.get(id).cloned());
        let entry = self.changed.entry(id.clone()).or_insert_with(|| before().unwrap_or_default());
        entry.0 = version;
        if let Some(link) = link {
            entry.1 = Some(Box::new(link.clone()));
        }
    }
}

impl Past {
    /// Adds what the next batch has changed.
    pub(in crate::json) fn extend(&mut self, next: Self) {
        self.changed.extend(next.changed);
        for (pair, edges) in next.connected {
            self.connected.entry(pair).or_default().extend(edges);
        }
        self.owners.extend(next.owners);
    }
}
