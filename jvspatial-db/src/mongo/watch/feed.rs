//! The server's side of a watch, in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document as Fields, RawDocumentBuf, doc};
use bytes::Bytes;
use futures_util::StreamExt;
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind};
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};

use super::event::{Event, read_reply};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Collection;
use crate::mongo::client::Client;
use crate::mongo::error::{driver_failed, of_read};
use crate::watch::{
    ChangeEvent, LostHistory, Origin, Progress, ResumeToken, WatchOptions, malformed,
};

/// How long a server waits for news before it says that there are none. Closing is noticed as fast.
const LISTEN: Duration = Duration::from_millis(500);

/// For how long a broken stream is opened again before its reader is told. An election takes some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pause before a stream is opened again, which grows from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Codes of a server that cannot go on from a token: its log was overwritten, or does not hold what the token names.
const LOST: [i32; 3] = [286, 280, 136];

/// The code of a server that stands alone.
const ALONE: i32 = 40573;

/// A watch under way.
pub(super) struct Feed {
    client: Arc<Client>,
    options: WatchOptions,
    origin: Origin,
    cursor: Option<RawBatchCursor>,
    /// Where the server was when it answered last.
    place: Option<RawDocumentBuf>,
    /// Whether the server has said that it cannot go on from there.
    is_lost: bool,
    /// Since when nothing has come of opening the stream again, and the pause before the next try.
    broken: Option<(Instant, Duration)>,
}

/// How a call of the server failed.
enum Failure {
    /// The stream may be opened again.
    Broken(Error),
    /// The server cannot go on from the place.
    Lost,
    Final(Error),
}

impl Feed {
    pub(super) const fn new(client: Arc<Client>, options: WatchOptions, origin: Origin) -> Self {
        let (cursor, place, broken) = (None, None, None);
        Self { client, options, origin, cursor, place, is_lost: false, broken }
    }

