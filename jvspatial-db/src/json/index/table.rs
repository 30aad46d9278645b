//! One collection in memory: where each document's line is, on dense ordinals.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::array::Array;
use super::history::History;
use super::packed_id::{PackedId, Texts};
use super::runs::Runs;
use super::slots::{Seed, Slots, Tag};
use crate::entity_name::EntityName;
use crate::error::{Error, Result};
use crate::id::{Handle, Id};

/// Where a document's line is in the journal.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
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
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
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
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub(in crate::json) struct Row {
    pub(super) id: PackedId,
    pub state: State,
}

const _: () = assert!(size_of::<Row>() == 64);

/// In the place of the state before: the ordinal was given back and has no document.
const FREE: u64 = u64::MAX;

impl Row {
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
    pub(super) rows: Array<Row>,
    pub(super) texts: Texts,
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

    /// How many ordinals there are, free ones included.
    pub(in crate::json) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The ordinals from `first` on, free ones included, and their ids.
    pub(in crate::json) fn ids(&self, first: usize) -> impl Iterator<Item = (u32, Id)> {
        let rows = self.rows.get(first..).unwrap_or_default();
        let ordinals = u32::try_from(first).unwrap_or(u32::MAX)..;
        ordinals.zip(rows).filter_map(|(ordinal, row)| Some((ordinal, self.texts.unpack(&row.id)?)))
    }

    #[inline]
    pub(in crate::json) fn row(&self, ordinal: u32) -> Option<&Row> {
        self.rows.get(ordinal as usize)
    }

    #[inline]
    pub(in crate::json) fn id(&self, ordinal: u32) -> Option<Id> {
        self.texts.unpack(&self.row(ordinal)?.id)
    }

    /// Whether `id` has this ordinal. One that was given back keeps its id until the next document gets it.
    #[inline]
    fn holds(&self, ordinal: u32, id: &Id) -> bool {
        self.row(ordinal).is_some_and(|row| !row.is_free() && self.texts.is(&row.id, id))
    }

    /// The ordinal of `id`, if it has one.
    pub(in crate::json) fn ordinal(&self, id: &Id) -> Option<u32> {
        let in_run = self.runs.find(id).filter(|ordinal| self.holds(*ordinal, id));
        in_run.or_else(|| self.ordinals.find(self.seed.tag(id), |ordinal| self.holds(ordinal, id)))
    }

    /// The ordinal of `id`, which has this tag and probably that ordinal.
    #[inline]
    pub(super) fn ordinal_at(&self, id: &Id, tag: Tag, candidate: u32) -> Option<u32> {
        if self.holds(candidate, id) {
            return Some(candidate);
        }
        let in_run = self.runs.find(id).filter(|ordinal| self.holds(*ordinal, id));
        in_run.or_else(|| self.ordinals.find(tag, |ordinal| self.holds(ordinal, id)))
    }

    /// The ordinal of a handle: by its hint when that still holds, else by its id.
    pub(in crate::json) fn resolve(&self, handle: &Handle) -> Option<u32> {
        // An ordinal that was given back keeps its id until the next document gets it.
        let holds = |row: &Row| row.state.exists() && self.texts.is(&row.id, handle.id());
        handle
            .ordinal()
            .filter(|&hint| self.row(hint).is_some_and(holds))
            .or_else(|| self.ordinal(handle.id()))
    }

    /// The document of `id`, if it exists.
    pub(in crate::json) fn existing(&self, id: &Id) -> Option<(u32, &Row)> {
        let ordinal = self.ordinal(id)?;
        let row = self.row(ordinal)?;
        row.state.exists().then_some((ordinal, row))
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
        if self.free.is_empty() && self.rows.len() >= u32::MAX as usize {
            return Err(Error::limit("collection is full")
                .with("collection", id.collection())
                .with("limit", u32::MAX));
        }
        let ordinal = self.put(id, State::default());
        self.ordinals.insert(self.seed.tag(id), ordinal);
        Ok(ordinal)
    }

    /// Gives `id` an ordinal, which there must be; it is not found by its id yet.
    pub(super) fn put(&mut self, id: &Id, state: State) -> u32 {
        let row = Row { id: self.texts.pack(id), state };
        let freed = self.free.pop();
        match freed.and_then(|ordinal| Some((ordinal, self.rows.get_mut(ordinal as usize)?))) {
            Some((ordinal, freed)) => {
                self.texts.free(&freed.id);
                *freed = row;
                ordinal
            }
            None => {
                self.rows.push(&row);
                (self.rows.len() - 1) as u32
            }
        }
    }

    /// Gives the document at `ordinal` a new state; the old one goes to `history` if a snapshot needs it.
    pub(in crate::json) fn set(&mut self, ordinal: u32, mut state: State, history: &mut History) {
        let Some(record) = self.rows.get_mut(ordinal as usize) else { return };
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
        let mut state = self.row(ordinal)?.state;
        while state.sequence > sequence {
            state = *history.get(state.older)?;
        }
        state.exists().then_some(state)
    }

    /// Notes that no edge knows the node at `ordinal` any more, should the node itself be gone.
    pub(in crate::json) fn retire_absent(&mut self, ordinal: u32) {
        if self.row(ordinal).is_some_and(|row| !row.state.exists()) {
            self.retired.push(ordinal);
        }
    }

    /// Frees the ordinals of documents that are gone, unless `in_use` says that one is still needed.
    /// To be called only when no snapshot and no pin can name them.
    pub(in crate::json) fn reclaim(&mut self, in_use: impl Fn(u32) -> bool) {
        for ordinal in std::mem::take(&mut self.retired) {
            let Some(record) = self.rows.get(ordinal as usize) else { continue };
            if !record.state.exists() && !record.is_free() && !in_use(ordinal) {
                self.release(ordinal);
            }
        }
    }

    /// Gives an ordinal back.
    pub(super) fn release(&mut self, ordinal: u32) {
        let Some(id) = self.id(ordinal) else { return };
        // It stands there only if it is in no run.
        self.ordinals.remove(self.seed.tag(&id), ordinal);
        let Some(record) = self.rows.get_mut(ordinal as usize) else { return };
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
        let place = &mut self.rows.get_mut(ordinal as usize)?.state.place;
        let before = *place;
        if before.len == 0 || (before.slot, before.offset) != from {
            return None;
        }
        (place.slot, place.offset) = to;
        Some((before, *place))
    }
}
