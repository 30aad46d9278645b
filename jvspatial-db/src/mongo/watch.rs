//! The change feed: a change stream of the whole database, opened again where it was when it breaks off.

mod event;
mod feed;

use std::collections::VecDeque;
use std::sync::Arc;

use bson::{RawDocumentBuf, doc};
use futures_util::stream;
use tokio::sync::mpsc;

use self::feed::Feed;
use super::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::watch::{ChangeStream, Origin, Progress, WatchOptions, malformed};

/// Begins a watch: its server is asked before this returns, so that nothing after is missed.
///
/// # Errors
/// `Invalid` for a token of another database or watch, `Unsupported`, `Unavailable`, `Closed`.
pub(super) async fn watch(client: &Arc<Client>, options: WatchOptions) -> Result<ChangeStream> {
    let hello = doc! { "hello": 1, "maxTimeMS": client.max_time() };
    let named = client.call(|database| async move {
        let hello = database.run_command(hello).await?;
        let cluster = hello.get_str("setName").unwrap_or("a sharded cluster");
        Ok(format!("mongodb:{cluster}/{}", database.name()))
    });
    let origin = Origin::new(&named.await?, &options);
    let after = options.after.clone();
    let place = after.as_ref().map(|token| {
        let place = origin.place(token)?.to_vec();
        RawDocumentBuf::from_bytes(place).map_err(|_| malformed())
    });
    let mut feed = Feed::new(Arc::clone(client), options, origin);
    let first = feed.begin(place.transpose()?).await?;
    let token = after.map_or_else(|| feed.token(), Ok)?;
    // One reply of the server waits while the one before is read.
    let (steps, replies) = mpsc::channel(1);
    tokio::spawn(feed.run(steps));
    let reading = Reading { replies, ready: first.into() };
    let steps = stream::try_unfold(reading, |mut reading| async move {
        Ok(Some((reading.step().await?, reading)))
    });
    Ok(ChangeStream::new(token, steps))
}

/// The reader's side of a watch. The other ends once this is dropped.
struct Reading {
    replies: mpsc::Receiver<Result<Vec<Progress>>>,
    ready: VecDeque<Progress>,
}

impl Reading {
    async fn step(&mut self) -> Result<Progress> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(step);
            }
            let reply = self.replies.recv().await.ok_or_else(|| {
                Error::new(ErrorKind::Unavailable, "the runtime of the database was stopped")
            })?;
            self.ready = reply?.into();
        }
    }
}
