//! The saves of a walk, gathered into batches.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use foldhash::fast::RandomState;
use jvspatial_db::{
    Body, Database, Document, Effect, Encoding, Id, Outcome, Version, WriteBatch, WriteReport,
};

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
    /// How many of those that wait are in the batch that is being written; they change no more.
    sent: usize,
    /// Where in `waiting` the newest save of a document is, counted from the first that ever waited.
    places: HashMap<Id, usize, RandomState>,
    /// How many saves have left `waiting`.
    gone: usize,
    /// The bytes of those that were not sent.
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

/// A batch on its way, so that the walk goes on meanwhile.
pub(super) struct Writing(Pin<Box<dyn Future<Output = jvspatial_db::Result<WriteReport>> + Send>>);

impl Writing {
    /// Hands the batch over.
    async fn begin(database: &Arc<dyn Database>, batch: WriteBatch) -> Self {
        let database = Arc::clone(database);
        let mut write: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { database.write(batch).await });
        // A future does nothing before it is polled.
        let done = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
        Self(match done {
            Poll::Ready(report) => Box::pin(std::future::ready(report)),
            Poll::Pending => write,
        })
    }
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writing")
    }
}

impl Saves {
    pub(super) fn new(encoding: Encoding, batch_size: usize) -> Self {
        Self {
            encoding,
            batch_size,
            waiting: VecDeque::new(),
            sent: 0,
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
    /// A document that already waits to be sent is written once, with the newest fields and the version that its
    /// first save expected.
    pub(super) fn add<T: Entity>(&mut self, stored: &mut Stored<T>) -> Result<()> {
        let earlier = self.place(stored.id());
        let (expected, replaced) = match earlier {
            None => (stored.version(), None),
            Some(place) => {
                let first = self.waiting[place].expected;
                let saved = first.next();
                if stored.version() != saved {
                    let conflict = Outcome::Conflict { expected: stored.version(), found: saved };
                    return Ok(conflict.into_result(stored.id()).map(drop)?);
                }
                if place < self.sent { (saved, None) } else { (first, Some(place)) }
            }
        };
        let mut fields = Vec::new();
        stored.encode_fields(self.encoding, &mut fields)?;
        let body = Body::new(self.encoding, fields.into());
        stored.saved(expected.next(), Some(body.clone()));
        self.bytes += body.as_bytes().len();
        if let Some(place) = replaced {
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

    /// Sends the batches that are full, each when the one before it is written.
    pub(super) async fn write_full(
        &mut self,
        database: &Arc<dyn Database>,
        writing: &mut Option<Writing>,
    ) -> Result<()> {
        while self.waiting.len() - self.sent >= self.batch_size || self.bytes >= MAX_WAITING_BYTES {
            self.settle(writing).await?;
            self.send(database, writing).await?;
        }
        Ok(())
    }

    /// Writes all that waits.
    pub(super) async fn write_all(
        &mut self,
        database: &Arc<dyn Database>,
        writing: &mut Option<Writing>,
    ) -> Result<()> {
        self.settle(writing).await?;
        while !self.waiting.is_empty() {
            self.send(database, writing).await?;
            self.settle(writing).await?;
        }
        Ok(())
    }

    /// Hands the oldest saves over as a batch. When one of them cannot be part of a batch, all go on waiting.
    async fn send(
        &mut self,
        database: &Arc<dyn Database>,
        writing: &mut Option<Writing>,
    ) -> Result<()> {
        let count = self.waiting.len().min(self.batch_size);
        let mut batch = WriteBatch::new(self.encoding);
        for save in self.waiting.iter().take(count) {
            let fields = save.body.as_bytes();
            batch.update_encoded(save.id.clone(), save.expected, fields, save.schema)?;
        }
        let bytes = self.waiting.iter().take(count).map(|save| save.body.as_bytes().len());
        self.bytes -= bytes.sum::<usize>();
        self.sent = count;
        self.batches += 1;
        *writing = Some(Writing::begin(database, batch).await);
        Ok(())
    }

    /// Waits for the batch that is being written, and learns what became of it.
    pub(super) async fn settle(&mut self, writing: &mut Option<Writing>) -> Result<()> {
        let Some(under_way) = writing.take() else { return Ok(()) };
        let report = under_way.0.await;
        let count = std::mem::take(&mut self.sent);
        let mut result = Ok(());
        let mut outcomes = match report {
            Ok(report) => report.outcomes.into_iter(),
            Err(error) => {
                match error.effect() {
                    Effect::None => self.lost += count as u64,
                    Effect::Unknown => self.uncertain += count as u64,
                }
                result = Err(error);
                Vec::new().into_iter()
            }
        };
        for (place, save) in (self.gone..).zip(self.waiting.drain(..count)) {
            if self.places.get(&save.id) == Some(&place) {
                self.places.remove(&save.id);
            }
            let Some(outcome) = outcomes.next() else { continue };
            match &outcome {
                Outcome::Written(_) => self.written += 1,
                Outcome::Unknown => self.uncertain += 1,
                _ => self.lost += 1,
            }
            if result.is_ok() {
                result = outcome.into_result(&save.id).map(drop);
            }
        }
        self.gone += count;
        result.map_err(Error::from)
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
