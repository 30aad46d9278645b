//! The next commit in the making: batches are judged against the index and their lines gathered.

mod fresh;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::draft::{Draft, DraftAction, DraftOperation};
use super::index::{Change, Index, KeyChanges, Place, State};
use super::keys::{IndexKey, KeyJudge, OldKeys};
use super::line;
use crate::document::Ends;
use crate::id::{Collection, Id};
use crate::version::Version;
use crate::write::{Link, Outcome, WriteReport};

type Map<K, V> = HashMap<K, V, RandomState>;
type Set<K> = HashSet<K, RandomState>;

/// The lines and changes of one commit.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub bytes: Vec<u8>,
    pub checksums: Vec<u64>,
    /// The changes; their places count from the start of `bytes` until the commit is written.
    pub changes: Vec<Change>,
    /// The bytes of lines that say that a document is gone.
    pub tombstone_bytes: u64,
    /// What changes in the indexes.
    pub keys: KeyChanges,
    touched: Touched,
}

/// What the staged batches read and wrote: a batch that meets any of it must wait for the commit, since
/// it has to be judged by what is then in the index.
#[derive(Debug, Default)]
struct Touched {
    written: Set<Id>,
    required: Set<Id>,
    connected: Set<[Id; 2]>,
    /// Keys of unique indexes that change hands.
    keys: Set<IndexKey>,
}

impl Stage {
    /// Judges a batch and adds what it changes; `None` when it meets a batch that is already staged.
    ///
    /// `shared` says whether another batch may follow before the commit.
    pub(super) fn add(
        &mut self,
        index: &Index,
        draft: &mut Draft,
        old: &OldKeys,
        shared: bool,
    ) -> Option<WriteReport> {
        if !shared && let Some(report) = self.add_fresh(index, draft) {
            return Some(report);
        }
        let mut judge = Judge::new(index, draft, old);
        let verdicts = judge.judge(draft);
        let (keys, owned) = judge.keys.into_parts(shared);
        if shared && !self.touched.admit(draft, &verdicts, owned.into_iter()) {
            return None;
        }
        let mut report = WriteReport::default();
        report.outcomes.reserve(verdicts.len());
        let complete = verdicts.iter().all(|verdict| verdict.outcome.is_written());
        if draft.atomic && !complete {
            report.outcomes.extend(verdicts.into_iter().map(|verdict| match verdict.outcome {
                done if done.is_written() => Outcome::Skipped,
                failed => failed,
            }));
            return Some(report);
        }
        self.keys.extend(keys, &mut draft.keys);
        let as_it_is = self.bytes.is_empty()
            && complete
            && verdicts.iter().all(|verdict| verdict.parted().is_none())
            && draft.operations.iter().all(DraftOperation::is_spelled);
        if as_it_is {
            self.bytes = std::mem::take(&mut draft.lines);
        }
        for (operation, verdict) in draft.operations.iter_mut().zip(verdicts) {
            if let Some(version) = verdict.outcome.version() {
                let Effects { ends, detached, parted } =
                    verdict.effects.map(|effects| *effects).unwrap_or_default();
                if let Some(version) = parted {
                    self.push_tombstone(operation.id.clone(), version);
                }
                self.push(index, &draft.lines, operation, (version, ends), as_it_is);
                report.detached += detached.len() as u64;
                for (edge, version) in detached {
                    self.push_tombstone(edge, version);
                }
            }
            report.outcomes.push(verdict.outcome);
        }
        Some(report)
    }

    fn push(
        &mut self,
        index: &Index,
        lines: &[u8],
        operation: &mut DraftOperation,
        (version, ends): (Version, Option<Ends>),
        as_it_is: bool,
    ) {
        let id = operation.id.clone();
        let link = match &mut operation.action {
            DraftAction::Delete { .. } => return self.push_tombstone(id, version),
            DraftAction::Insert { link, .. } | DraftAction::Put { link, .. } => link.take(),
            DraftAction::Update { .. } => None,
        };
        let mut span = operation.line.clone();
        let (mut suffix, mut checksum) = (operation.suffix, operation.checksum);
        if !as_it_is {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(lines.get(span).unwrap_or_default());
            if !operation.is_spelled() {
                let edge = index.table(Collection::Edge).ordinal(&id);
                let ends = ends.or_else(|| index.ends(edge?));
                suffix = line::push_suffix(&mut self.bytes, ends.as_ref());
                checksum = line::line_checksum(self.bytes.get(start..).unwrap_or_default());
            }
            span = start..self.bytes.len();
        }
        let state = state_of(operation, version, span, (suffix, checksum));
        self.checksums.push(checksum);
        self.changes.push(Change { id, state, link });
    }

    fn push_tombstone(&mut self, id: Id, version: Version) {
        let start = self.bytes.len();
        line::push_tombstone(&mut self.bytes, &id, version.get());
        self.checksums.push(line::line_checksum(self.bytes.get(start..).unwrap_or_default()));
        self.tombstone_bytes += (self.bytes.len() - start) as u64;
        self.changes.push(Change { id, state: State::default(), link: None });
    }
}

