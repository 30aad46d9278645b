//! Lines of the journal on their way into the index.

use super::ends::NewEdges;
use super::packed_id::{PackedId, Texts};
use super::runs::{Key, Kind, Run};
use super::table::{Row, State};
use crate::id::Id;

/// Committed lines of one segment, in the order of the journal, apart by collection.
///
/// Made to be used again and again, so that its memory is not asked for again and again.
#[derive(Debug, Default)]
pub(in crate::json) struct Chunk {
    pub columns: [Column; 4],
    /// The edges of its column.
    pub edges: NewEdges,
    /// How many lines of documents there are.
    pub documents: u64,
    pub tombstone_bytes: u64,
}

/// The lines of one collection; a tombstone is a row without a place.
#[derive(Debug)]
pub(in crate::json) struct Column {
    pub rows: Vec<Row>,
    texts: Texts,
    /// What the rows are as long as each is a new document with a newer generated key than the one
    /// before; ordinals are positions.
    pub(super) runs: Vec<Run>,
    pub(super) ascending: bool,
}

impl Default for Column {
    fn default() -> Self {
        Self { rows: Vec::new(), texts: Texts::default(), runs: Vec::new(), ascending: true }
    }
}

impl Column {
    pub(in crate::json) fn push(&mut self, id: &Id, state: State) {
        let id = self.texts.pack(id);
        self.add(id, state);
    }

    /// Adds the document whose id is of this kind and has this generated key.
    ///
    /// Inlined wherever it is called, so that a row is made where it is to stand: copying what was put
    /// together of small parts waits until they have left the processor.
    #[inline(always)]
    pub(in crate::json) fn push_keyed(&mut self, kind: Kind, key: Key, state: State) {
        if self.ascending {
            self.note(Run::one(kind, key, self.rows.len() as u32));
        }
        self.write(PackedId::of_key(kind, key), state);
    }

    fn add(&mut self, id: PackedId, state: State) {
        match id.keyed().filter(|_| state.exists()) {
            Some((kind, key)) if self.ascending => {
                self.note(Run::one(kind, key, self.rows.len() as u32));
            }
            Some(_) => {}
            None => self.ascending = false,
        }
        self.write(id, state);
    }

    #[inline(always)]
    fn write(&mut self, id: PackedId, state: State) {
        self.rows.push(Row { id, state });
    }

    #[inline(always)]
    fn note(&mut self, run: Run) {
        if self.runs.last_mut().is_some_and(|last| last.extend(&run)) {
            return;
        }
        if self.runs.last().is_some_and(|last| last.last_key() >= run.first_key()) {
            self.ascending = false;
            return;
        }
        self.runs.push(run);
    }

    /// Drops the lines from `len` on.
    pub(in crate::json) fn truncate(&mut self, len: usize) {
        let rows = std::mem::take(&mut self.rows);
        self.runs.clear();
        self.ascending = true;
        for row in rows.into_iter().take(len) {
            self.add(row.id, row.state);
        }
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.texts.clear();
        self.runs.clear();
        self.ascending = true;
    }

    /// Takes all lines out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Id, State)> {
        let Self { rows, texts, .. } = self;
        rows.drain(..).filter_map(|row| Some((texts.unpack(&row.id)?, row.state)))
    }
}

impl Chunk {
    /// How many lines it has.
    pub(in crate::json) fn len(&self) -> usize {
        self.columns.iter().map(|column| column.rows.len()).sum()
    }

    /// How many lines each of its columns has.
    pub(in crate::json) fn lengths(&self) -> [usize; 4] {
        self.columns.each_ref().map(|column| column.rows.len())
    }

    /// Sets the commit that the lines between two [lengths](Self::lengths) belong to.
    pub(in crate::json) fn set_sequence(
        &mut self,
        from: [usize; 4],
        to: [usize; 4],
        sequence: u64,
    ) {
        for (column, range) in self.columns.iter_mut().zip(from.into_iter().zip(to)) {
            for row in column.rows.get_mut(range.0..range.1).unwrap_or_default() {
                row.state.sequence = sequence;
            }
        }
    }

    /// Makes it as good as new.
    pub(in crate::json) fn clear(&mut self) {
        for column in &mut self.columns {
            column.clear();
        }
        self.edges.clear();
        (self.documents, self.tombstone_bytes) = (0, 0);
    }
}