    /// Where the watch is.
    pub(super) fn token(&self) -> Result<ResumeToken> {
        let place = self.place.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "server does not say where its changes begin")
        })?;
        self.origin.token(place.as_bytes())
    }

    /// Opens the stream at `place`, or else now; returns the first steps.
    ///
    /// # Errors
    /// `Unsupported`, `Unavailable`, `Closed`.
    pub(super) async fn begin(&mut self, place: Option<RawDocumentBuf>) -> Result<Vec<Progress>> {
        self.place = place;
        let end = Instant::now() + self.client.deadline();
        loop {
            let opened = match self.open().await {
                Err(Failure::Lost) => self.open_anew().await,
                opened => opened,
            };
            match opened {
                Ok(steps) => return Ok(steps),
                Err(Failure::Broken(_)) if Instant::now() < end => sleep(PAUSES.0).await,
                Err(failure) => return Err(failure.into_error()),
            }
        }
    }

    /// Sends what the server tells, until nobody listens any more.
    pub(super) async fn run(mut self, steps: Sender<Result<Vec<Progress>>>) {
        while !steps.is_closed() {
            let next = self.next().await;
            let is_over = next.is_err();
            if next.as_ref().is_ok_and(Vec::is_empty) {
                continue;
            }
            if steps.send(next).await.is_err() || is_over {
                break;
            }
        }
    }

    /// The next steps, possibly none.
    async fn next(&mut self) -> Result<Vec<Progress>> {
        loop {
            self.client.check_open().await?;
            let result = match self.cursor.take() {
                Some(cursor) => self.fetch(cursor).await,
                None if self.is_lost => self.open_anew().await,
                None => self.open().await,
            };
            match result {
                Ok(steps) => return Ok(steps),
                Err(Failure::Lost) => self.is_lost = true,
                Err(Failure::Broken(error)) => self.pause(error).await?,
                Err(Failure::Final(error)) => {
                    self.client.check_open().await?;
                    return Err(error);
                }
            }
        }
    }

    /// Waits before the stream is opened again, or gives up.
    async fn pause(&mut self, error: Error) -> Result<()> {
        self.client.check_open().await?;
        let (since, pause) = *self.broken.get_or_insert((Instant::now(), PAUSES.0));
        if since.elapsed() > PATIENCE {
            return Err(error);
        }
        tracing::debug!(%error, "a change stream is opened again");
        sleep(pause).await;
        self.broken = Some((since, (pause * 2).min(PAUSES.1)));
        Ok(())
    }

    /// Opens the stream at its place, or else now.
    async fn open(&mut self) -> Result<Vec<Progress>, Failure> {
        let command = RawDocumentBuf::try_from(&self.command()).map_err(|error| {
            let error = Error::invalid("command cannot be written as BSON").with_source(error);
            Failure::Final(error)
        })?;
        let opened = self.client.call(|database| async move {
            let opening = database.run_raw_cursor_command(command).max_time(LISTEN).batch();
            let mut cursor = opening.await?;
            let first = cursor.next().await.transpose()?;
            Ok((cursor, first))
        });
        let (cursor, first) = opened.await.map_err(Failure::of_call)?;
        self.cursor = Some(cursor);
        first.map_or_else(|| Ok(Vec::new()), |first| self.read(&first))
    }

    /// Opens the stream now, since it cannot go on at its place, and says so.
    async fn open_anew(&mut self) -> Result<Vec<Progress>, Failure> {
        let place = self.place.take();
        match self.open().await {
            Ok(steps) => {
                let reason = "the server's log no longer reaches back to the place";
                let token = self.token().map_err(Failure::Final)?;
                let lost = ChangeEvent::Lost(LostHistory { reason, token });
                self.is_lost = false;
                Ok(std::iter::once(Progress::Event(lost)).chain(steps).collect())
            }
            Err(failure) => {
                self.place = place;
                Err(failure)
            }
        }
    }

    /// Waits a while for news.
    async fn fetch(&mut self, mut cursor: RawBatchCursor) -> Result<Vec<Progress>, Failure> {
        // In a task, since a future of the driver must not be dropped before its end.
        let fetching = tokio::spawn(async move {
            let batch = cursor.next().await;
            (cursor, batch)
        });
        let fetched = timeout(self.client.deadline() + LISTEN, fetching).await;
        let (cursor, batch) = fetched
            .map_err(|_| {
                let late = Error::new(ErrorKind::Unavailable, "server did not answer in time");
                Failure::Broken(late)
            })?
            .map_err(|error| Failure::Broken(driver_failed(error)))?;
        match batch {
            Some(Ok(batch)) => {
                self.cursor = Some(cursor);
                self.broken = None;
                let steps = self.read(&batch)?;
                if steps.is_empty() {
                    // That there is no news is news for who waits for a sign of life.
                    return Ok(vec![Progress::Passed(self.token().map_err(Failure::Final)?)]);
                }
                Ok(steps)
            }
            Some(Err(error)) => Err(Failure::of_driver(&error)),
            // The server closes a stream when the database is dropped; it is opened again behind that.
            None => Ok(Vec::new()),
        }
    }

    fn read(&mut self, batch: &RawBatch) -> Result<Vec<Progress>, Failure> {
        let reply = Bytes::copy_from_slice(batch.as_raw_document().as_bytes());
        self.steps(&reply).map_err(Failure::Final)
    }

    fn steps(&mut self, reply: &Bytes) -> Result<Vec<Progress>> {
        let mut steps: Vec<Progress> = Vec::new();
        let (events, place) = read_reply(reply)?;
        let last = events.last().map(|event| event.place);
        for event in &events {
            let token = self.origin.token(event.place.as_bytes())?;
            match event.read(&self.options, reply, token)? {
                Event::Told(change) => steps.push(Progress::Event(ChangeEvent::Changed(*change))),
                Event::Foreign(token) => steps.push(Progress::Passed(token)),
                Event::Gone(token) => {
                    let reason = "a collection was dropped or renamed";
                    let lost = ChangeEvent::Lost(LostHistory { reason, token });
                    // Dropping a database drops each of its collections.
                    if matches!(steps.last(), Some(Progress::Event(ChangeEvent::Lost(_)))) {
                        steps.pop();
                    }
                    steps.push(Progress::Event(lost));
                }
            }
        }
        if let Some(place) = place.or(last)
            && self.place.as_ref().is_none_or(|known| known.as_bytes() != place.as_bytes())
        {
            self.place = Some(
                RawDocumentBuf::from_bytes(place.as_bytes().to_vec()).map_err(|_| malformed())?,
            );
            if last.is_none_or(|last| last.as_bytes() != place.as_bytes()) {
                steps.push(Progress::Passed(self.token()?));
            }
        }
        Ok(steps)
    }

    fn command(&self) -> Fields {
        let mut stage = Fields::new();
        if self.options.documents {
            stage.insert("fullDocument", "updateLookup");
        }
        if let Some(place) = &self.place
            && let Ok(place) = Fields::try_from(&**place)
        {
            // As `resumeAfter`, but also behind the end of a stream.
            stage.insert("startAfter", place);
        }
        doc! {
            "aggregate": 1,
            "pipeline": [
                { "$changeStream": stage },
                { "$match": wanted(&self.options) },
                { "$project": shown(self.options.documents) },
            ],
            // The first reply is only where the stream begins: behind what it told, it would not be told again.
            "cursor": { "batchSize": 0 },
            "maxTimeMS": self.client.max_time(),
        }
    }
}

