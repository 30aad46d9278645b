//! The next commit in the making: batches are judged against the index and their lines gathered.

mod fresh;
mod judge;

use std::collections::HashSet;
use std::ops::Range;

use foldhash::fast::RandomState;

pub(super) use self::judge::{Effects, Judge, Past, Verdict};
use super::draft::{Draft, DraftAction, DraftOperation};
use super::index::{Change, Index, KeyChanges, Place, State};
use super::keys::{IndexKey, OldKeys};
use super::line;
use crate::document::Ends;
use crate::id::{Collection, Id};
use crate::version::Version;
use crate::write::WriteReport;

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
        let mut judge = Judge::new(index, draft, &draft.keys, old);
        let verdicts = judge.judge(draft);
        let (keys, owned) = judge.keys.into_parts(shared);
        if shared && !self.touched.admit(draft, &verdicts, owned.into_iter()) {
            return None;
        }
        if draft.atomic
            && let Some(report) = Verdict::refuse_all(&verdicts)
        {
            return Some(report);
        }
        let mut report = WriteReport::default();
        report.outcomes.reserve(verdicts.len());
        let complete = verdicts.iter().all(|verdict| verdict.outcome.is_written());
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
