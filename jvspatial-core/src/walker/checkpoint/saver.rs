//! What writes the checkpoints of a walk.

use std::fmt;

use jvspatial_db::{Id, Version, WriteBatch};
use serde::Serialize;

use super::head::{Course, Head, Whole};
use super::name::{Part as Key, part_id};
use super::part::{Part, Past};
use crate::error::Result;
use crate::walker::Walker;

/// How many entries a part of the past has when it is full. It stays below a megabyte whatever their ids are.
pub(super) const PAST_ENTRIES: usize = 4_000;

/// Adds the head to a batch. A function because only where checkpoints are asked for it is known that the walker can be
/// stored.
pub(super) type AddHead<W> = fn(&mut WriteBatch, Id, Turn, &Head, &W) -> Result<()>;

/// Which checkpoint of a walk it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// The first, which gets this version.
    First(Version),
    /// The one after that with this version.
    After(Version),
}

/// What writes the checkpoints of a walk.
pub(in crate::walker) struct Saver<W: Walker> {
    pub(super) name: String,
    pub(super) id: Id,
    pub(super) course: Course,
    /// How many chunks have ended since the last checkpoint.
    pub(super) chunks: usize,
    /// The beginning of the keys of its parts.
    pub(super) token: String,
    /// The version that the first checkpoint gets. No two walks have the same, so that one is never taken for another.
    pub(super) first: Version,
    /// What of it is stored.
    pub(super) stored: Option<Stored>,
    /// What has happened that is in no full part yet.
    pub(super) tail: Vec<Past>,
    pub(super) add_head: AddHead<W>,
}

/// What of a checkpoint is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) version: Version,
    pub(super) past_parts: u32,
    pub(super) generation: u64,
    pub(super) parts: u32,
}

/// Adds a head to a batch.
pub(super) fn add_head<W: Serialize>(
    batch: &mut WriteBatch,
    id: Id,
    turn: Turn,
    head: &Head,
    state: &W,
) -> Result<()> {
    let whole = Whole { head, state };
    match turn {
        Turn::First(version) => {
            let envelope = jvspatial_db::Envelope { version, schema: 1, link: None };
            batch.insert_as(id, &whole, envelope)?;
        }
        Turn::After(version) => batch.update(id, version, &whole)?,
    }
    Ok(())
}

impl Stored {
    /// The ids of all its parts, or only of those that the next checkpoint replaces.
    pub(super) fn part_ids(&self, token: &str, with_past: bool) -> Result<Vec<Id>> {
        let past = if with_past { self.past_parts } else { 0 };
        let past = (0..past).map(Key::Past);
        let generation = self.generation;
        let now = (0..self.parts).map(|number| Key::Now { generation, number });
        past.chain(now).map(|part| part_id(token, part)).collect()
    }
}

impl<W: Walker> Saver<W> {
    /// Adds to `batch` all of the checkpoint but the head: what it replaces and its own parts. Returns what is stored
    /// then.
    pub(super) fn add_parts(&self, batch: &mut WriteBatch, parts: &[Part]) -> Result<Stored> {
        let (mut past_parts, mut generation, mut version) = (0, 0, self.first);
        if let Some(stored) = self.stored {
            past_parts = stored.past_parts;
            generation = stored.generation + 1;
            version = stored.version.next();
            for id in stored.part_ids(&self.token, false)? {
                batch.delete(id, None, false)?;
            }
        }
        for past in self.tail.chunks_exact(PAST_ENTRIES) {
            let part = Part { past: past.to_vec(), ..Part::default() };
            batch.insert(part_id(&self.token, Key::Past(past_parts))?, &part)?;
            past_parts += 1;
        }
        let mut number = 0;
        for part in parts {
            batch.insert(part_id(&self.token, Key::Now { generation, number })?, part)?;
            number += 1;
        }
        Ok(Stored { version, past_parts, generation, parts: number })
    }

    /// The checkpoint was written.
    pub(super) fn note_stored(&mut self, stored: Stored) {
        self.stored = Some(stored);
        self.chunks = 0;
        self.tail.drain(..self.tail.len() / PAST_ENTRIES * PAST_ENTRIES);
    }
}

impl<W: Walker> fmt::Debug for Saver<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saver")
            .field("name", &self.name)
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}
