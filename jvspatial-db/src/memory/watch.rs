//! The change feed of the reference backend: the newest changes in a ring that every watch reads.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::watch::{Receiver, Sender};

use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::id_generator::IdGenerator;
use crate::version::Version;
use crate::watch::{
    ChangeEvent, ChangeKind, ChangeStream, DocumentChange, LostHistory, Origin, Progress,
    WatchOptions,
};

/// How many changes are kept by default: those of the largest batch.
pub(super) const KEPT: usize = crate::limits::MAX_BATCH_OPERATIONS;

/// How many bytes the fields of the documents may have that are kept with them.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// A change as a database notes it.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub kind: ChangeKind,
    pub id: Id,
    /// Of a removal the last one.
    pub version: Version,
    pub document: Option<Document>,
}

/// The changes of one database.
#[derive(Debug)]
pub(super) struct Feed {
    /// What tells the database from any other.
    name: String,
    ring: Mutex<Ring>,
    /// Says that there are more changes, or that the database was closed.
    news: Sender<bool>,
}

#[derive(Debug)]
struct Ring {
    changes: VecDeque<(u64, Noted)>,
    bytes: usize,
    /// How many changes are not kept any more.
    gone: u64,
    commits: u64,
    kept: usize,
}

/// What a watch finds in the ring.
enum Found {
    Change(u64, u64, Noted),
    /// Nothing that is wanted up to this place.
    Nothing(u64),
    /// What follows its place is gone, up to the newest place.
    Lost(u64),
}

impl Feed {
    pub(super) fn new(kept: usize) -> Self {
        let ring = Ring { changes: VecDeque::new(), bytes: 0, gone: 0, commits: 0, kept };
        let name = format!("memory:{:?}", IdGenerator::new().next_key());
        Self { name, ring: Mutex::new(ring), news: Sender::new(false) }
    }

    /// Takes in the changes of one commit.
    pub(super) fn publish(&self, changes: Vec<Noted>) {
        if changes.is_empty() {
            return;
        }
        self.ring.lock().push(changes);
        self.news.send_modify(|_| {});
    }

    /// Ends every watch.
    pub(super) fn close(&self) {
        self.news.send_replace(true);
    }

    /// Begins a watch.
    ///
    /// # Errors
    /// `Invalid` for a token of another database or watch.
    pub(super) fn watch(self: &Arc<Self>, options: WatchOptions) -> Result<ChangeStream> {
        let origin = Origin::new(&self.name, &options);
        let place = match &options.after {
            None => self.ring.lock().newest(),
            Some(token) => {
                let place = origin.place(token)?.try_into();
                u64::from_le_bytes(place.map_err(|_| crate::watch::malformed())?)
            }
        };
        let token = origin.token(&place.to_le_bytes())?;
        let news = self.news.subscribe();
        let watch = Watch { feed: Arc::clone(self), news, options, origin, place };
        let steps =
            stream::try_unfold(
                watch,
                |mut watch| async move { Ok(Some((watch.step().await?, watch))) },
            );
        Ok(ChangeStream::new(token, steps))
    }
}

impl Ring {
    fn newest(&self) -> u64 {
        self.gone + self.changes.len() as u64
    }

    fn push(&mut self, changes: Vec<Noted>) {
        self.commits += 1;
        for change in changes {
            self.bytes += bytes_of(&change);
            self.changes.push_back((self.commits, change));
        }
        while self.changes.len() > self.kept || self.bytes > KEPT_BYTES {
            let Some((_, change)) = self.changes.pop_front() else { break };
            self.bytes -= bytes_of(&change);
            self.gone += 1;
        }
    }

    fn find(&self, place: u64, options: &WatchOptions) -> Found {
        let Some(passed) = place.checked_sub(self.gone) else { return Found::Lost(self.newest()) };
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        let wanted = |(_, (_, change)): &(u64, &(u64, Noted))| options.wants(&change.id);
        let later = (place + 1..).zip(self.changes.iter().skip(passed)).find(wanted);
        match later {
            Some((place, (commit, change))) => Found::Change(place, *commit, change.clone()),
            None => Found::Nothing(self.newest()),
        }
    }
}

