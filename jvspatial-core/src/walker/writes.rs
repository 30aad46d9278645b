//! The writes of a walk, gathered into batches.

mod held;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;
use jvspatial_db::{
    Body, Document, Effect, Encoding, Ends, EntityName, Id, Link, Outcome, Version, WriteBatch,
    codec,
};
use tokio::time::Instant;

use super::frontier::Pending;
use super::limits::Limit;
use super::staged::{Counts, Operation, Recent, Save, Staged, Unwritten};
use super::writing::Writing;
use crate::entity::{Entity, Stored};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes of fields that wait for a batch to fill.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Writes that hooks asked for and that are not written yet, and counts of those that are.
#[derive(Debug)]
pub(super) struct Writes {
    pub(super) options: Options,
    waiting: VecDeque<Staged>,
    /// How many of those that wait are in the batch that is being written; they change no more.
    sent: usize,
    /// Where in `waiting` the newest write of a document is, counted from the first that ever waited.
    places: HashMap<Id, usize, RandomState>,
    /// How many writes have left `waiting`.
    gone: usize,
    /// The bytes of those that were not sent.
    bytes: usize,
    /// How many of those that were not sent change which nodes there are or how they are joined.
    structural: usize,
    /// When the oldest of those that were not sent came to wait, if age counts.
    since: Option<Instant>,
    /// How many were ever asked for.
    asked: u64,
    /// Counts what hooks asked for, also where it went into a write that waited already.
    touches: u64,
    /// The limit that kept a write from being taken up.
    refused: Option<Limit>,
    /// Whether a save was refused as outdated by a write that waits.
    contested: bool,
    writing: Option<Writing>,
    /// What was written since a chunk was loaded that is still to be visited, in whole or in part.
    recent: HashMap<Id, Recent, RandomState>,
    /// The same, from before the chunk under way.
    earlier: HashMap<Id, Recent, RandomState>,
    /// Whether the next chunk is loaded meanwhile.
    pub(super) looks_ahead: bool,
    pub(super) counts: Counts,
}

/// How a walk writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) encoding: Encoding,
    pub(super) batch_size: usize,
    pub(super) max_age: Option<Duration>,
    pub(super) max_writes: Option<u64>,
    /// Whether writes are made before the end of their chunk.
    pub(super) immediate: bool,
    /// Whether they wait for a checkpoint, which is written together with them.
    pub(super) held: bool,
}