/// The state of a document whose line stands at `span`, with an end of so many bytes and this checksum.
fn state_of(
    operation: &DraftOperation,
    version: Version,
    span: Range<usize>,
    (suffix, checksum): (u16, u64),
) -> State {
    let place = Place {
        slot: 0,
        // A batch has at most 256 MiB.
        offset: span.start as u32,
        len: (span.end - span.start) as u32,
        prefix: operation.prefix,
        suffix,
    };
    State {
        version: version.get(),
        place,
        check: checksum as u32,
        schema: operation.schema,
        ..State::default()
    }
}

/// What is to become of one operation.
struct Verdict {
    outcome: Outcome,
    /// What most operations do not have: a large batch has many verdicts.
    effects: Option<Box<Effects>>,
}

/// What an operation does besides writing its own document's line.
#[derive(Default)]
struct Effects {
    /// The edges that go with a node, and their versions after.
    detached: Vec<(Id, Version)>,
    /// The ends of an updated edge that this batch has inserted.
    ends: Option<Ends>,
    /// The version at which an edge goes before it is put between other nodes: as long as it exists, an
    /// edge keeps its ends.
    parted: Option<Version>,
}

impl Verdict {
    fn parted(&self) -> Option<Version> {
        self.effects.as_ref()?.parted
    }

    fn detached(&self) -> &[(Id, Version)] {
        self.effects.as_ref().map_or(&[], |effects| &effects.detached)
    }
}

/// Judges the operations of one batch in order, each seeing the ones before it.
struct Judge<'a> {
    index: &'a Index,
    /// Documents that this batch changed so far: version, or none, and ends.
    changed: Map<Id, (Option<Version>, Option<Box<Link>>)>,
    /// Pairs of nodes that this batch joined so far, by the edge's id.
    connected: Map<(Id, Id), Vec<Id>>,
    /// Whether no operation can meet another one of the batch, so that nothing need be noted.
    disjoint: bool,
    keys: KeyJudge<'a>,
}

impl<'a> Judge<'a> {
    fn new(index: &'a Index, draft: &'a Draft, old: &'a OldKeys) -> Self {
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
            changed: Map::default(),
            connected: Map::default(),
            disjoint: ascending && alike && !frees,
            keys: KeyJudge::new(index, &draft.keys, old),
        }
    }

    fn judge(&mut self, draft: &Draft) -> Vec<Verdict> {
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
                let edges = self.connected.get(&(source.clone(), target.clone()))?;
                edges
                    .iter()
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
        self.changed.get(edge).is_none_or(|(version, link)| version.is_some() && link.is_none())
    }

    /// What the existing edge `id` joins, when this batch has inserted it.
    fn inserted(&self, id: &Id) -> Option<&Link> {
        let (version, link) = self.changed.get(id)?;
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
        let added = self.changed.iter().filter_map(|(id, (_, link))| {
            let ends = &link.as_ref()?.ends;
            (ends.source == *node || ends.target == *node).then(|| id.clone())
        });
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
        if !self.changed.is_empty()
            && let Some((version, _)) = self.changed.get(id)
        {
            return *version;
        }
        let (_, record) = self.index.table(id.collection()).existing(id)?;
        Some(Version::new(record.state.version))
    }

    fn note(&mut self, id: &Id, version: Option<Version>, link: Option<&Link>) {
        if self.disjoint {
            return;
        }
        let entry = self.changed.entry(id.clone()).or_default();
        entry.0 = version;
        if let Some(link) = link {
            entry.1 = Some(Box::new(link.clone()));
        }
    }
}

impl Touched {
    /// Notes what a batch touches, unless it meets something noted before.
    fn admit(
        &mut self,
        draft: &Draft,
        verdicts: &[Verdict],
        keys: impl Iterator<Item = IndexKey>,
    ) -> bool {
        let mut new = Self { keys: keys.collect(), ..Self::default() };
        for (operation, verdict) in draft.operations.iter().zip(verdicts) {
            new.written.insert(operation.id.clone());
            new.written.extend(verdict.detached().iter().map(|(edge, _)| edge.clone()));
            if let DraftAction::Insert { link: Some(link), .. }
            | DraftAction::Put { link: Some(link), .. } = &operation.action
            {
                let mut pair = [link.ends.source.clone(), link.ends.target.clone()];
                new.required.extend(pair.iter().cloned());
                pair.sort_unstable();
                new.connected.insert(pair);
            }
        }
        let free = new.written.is_disjoint(&self.written)
            && new.written.is_disjoint(&self.required)
            && new.required.is_disjoint(&self.written)
            && new.connected.is_disjoint(&self.connected)
            && new.keys.is_disjoint(&self.keys);
        if free {
            self.keys.extend(new.keys);
            self.written.extend(new.written);
            self.required.extend(new.required);
            self.connected.extend(new.connected);
        }
        free
    }
}
