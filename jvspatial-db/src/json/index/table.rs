//! One collection in memory: where each document's line is, on dense ordinals.

use super::history::History;
use super::runs::Runs;
use super::slots::{Seed, Slots, Tag};
use crate::entity_name::EntityName;
use crate::error::{Error, Result};
use crate::id::{Handle, Id};

/// Where a document's line is in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::json) struct Place {
    /// Which of the open segments; see [`Segments`](super::super::segment::Segments).
    pub slot: u32,
    pub offset: u32,
    /// Bytes of the line, its end included; 0 when there is no document.
    pub len: u32,
    /// Bytes of the line before the user's fields.
    pub prefix: u16,
    /// Bytes after them, without the end of the line.
    pub suffix: u16,
}

/// What is known of a document without reading it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::json) struct State {
    pub version: u64,
    /// The commit that brought it about.
    pub sequence: u64,
    pub place: Place,
    /// The low half of the line's checksum, to verify what is read later.
    pub check: u32,
    pub schema: u32,
    /// Where the state before this one is in the history.
    pub older: u64,
}

impl State {
    pub(in crate::json) const fn exists(&self) -> bool {
        self.place.len != 0
    }
}

/// A document's id and state, in one cache line: a walk touches one of these for each node.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(in crate::json) struct Record {
    pub id: Id,
    pub state: State,
}

const _: () = assert!(size_of::<Record>() == 64);

/// Makes room for more records than asked for, in steps so large that few are ever moved: an allocator
/// moves what is aligned like them by copying it. Room that is not used costs no memory.
pub(super) fn make_room(records: &mut Vec<Record>, additional: usize) {
    let wanted = records.len() + additional;
    if wanted > records.capacity() && records.try_reserve_exact(wanted * 8 - records.len()).is_err()
    {
        records.reserve(additional);
    }
}

/// In the place of the state before: the ordinal was given back and has no document.
const FREE: u64 = u64::MAX;

impl Record {
    /// Whether this is the record of `id`. An ordinal that was given back keeps its id until the next
    /// document gets it.
    #[inline]
    pub(super) fn holds(&self, id: &Id) -> bool {
        self.id == *id && !self.is_free()
    }

    const fn is_free(&self) -> bool {
        self.state.older == FREE
    }
}

/// The documents of one collection by ordinal, and their ordinals by id.
///
/// An ordinal also stands for a node that only an edge knows, and for a document that is gone but
/// that a snapshot or a pin may still name; such a record has no place.
#[derive(Debug, Default)]
pub(in crate::json) struct Table {
    pub(super) records: Vec<Record>,
    /// The ordinals of ids that were given out together when the store was opened.
    pub(super) runs: Runs,
    /// The ordinals of all other ids.
    pub(super) ordinals: Slots,
    pub(super) seed: Seed,
    /// Ordinals to give out again.
    pub(super) free: Vec<u32>,
    /// Ordinals whose document is gone, until nothing can name them any more.
    retired: Vec<u32>,
    pub(super) live: u64,
}

impl Table {
    pub(in crate::json) const fn live(&self) -> u64 {
        self.live
    }

    pub(in crate::json) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(in crate::json) fn record(&self, ordinal: u32) -> Option<&Record> {
        self.records.get(ordinal as usize)
    }

    /// The ordinal of `id`, if it has one.
    pub(in crate::json) fn ordinal(&self, id: &Id) -> Option<u32> {
        let is_it = |ordinal: &u32| self.record(*ordinal).is_some_and(|record| record.holds(id));
        let in_run = self.runs.find(id).filter(is_it);
        in_run.or_else(|| self.ordinals.find(self.seed.tag(id), |ordinal| is_it(&ordinal)))
    }

    /// The ordinal of `id`, which has this tag and probably that ordinal.
    #[inline]
    pub(super) fn ordinal_at(&self, id: &Id, tag: Tag, candidate: u32) -> Option<u32> {
        let is_it = |ordinal: u32| self.record(ordinal).is_some_and(|record| record.holds(id));
        if is_it(candidate) {
            return Some(candidate);
        }
        let in_run = self.runs.find(id).filter(|ordinal| is_it(*ordinal));
        in_run.or_else(|| self.ordinals.find(tag, is_it))
    }