impl Writes {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            waiting: VecDeque::new(),
            sent: 0,
            places: HashMap::default(),
            gone: 0,
            bytes: 0,
            structural: 0,
            since: None,
            asked: 0,
            touches: 0,
            refused: None,
            contested: false,
            writing: None,
            recent: HashMap::default(),
            earlier: HashMap::default(),
            looks_ahead: false,
            counts: Counts::default(),
        }
    }

    /// Takes up the save of `stored` and gives it the version that it will have then.
    ///
    /// A document that already waits to be sent is written once, with the newest fields and the version that its
    /// first save expected.
    pub(super) fn save<T: Entity>(
        &mut self,
        stored: &mut Stored<T>,
        by: Option<Box<Pending>>,
    ) -> Result<()> {
        let mut fields = Vec::new();
        stored.encode_fields(self.options.encoding, &mut fields)?;
        let body = Body::new(self.options.encoding, fields.into());
        let save =
            Save { id: stored.id(), expected: stored.version(), schema: T::SCHEMA, body: &body };
        if let Some(version) = self.stage_save(save, by)? {
            stored.saved(version, Some(body));
        }
        Ok(())
    }

    /// Takes up a save, and tells the version that the document will have; none when a limit forbids it.
    fn stage_save(
        &mut self,
        Save { id, expected, schema, body }: Save<'_>,
        by: Option<Box<Pending>>,
    ) -> Result<Option<Version>> {
        let place = self.place(id);
        let (expected, replaced) = match place.map(|place| (place, &self.waiting[place].operation))
        {
            None => (expected, None),
            Some((_, Operation::Delete { .. })) => {
                return Err(Outcome::Missing(id.clone())
                    .into_result(id)
                    .map(drop)
                    .err()
                    .map_or_else(
                        || Error::new(ErrorKind::NotFound, "document does not exist"),
                        Error::from,
                    ));
            }
            Some((place, Operation::Save { expected: first, .. })) => {
                let first = *first;
                self.check_version(id, expected, first.next())?;
                if place < self.sent { (first.next(), None) } else { (first, Some(place)) }
            }
            Some((_, Operation::Create { .. })) => {
                self.check_version(id, expected, Version::FIRST)?;
                (Version::FIRST, None)
            }
        };
        if let Some(place) = replaced {
            let bytes = body.as_bytes().len();
            if let Some(Staged {
                operation: Operation::Save { body: before, schema: was, .. },
                touched,
                ..
            }) = self.waiting.get_mut(place)
            {
                self.bytes = self.bytes + bytes - before.as_bytes().len();
                *before = body.clone();
                *was = schema;
                self.touches += 1;
                *touched = self.touches;
            }
            return Ok(Some(expected.next()));
        }
        let operation = Operation::Save { expected, schema, body: body.clone() };
        Ok(self.stage(id.clone(), operation, by).then(|| expected.next()))
    }

    /// Takes up the creation of `value` as `id`.
    pub(super) fn create<T: Entity>(
        &mut self,
        id: Id,
        value: &T,
        ends: Option<Ends>,
        unique: bool,
    ) -> Result<()> {
        let encoding = self.options.encoding;
        let mut fields = Vec::new();
        codec::encode(encoding, value, &mut fields).map_err(|error| error.with("id", &id))?;
        let body = Body::new(encoding, fields.into());
        let link = ends.map(|ends| Box::new(Link { ends, unique }));
        self.stage(id, Operation::Create { schema: T::SCHEMA, body, link }, None);
        Ok(())
    }

    /// Takes up the removal of `id`, if it has the version `expected` then.
    pub(super) fn delete(&mut self, id: Id, expected: Option<Version>, by: Option<Box<Pending>>) {
        self.stage(id, Operation::Delete { expected }, by);
    }

    /// Refuses a copy that is older than the write that waits.
    fn check_version(&mut self, id: &Id, expected: Version, found: Version) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        self.contested = true;
        Ok(Outcome::Conflict { expected, found }.into_result(id).map(drop)?)
    }

    /// Where the next write will be, counted from the first that ever waited.
    pub(super) fn next_place(&self) -> usize {
        self.gone + self.waiting.len()
    }

    /// The edges between two nodes, whose creation waits before `place`.
    pub(super) fn connections(&self, place: usize, entity: EntityName, ends: &Ends) -> Vec<Id> {
        let joins = |staged: &&Staged| match &staged.operation {
            Operation::Create { link: Some(link), .. } if staged.id.is_entity(entity) => {
                let Ends { source, target, bidirectional } = &link.ends;
                (*source == ends.source && *target == ends.target)
                    || (*bidirectional && *source == ends.target && *target == ends.source)
            }
            _ => false,
        };
        let earlier = self.waiting.iter().take(place.saturating_sub(self.gone));
        earlier.filter(joins).map(|staged| staged.id.clone()).collect()
    }

    /// Takes up removals at `place`, between the writes before and after it.
    pub(super) fn delete_at(&mut self, place: usize, ids: impl IntoIterator<Item = Id>) {
        let place = place.saturating_sub(self.gone).clamp(self.sent, self.waiting.len());
        let after = self.waiting.split_off(place);
        for id in ids {
            self.delete(id, None, None);
        }
        for staged in after {
            self.places.insert(staged.id.clone(), self.gone + self.waiting.len());
            self.waiting.push_back(staged);
        }
    }

    /// Puts a write last, unless a limit forbids it.
    fn stage(&mut self, id: Id, operation: Operation, by: Option<Box<Pending>>) -> bool {
        if let Some(most) = self.options.max_writes
            && self.asked >= most
        {
            self.refused = Some(Limit::Writes(most));
            return false;
        }
        self.asked += 1;
        self.bytes += operation.bytes();
        self.structural += usize::from(operation.is_structural());
        if self.since.is_none() && self.options.max_age.is_some() {
            self.since = Some(Instant::now());
        }
        self.places.insert(id.clone(), self.gone + self.waiting.len());
        self.touches += 1;
        let touched = self.touches;
        self.waiting.push_back(Staged { id, operation, touched, by });
        true
    }

    /// Takes over the writes of later visits, which knew nothing of the ones here but the documents they had read.
    pub(super) fn absorb(&mut self, later: Self) -> Result<()> {
        for Staged { id, operation, by, .. } in later.waiting {
            match operation {
                Operation::Save { expected, schema, body } => {
                    self.stage_save(Save { id: &id, expected, schema, body: &body }, by)?;
                }
                operation => {
                    self.stage(id, operation, by);
                }
            }
        }
        if self.refused.is_none() {
            self.refused = later.refused;
        }
        Ok(())
    }

    /// The limit that kept a write from being taken up.
    pub(super) const fn refused(&self) -> Option<Limit> {
        self.refused
    }

    fn place(&self, id: &Id) -> Option<usize> {
        self.places.get(id).map(|place| place - self.gone)
    }

    /// Brings a document just loaded up to the writes of it that still wait, so that the walk reads what
    /// it has written. `false` when it is to be removed.
    pub(super) fn overlay(&self, document: &mut Document) -> bool {
        if self.is_untouched() {
            return true;
        }
        let Some(place) = self.place(&document.id) else { return self.recall(document) };
        match &self.waiting[place].operation {
            Operation::Save { expected, schema, body } => {
                document.version = expected.next();
                document.schema = *schema;
                document.body = body.clone();
                true
            }
            Operation::Create { .. } => true,
            Operation::Delete { .. } => false,
        }
    }

    /// Brings a document up to what was written of it since the chunk was loaded.
    fn recall(&self, document: &mut Document) -> bool {
        let recent = self.recent.get(&document.id).or_else(|| self.earlier.get(&document.id));
        match recent {
            None => true,
            Some(Recent { saved: None, .. }) => false,
            // It may have been loaded after the write, and then somebody may have changed it since.
            Some(Recent { saved: Some((version, ..)), .. }) if document.version >= *version => true,
            Some(Recent { saved: Some((version, schema, body)), .. }) => {
                document.version = *version;
                document.schema = *schema;
                document.body = body.clone();
                true
            }
        }
    }

    /// From here on writes may be made before the end of their chunk.
    pub(super) const fn interrupt(&mut self) {
        self.options.immediate = true;
    }

    /// Another chunk is loaded, at the earliest while the one before was visited.
    pub(super) fn begin_chunk(&mut self) {
        self.earlier.clear();
        if self.looks_ahead {
            std::mem::swap(&mut self.recent, &mut self.earlier);
        } else {
            self.recent.clear();
        }
    }

    /// A mark to tell later writes from those so far.
    pub(super) const fn mark(&self) -> u64 {
        self.touches
    }

    /// Whether a write of `id` waits that was asked for, or changed, after `mark`.
    pub(super) fn is_newer(&self, id: &Id, mark: u64) -> bool {
        self.place(id).is_some_and(|place| self.waiting[place].touched > mark)
            || self.recent.get(id).is_some_and(|recent| recent.touched > mark)
    }

    /// Whether later writes are what they would be if those here had been known: none of what was written after
    /// `mark`, and of what was written before in the version that it has then.
    pub(super) fn can_absorb(&self, later: &Self, mark: u64) -> bool {
        later.waiting.iter().all(|Staged { id, operation, .. }| {
            let Some(place) = self.place(id) else { return !self.is_newer(id, mark) };
            let earlier = &self.waiting[place];
            let is_next = match (&earlier.operation, operation) {
                (Operation::Save { expected: before, .. }, Operation::Save { expected, .. }) => {
                    before.next() == *expected
                }
                (Operation::Create { .. }, Operation::Save { expected, .. }) => {
                    *expected == Version::FIRST
                }
                (Operation::Delete { .. }, _) => false,
                (_, Operation::Create { .. } | Operation::Delete { .. }) => true,
            };
            is_next && earlier.touched <= mark
        })
    }

    /// Whether the limit of writes has room for later ones.
    pub(super) fn has_room_for(&self, later: &Self) -> bool {
        let most = self.options.max_writes;
        later.refused.is_none()
            && !later.contested
            && most.is_none_or(|most| self.asked + later.asked <= most)
    }

    /// Whether something waits that changes what can be followed.
    pub(super) const fn is_structural(&self) -> bool {
        self.structural > 0
    }

    /// Whether a batch is due.
    pub(super) fn is_due(&self) -> bool {
        self.waiting.len() - self.sent >= self.options.batch_size
            || self.bytes >= MAX_WAITING_BYTES
            || self.is_old()
    }

    fn is_old(&self) -> bool {
        match (self.since, self.options.max_age) {
            (Some(since), Some(age)) => since.elapsed() >= age,
            _ => false,
        }
    }

    /// Whether nothing waits to be sent, or to be heard of.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.writing.is_none()
    }

    /// Whether nothing was written that what is loaded may lack.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_settled() && self.recent.is_empty() && self.earlier.is_empty()
    }

    /// Whether there is nothing to be sent.
    pub(super) fn is_sent(&self) -> bool {
        self.waiting.len() == self.sent
    }

    /// Hands the oldest writes over as a batch; the one before must be settled. When one of them cannot be part
    /// of a batch, all go on waiting.
    pub(super) async fn send(
        &mut self,
        database: &std::sync::Arc<dyn jvspatial_db::Database>,
    ) -> Result<()> {
        let count = self.waiting.len().min(self.options.batch_size);
        let mut batch = WriteBatch::new(self.options.encoding);
        for Staged { id, operation, .. } in self.waiting.iter().take(count) {
            operation.add_to(&mut batch, id)?;
        }
        for Staged { operation, .. } in self.waiting.iter().take(count) {
            self.bytes -= operation.bytes();
            self.structural -= usize::from(operation.is_structural());
        }
        self.sent = count;
        self.since = self.since.filter(|_| count < self.waiting.len());
        self.counts.batches += 1;
        self.writing = Some(Writing::begin(database, batch).await);
        Ok(())
    }

    /// Waits for the batch that is being written, and returns the writes that came to nothing.
    pub(super) async fn settle(&mut self) -> Result<Vec<Unwritten>> {
        let Some(under_way) = self.writing.take() else { return Ok(Vec::new()) };
        let report = under_way.finish().await;
        let count = std::mem::take(&mut self.sent);
        let mut unwritten = Vec::new();
        let mut result = Ok(());
        let mut outcomes = match report {
            Ok(report) => report.outcomes.into_iter(),
            Err(error) => {
                match error.effect() {
                    Effect::None => self.counts.lost += count as u64,
                    Effect::Unknown => self.counts.uncertain += count as u64,
                }
                result = Err(error);
                Vec::new().into_iter()
            }
        };
        for (place, staged) in (self.gone..).zip(self.waiting.drain(..count)) {
            if self.places.get(&staged.id) == Some(&place) {
                self.places.remove(&staged.id);
            }
            if let Some(outcome) = outcomes.next() {
                if (self.options.immediate || self.looks_ahead)
                    && outcome.is_written()
                    && let Some(recent) = staged.written()
                {
                    self.recent.insert(staged.id.clone(), recent);
                }
                unwritten.extend(self.counts.note(staged, outcome));
            }
        }
        self.gone += count;
        result?;
        Ok(unwritten)
    }

    /// Forgets what waits to be sent, and counts it as lost.
    pub(super) fn drop_waiting(&mut self) {
        for staged in self.waiting.drain(self.sent..) {
            self.counts.lost += 1;
            self.places.remove(&staged.id);
        }
        (self.bytes, self.structural, self.since) = (0, 0, None);
    }

    /// Adds to the error that ended the walk what became of the writes, if there were any.
    pub(super) fn account(&self, error: Error) -> Error {
        let Counts { written, lost, uncertain, .. } = self.counts;
        let dropped = lost + self.waiting.len() as u64;
        if written + uncertain + dropped == 0 {
            return error;
        }
        let error = error.with("writes made", written).with("writes dropped", dropped);
        match uncertain {
            0 => error,
            uncertain => error.with("writes uncertain", uncertain),
        }
    }
}
