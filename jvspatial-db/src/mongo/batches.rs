//! Reads at one point in time.

use std::sync::Arc;
use std::time::Instant;

use bson::{Document as Fields, RawDocumentBuf, Timestamp, doc};
use bytes::Bytes;
use futures_util::StreamExt;
use mongodb::error::Result as DriverResult;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use tokio::time::sleep;

use super::error::is_worth_another;
use super::live::{More, ended};
use super::reader::Reader;
use super::stored;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::id::Collection;

/// How long a server is left alone that has no view of its data yet, or is not the primary any more.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// The documents of one search, batch after batch.
pub(super) struct Batches {
    rest: Rest,
    /// What was fetched when the search began.
    first: Option<RawBatch>,
    /// The time of which the server shows the data.
    time: Option<Timestamp>,
}

/// How to ask for what was not fetched yet.
enum Rest {
    /// It is gone while a batch is fetched.
    Nothing,
    Stored(Box<RawBatchCursor>),
    InTransaction(More),
}

impl Batches {
    /// Begins the search that `command` asks for: in a transaction, or else at `time` or the newest time that a
    /// majority of the servers has, and not before what was seen.
    ///
    /// # Errors
    /// Those of `error::of_read`; in a transaction those of `Live::call`.
    pub(super) async fn begin(
        reader: &Reader,
        mut command: Fields,
        time: Option<Timestamp>,
    ) -> Result<Self> {
        if let Some(live) = reader.live()? {
            let command = raw(&command)?;
            let begun = live.call(move |open, task| {
                Box::pin(async move { Ok(open.search(task, command).await?) })
            });
            let (first, key) = begun.await?;
            let rest = match key {
                Some(key) => Rest::InTransaction(More { live: Arc::downgrade(&live), key }),
                None => Rest::Nothing,
            };
            return Ok(Self { rest, first, time: None });
        }
        let mut concern = doc! { "level": "snapshot" };
        match (time, reader.client().seen().newest()) {
            (Some(time), _) => concern.insert("atClusterTime", time),
            (None, Some(newest)) => concern.insert("afterClusterTime", newest),
            (None, None) => None,
        };
        command.insert("readConcern", concern);
        let command = raw(&command)?;
        let end = Instant::now() + reader.client().deadline();
        let begun = reader.client().call(|database| async move {
            let mut cursor = loop {
                match database.run_raw_cursor_command(command.clone()).batch().await {
                    Err(error) if is_worth_another(&error) && Instant::now() < end => {
                        sleep(PAUSE).await;
                    }
                    cursor => break cursor?,
                }
            };
            let first = cursor.next().await.transpose()?;
            Ok((cursor, first))
        });
        let (cursor, first) = begun.await?;
        let time = first.as_ref().and_then(|batch| time_of(batch).or(time));
        if let Some(time) = time {
            reader.client().seen().note(time);
        }
        Ok(Self { rest: Rest::Stored(Box::new(cursor)), first, time })
    }

    /// The time of which the server shows the data, for further reads of the same.
    pub(super) const fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The next batch, with its bytes apart so that what is read from them can share them.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin); the search is then over.
    pub(super) async fn next(&mut self, reader: &Reader) -> Result<Option<Batch>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(Batch::of(&first)));
        }
        let batch = match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => None,
            Rest::Stored(mut cursor) => {
                let fetched = reader.client().call(|_| async move {
                    let batch: DriverResult<_> = cursor.next().await.transpose();
                    Ok((cursor, batch?))
                });
                let (cursor, batch) = fetched.await?;
                if batch.is_some() {
                    self.rest = Rest::Stored(cursor);
                }
                batch
            }
            Rest::InTransaction(more) => {
                let (live, key) = (more.live.upgrade().ok_or_else(ended)?, more.key);
                let fetched =
                    live.call(move |open, _| Box::pin(async move { Ok(open.more(key).await?) }));
                let (batch, is_over) = fetched.await?;
                if !is_over {
                    self.rest = Rest::InTransaction(more);
                }
                batch
            }
        };
        Ok(batch.map(|batch| Batch::of(&batch)))
    }
}

fn raw(command: &Fields) -> Result<RawDocumentBuf> {
    RawDocumentBuf::try_from(command)
        .map_err(|error| Error::invalid("command cannot be written as BSON").with_source(error))
}

/// The time of the data in a reply, which a server tells in its first.
fn time_of(batch: &RawBatch) -> Option<Timestamp> {
    let cursor = batch.as_raw_document().get_document("cursor").ok()?;
    cursor.get_timestamp("atClusterTime").ok()
}

/// One reply of a server.
pub(super) struct Batch(Bytes);

impl Batch {
    fn of(batch: &RawBatch) -> Self {
        Self(Bytes::copy_from_slice(batch.as_raw_document().as_bytes()))
    }

    /// Shows each of the documents in it, raw.
    ///
    /// # Errors
    /// `Corrupt` when the reply is none, and those of `show`.
    pub(super) fn each(
        &self,
        mut show: impl FnMut(&Bytes, &bson::RawDocument) -> Result<()>,
    ) -> Result<()> {
        let broken =
            |error| Error::corrupt("reply of the server cannot be read").with_source(error);
        let reply = bson::RawDocument::from_bytes(&self.0).map_err(broken)?;
        let lacking =
            |error| Error::corrupt("reply of the server lacks a field").with_source(error);
        let cursor = reply.get_document("cursor").map_err(lacking)?;
        let documents = cursor
            .get_array("firstBatch")
            .or_else(|_| cursor.get_array("nextBatch"))
            .map_err(lacking)?;
        for document in documents {
            let document = document.map_err(broken)?;
            if let Some(document) = document.as_document() {
                show(&self.0, document)?;
            }
        }
        Ok(())
    }

    /// The stored documents in it.
    ///
    /// # Errors
    /// `Corrupt` when one of them is not ours.
    pub(super) fn documents(&self, collection: Collection) -> Result<Vec<Document>> {
        let mut documents = Vec::new();
        self.each(|bytes, raw| {
            documents.push(stored::read(collection, bytes, raw)?);
            Ok(())
        })?;
        Ok(documents)
    }

    /// What is in it, decoded.
    ///
    /// # Errors
    /// `Corrupt` when it is not BSON.
    pub(super) fn values(&self) -> Result<Vec<Fields>> {
        let mut values = Vec::new();
        self.each(|_, raw| {
            values.push(Fields::try_from(raw).map_err(|error| {
                Error::corrupt("reply of the server cannot be read").with_source(error)
            })?);
            Ok(())
        })?;
        Ok(values)
    }
}