    /// The ordinal of a handle: by its hint when that still holds, else by its id.
    pub(in crate::json) fn resolve(&self, handle: &Handle) -> Option<u32> {
        // An ordinal that was given back keeps its id until the next document gets it.
        let holds = |record: &Record| record.state.exists() && record.id == *handle.id();
        handle
            .ordinal()
            .filter(|&hint| self.record(hint).is_some_and(holds))
            .or_else(|| self.ordinal(handle.id()))
    }

    /// The document of `id`, if it exists.
    pub(in crate::json) fn existing(&self, id: &Id) -> Option<(u32, &Record)> {
        let ordinal = self.ordinal(id)?;
        let record = self.record(ordinal)?;
        record.state.exists().then_some((ordinal, record))
    }

    /// The ordinal of `id`, which gets one if it has none.
    pub(in crate::json) fn intern(&mut self, id: &Id) -> Result<u32> {
        if let Some(ordinal) = self.ordinal(id) {
            return Ok(ordinal);
        }
        // Searches by entity rely on every stored name being interned; text from outside is not.
        if id.entity_name().is_none() {
            let _ = EntityName::of_stored(id.entity());
        }
        let record = Record { id: id.clone(), state: State::default() };
        let ordinal = match self.free.pop() {
            Some(ordinal) => ordinal,
            None => u32::try_from(self.records.len())
                .ok()
                .filter(|&ordinal| ordinal != u32::MAX)
                .ok_or_else(|| {
                Error::limit("collection is full")
                    .with("collection", id.collection())
                    .with("limit", u32::MAX)
            })?,
        };
        match self.records.get_mut(ordinal as usize) {
            Some(freed) => *freed = record,
            None => self.records.push(record),
        }
        self.ordinals.insert(self.seed.tag(id), ordinal);
        Ok(ordinal)
    }

    /// Gives the document at `ordinal` a new state; the old one goes to `history` if a snapshot needs it.
    pub(in crate::json) fn set(&mut self, ordinal: u32, mut state: State, history: &mut History) {
        let Some(record) = self.records.get_mut(ordinal as usize) else { return };
        state.older = history.keep(record.state, state.sequence);
        match (record.state.exists(), state.exists()) {
            (false, true) => self.live += 1,
            (true, false) => {
                self.live -= 1;
                self.retired.push(ordinal);
            }
            _ => {}
        }
        record.state = state;
    }

    /// The state of a document as it was at the commit `sequence`; `None` when it did not exist.
    pub(in crate::json) fn state_at(
        &self,
        ordinal: u32,
        sequence: u64,
        history: &History,
    ) -> Option<State> {
        let mut state = self.record(ordinal)?.state;
        while state.sequence > sequence {
            state = *history.get(state.older)?;
        }
        state.exists().then_some(state)
    }

    /// Notes that no edge knows the node at `ordinal` any more, should the node itself be gone.
    pub(in crate::json) fn retire_absent(&mut self, ordinal: u32) {
        if self.record(ordinal).is_some_and(|record| !record.state.exists()) {
            self.retired.push(ordinal);
        }
    }

    /// Frees the ordinals of documents that are gone, unless `in_use` says that one is still needed.
    /// To be called only when no snapshot and no pin can name them.
    pub(in crate::json) fn reclaim(&mut self, in_use: impl Fn(u32) -> bool) {
        for ordinal in std::mem::take(&mut self.retired) {
            let Some(record) = self.records.get(ordinal as usize) else { continue };
            if !record.state.exists() && !record.is_free() && !in_use(ordinal) {
                self.release(ordinal);
            }
        }
    }

    /// Gives an ordinal back.
    pub(super) fn release(&mut self, ordinal: u32) {
        let Some(record) = self.records.get_mut(ordinal as usize) else { return };
        // It stands there only if it is in no run.
        self.ordinals.remove(self.seed.tag(&record.id), ordinal);
        record.state = State { older: FREE, ..State::default() };
        self.free.push(ordinal);
    }

    pub(in crate::json) const fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Moves the document at `ordinal` from one slot and offset to another; returns both places, or `None`
    /// when it is not there any more.
    pub(in crate::json) fn relocate(
        &mut self,
        ordinal: u32,
        from: (u32, u32),
        to: (u32, u32),
    ) -> Option<(Place, Place)> {
        let place = &mut self.records.get_mut(ordinal as usize)?.state.place;
        let before = *place;
        if before.len == 0 || (before.slot, before.offset) != from {
            return None;
        }
        (place.slot, place.offset) = to;
        Some((before, *place))
    }
}