fn bytes_of(change: &Noted) -> usize {
    change.document.as_ref().map_or(0, |document| document.body.as_bytes().len())
}

/// A watch under way.
struct Watch {
    feed: Arc<Feed>,
    news: Receiver<bool>,
    options: WatchOptions,
    origin: Origin,
    place: u64,
}

impl Watch {
    async fn step(&mut self) -> Result<Progress> {
        loop {
            if *self.news.borrow_and_update() {
                return Err(Error::new(ErrorKind::Closed, "database was closed"));
            }
            let before = self.place;
            let found = self.feed.ring.lock().find(before, &self.options);
            let (Found::Change(place, ..) | Found::Nothing(place) | Found::Lost(place)) = found;
            self.place = place;
            let token = self.origin.token(&place.to_le_bytes())?;
            match found {
                Found::Change(_, commit, change) => {
                    let Noted { kind, id, version, document } = change;
                    let document = document.filter(|_| self.options.documents);
                    let version = Some(version);
                    let change = DocumentChange { kind, id, version, commit, document, token };
                    return Ok(Progress::Event(ChangeEvent::Changed(change)));
                }
                Found::Lost(_) => {
                    let reason = "more has changed since than the database in memory keeps";
                    return Ok(Progress::Event(ChangeEvent::Lost(LostHistory { reason, token })));
                }
                Found::Nothing(_) if place > before => return Ok(Progress::Passed(token)),
                Found::Nothing(_) => {
                    // The sender is in the feed, which is held here.
                    let _ = self.news.changed().await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bson::doc;

    use super::*;
    use crate::database::Database;
    use crate::memory::MemoryDb;
    use crate::write::WriteBatch;

    async fn write(db: &MemoryDb, count: usize, bytes: usize) {
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        for _ in 0..count {
            let key = IdGenerator::new().next_key();
            let entity = crate::EntityName::new("City").unwrap();
            let id = Id::generated(crate::Collection::Node, entity, key);
            batch.insert(id, &doc! { "text": "x".repeat(bytes) }).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
    }

    async fn next(changes: &mut ChangeStream) -> ChangeEvent {
        changes.try_next().await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn what_the_ring_has_let_go_of_is_told_as_lost_and_the_rest_follows() {
        let db = MemoryDb::new().kept_changes(10);
        let mut changes = db.watch(WatchOptions::new()).await.unwrap();
        let start = changes.token().clone();
        write(&db, 10, 1).await;
        assert!(matches!(next(&mut changes).await, ChangeEvent::Changed(_)));
        write(&db, 2, 1).await;
        let ChangeEvent::Lost(lost) = next(&mut changes).await else { panic!("nothing lost") };
        assert_eq!(changes.token(), &lost.token);
        write(&db, 1, 1).await;
        assert!(matches!(next(&mut changes).await, ChangeEvent::Changed(_)));
        let mut again = db.watch(WatchOptions::new().after(start)).await.unwrap();
        assert!(matches!(next(&mut again).await, ChangeEvent::Lost(_)));
    }

    #[tokio::test]
    async fn the_ring_is_bounded_in_bytes() {
        let db = MemoryDb::new();
        let mut changes = db.watch(WatchOptions::new()).await.unwrap();
        for _ in 0..5 {
            write(&db, 1, 4 * 1024 * 1024).await;
        }
        assert!(matches!(next(&mut changes).await, ChangeEvent::Lost(_)));
    }

    #[tokio::test]
    async fn a_token_of_another_database_is_refused() {
        let token = MemoryDb::new().watch(WatchOptions::new()).await.unwrap().token().clone();
        let error = MemoryDb::new().watch(WatchOptions::new().after(token)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    #[tokio::test]
    async fn a_watch_ends_with_the_database() {
        let db = MemoryDb::new();
        let mut changes = db.watch(WatchOptions::new()).await.unwrap();
        drop(db);
        assert_eq!(changes.try_next().await.unwrap_err().kind(), ErrorKind::Closed);
        assert!(changes.try_next().await.unwrap().is_none());
    }
}