/// Which events of the server concern a watch.
fn wanted(options: &WatchOptions) -> Fields {
    let collections: Vec<&str> = match options.collection {
        Some(collection) => vec![collection.name()],
        None => {
            [Collection::Node, Collection::Edge, Collection::Object].map(Collection::name).into()
        }
    };
    let mut change = doc! {
        "operationType": { "$in": ["insert", "update", "replace", "delete"] },
        "ns.coll": { "$in": &collections },
    };
    if let Some(entity) = options.entity {
        let pattern = format!("^.\\.{}\\.", regex_syntax::escape(entity.as_str()));
        change.insert("documentKey._id", doc! { "$regex": pattern });
    }
    doc! { "$or": [
        change,
        { "operationType": { "$in": ["drop", "rename"] }, "ns.coll": { "$in": &collections } },
        { "operationType": "rename", "to.coll": { "$in": &collections } },
        { "operationType": { "$in": ["dropDatabase", "invalidate"] } },
    ] }
}

/// What of an event is sent.
fn shown(documents: bool) -> Fields {
    let mut shown = doc! {
        "operationType": 1,
        "ns": 1,
        "documentKey": 1,
        "clusterTime": 1,
        "updateDescription.updatedFields._version": 1,
    };
    let document = if documents { "fullDocument" } else { "fullDocument._version" };
    shown.insert(document, Bson::Int32(1));
    shown
}

impl Failure {
    fn of_driver(error: &DriverError) -> Self {
        let is_of_server = matches!(&*error.kind, DriverErrorKind::Command(_));
        let is_resumable = !is_of_server || error.contains_label("ResumableChangeStreamError");
        match Self::of_call(of_read(error)) {
            Self::Final(error) if is_resumable && error.kind() != ErrorKind::Closed => {
                Self::Broken(error)
            }
            failure => failure,
        }
    }

    fn of_call(error: Error) -> Self {
        let code = error.context("code").and_then(|code| code.parse().ok());
        match code {
            Some(code) if LOST.contains(&code) => Self::Lost,
            Some(ALONE) => Self::Final(Error::new(
                ErrorKind::Unsupported,
                "a server that stands alone has no change feed",
            )),
            _ if error.kind() == ErrorKind::Unavailable => Self::Broken(error),
            _ => Self::Final(error),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Broken(error) | Self::Final(error) => error,
            Self::Lost => Error::new(ErrorKind::Unavailable, "server cannot begin a change stream"),
        }
    }
}
