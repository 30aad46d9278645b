//! The saves of a walk, gathered into batches.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use jvspatial_db::{Body, Database, Document, Effect, Encoding, Id, Outcome, Version, WriteBatch};

use crate::entity::{Entity, Stored};
use crate::error::{Error, Result};

/// The most bytes of fields that wait for a batch to fill.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Saves that hooks asked for and that are not written yet, and counts of those that are.
#[derive(Debug)]
pub(super) struct Saves {
    encoding: Encoding,
    batch_size: usize,
    waiting: VecDeque<Save>,
    /// Where in `waiting` a document is, counted from the first save that ever waited.
    places: HashMap<Id, usize, RandomState>,
    /// How many saves have left `waiting`.
    gone: usize,
    bytes: usize,
    written: u64,
    lost: u64,
    uncertain: u64,
    batches: u64,
}

/// The save of one document.
#[derive(Debug)]
struct Save {
    id: Id,
    /// The version that must be stored.
    expected: Version,
    schema: u32,
    body: Body,
}

impl Saves {
    pub(super) fn new(encoding: Encoding, batch_size: usize) -> Self {
        Self {
            encoding,
            batch_size,
            waiting: VecDeque::new(),
            places: HashMap::default(),
            gone: 0,
            bytes: 0,
            written: 0,
            lost: 0,
            uncertain: 0,
            batches: 0,
        }
    }

    /// How many documents were saved.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// How many batches were written.
    pub(super) const fn batches(&self) -> u64 {
        self.batches
    }

    /// Takes up the save of `stored` and gives it the version that it will have then.
    ///
    /// A document that already waits is written once, with the newest fields and the version that its
    /// first save expected.
    pub(super) fn add<T: Entity>(&mut self, stored: &mut Stored<T>) -> Result<()> {
        let earlier = self.place(stored.id());
        let expected = match earlier.map(|place| self.waiting[place].expected) {
            None => stored.version(),
            Some(expected) if stored.version() == expected.next() => expected,
            Some(expected) => {
                let conflict =
                    Outcome::Conflict { expected: stored.version(), found: expected.next() };
                return Ok(conflict.into_result(stored.id()).map(drop)?);
            }
        };
        let mut fields = Vec::new();
        stored.encode_fields(self.encoding, &mut fields)?;
        let body = Body::new(self.encoding, fields.into());
        stored.saved(expected.next(), Some(body.clone()));
        self.bytes += body.as_bytes().len();
        if let Some(place) = earlier {
            let replaced = std::mem::replace(&mut self.waiting[place].body, body);
            self.bytes -= replaced.as_bytes().len();
        } else {
            let id = stored.id().clone();
            self.places.insert(id.clone(), self.gone + self.waiting.len());
            self.waiting.push_back(Save { id, expected, schema: T::SCHEMA, body });
        }
        Ok(())
    }

    fn place(&self, id: &Id) -> Option<usize> {
        self.places.get(id).map(|place| place - self.gone)
    }

    /// Brings a document just loaded up to a save of it that still waits, so that the walk reads what
    /// it has saved.
    pub(super) fn overlay(&self, document: &mut Document) {
        if self.waiting.is_empty() {
            return;
        }
        if let Some(place) = self.place(&document.id) {
            let save = &self.waiting[place];
            document.version = save.expected.next();
            document.schema = save.schema;
            document.body = save.body.clone();
        }
    }

    /// Writes the batches that are full.
    pub(super) async fn write_full(&mut self, database: &dyn Database) -> Result<()> {
        while self.waiting.len() >= self.batch_size || self.bytes >= MAX_WAITING_BYTES {
            self.write_batch(database).await?;
        }
        Ok(())
    }

    /// Writes all that waits.
    pub(super) async fn write_all(&mut self, database: &dyn Database) -> Result<()> {
        while !self.waiting.is_empty() {
            self.write_batch(database).await?;
        }
        Ok(())
    }

    async fn write_batch(&mut self, database: &dyn Database) -> Result<()> {
        let (batch, ids) = self.next_batch()?;
        self.batches += 1;
        let report = match database.write(batch).await {
            Ok(report) => report,
            Err(error) => {
                match error.effect() {
                    Effect::None => self.lost += ids.len() as u64,
                    Effect::Unknown => self.uncertain += ids.len() as u64,
                }
                return Err(error.into());
            }
        };
        let mut result = Ok(());
        for (outcome, id) in report.outcomes.into_iter().zip(&ids) {
            match &outcome {
                Outcome::Written(_) => self.written += 1,
                Outcome::Unknown => self.uncertain += 1,
                _ => self.lost += 1,
            }
            if result.is_ok() {
                result = outcome.into_result(id).map(drop);
            }
        }
        result.map_err(Error::from)
    }

    /// Takes the oldest saves as a batch, with their ids. When one of them cannot be part of a batch, all go on
    /// waiting.
    fn next_batch(&mut self) -> Result<(WriteBatch, Vec<Id>)> {
        let count = self.waiting.len().min(self.batch_size);
        let mut batch = WriteBatch::new(self.encoding);
        for save in self.waiting.iter().take(count) {
            let fields = save.body.as_bytes();
            batch.update_encoded(save.id.clone(), save.expected, fields, save.schema)?;
        }
        let mut ids = Vec::with_capacity(count);
        for save in self.waiting.drain(..count) {
            self.places.remove(&save.id);
            self.bytes -= save.body.as_bytes().len();
            ids.push(save.id);
        }
        self.gone += count;
        Ok((batch, ids))
    }

    /// Adds to the error that ended the walk what became of the saves, if there were any.
    pub(super) fn account(&self, error: Error) -> Error {
        let dropped = self.lost + self.waiting.len() as u64;
        if self.written + self.uncertain + dropped == 0 {
            return error;
        }
        let error = error.with("saves written", self.written).with("saves dropped", dropped);
        match self.uncertain {
            0 => error,
            uncertain => error.with("saves uncertain", uncertain),
        }
    }
}
