//! Small writes of several callers, which share a command while others are under way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bson::raw::{RawArrayBuf, RawDocumentBuf};
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::plain::{Kind, MAX_STATEMENTS};
use super::reply::{Reason, Refusal, refusals};
use super::{MAX_BYTES, PLACE_BYTES};
use crate::error::Error;
use crate::id::{Collection, Id};
use crate::mongo::client::Task;
use crate::mongo::error::of_read;
use crate::mongo::sessions::{Sent, send};

/// How many commands of a kind are under way before further statements wait to share one: a server that has so many
/// to work on gains nothing from more, and each command costs it several times what a statement does.
const AT_ONCE: usize = 4;

/// What became of a statement.
#[derive(Debug)]
pub(super) enum Fate {
    Applied,
    Refused(Reason),
    /// It may have been applied.
    Lost,
    /// Its command failed, and nothing happened.
    Failed(Error),
}

/// A lane for each kind of command. A caller who is alone on it waits for nobody.
#[derive(Default)]
pub(in crate::mongo) struct Lanes([Arc<Mutex<Lane>>; 2 * Collection::ALL.len()]);

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    under_way: usize,
}

/// A statement, and who is to be told of it.
struct Waiting {
    id: Id,
    statement: RawDocumentBuf,
    end: Instant,
    fate: oneshot::Sender<Fate>,
}

impl Lanes {
    /// Sends the statements, each of a document of its own, and returns what became of each, in order.
    pub(super) async fn send(
        &self,
        task: &Task,
        kind: Kind,
        statements: Vec<(Id, RawDocumentBuf)>,
    ) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(statements.len());
        for told in self.queue(task, kind, statements) {
            // The carrier goes without a word only when its runtime stops.
            fates.push(told.await.unwrap_or(Fate::Lost));
        }
        fates
    }

    fn queue(
        &self,
        task: &Task,
        kind: Kind,
        statements: Vec<(Id, RawDocumentBuf)>,
    ) -> Vec<oneshot::Receiver<Fate>> {
        let place = 2 * kind.collection as usize + usize::from(kind.inserts);
        let Some(lane) = self.0.get(place) else { return Vec::new() };
        let mut fates = Vec::with_capacity(statements.len());
        let mut queue = lane.lock();
        for (id, statement) in statements {
            let (fate, told) = oneshot::channel();
            queue.waiting.push_back(Waiting { id, statement, end: task.end, fate });
            fates.push(told);
        }
        if queue.under_way < AT_ONCE {
            queue.under_way += 1;
            let (lane, task) = (Arc::clone(lane), task.clone());
            tokio::spawn(Carrier { lane, kind, task, has_left: false }.carry());
        }
        fates
    }
}

/// Sends what waits in a lane until nothing does.
struct Carrier {
    lane: Arc<Mutex<Lane>>,
    kind: Kind,
    task: Task,
    has_left: bool,
}

impl Carrier {
    async fn carry(mut self) {
        while let Some(group) = self.next() {
            let mut task = self.task.clone();
            task.end = group.iter().map(|waiting| waiting.end).max().unwrap_or(task.end);
            self.send(&task, group).await;
        }
    }

    /// What is sent together next, no document twice. Without any the lane is left, before anybody can add to it.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut lane = self.lane.lock();
        let mut ids: HashSet<Id, RandomState> = HashSet::default();
        let mut bytes = 0;
        let fits = |waiting: &Waiting| {
            bytes += waiting.statement.as_bytes().len() + PLACE_BYTES;
            (ids.is_empty() || bytes <= MAX_BYTES && ids.len() < MAX_STATEMENTS)
                && ids.insert(waiting.id.clone())
        };
        let count = lane.waiting.iter().map(fits).take_while(|fits| *fits).count();
        if count == 0 {
            lane.under_way -= 1;
            self.has_left = true;
            return None;
        }
        Some(lane.waiting.drain(..count).collect())
    }

    async fn send(&self, task: &Task, group: Vec<Waiting>) {
        let mut statements = RawArrayBuf::new();
        group.iter().for_each(|waiting| statements.push(waiting.statement.clone()));
        match send(task, self.kind.command(statements)).await {
            Ok(Sent::Reply(reply)) => {
                let refused = refusals(&reply).into_iter();
                let mut refused: HashMap<usize, Reason> =
                    refused.map(|Refusal { place, reason }| (place, reason)).collect();
                tell(group, |place| refused.remove(&place).map_or(Fate::Applied, Fate::Refused));
            }
            Ok(Sent::Lost) => tell(group, |_| Fate::Lost),
            // It may be for one of them, which is nothing to the others.
            Ok(Sent::Refused(_)) if group.len() > 1 => {
                for waiting in group {
                    Box::pin(self.send(task, vec![waiting])).await;
                }
            }
            Ok(Sent::Refused(error)) => tell(group, |_| Fate::Failed(of_read(&error))),
            Err(error) => tell(group, |_| Fate::Failed(error.again())),
        }
    }
}

impl Drop for Carrier {
    /// Only a panic gets here before the lane is left.
    fn drop(&mut self) {
        if !self.has_left {
            self.lane.lock().under_way -= 1;
        }
    }
}

/// Tells each of the group its fate; who has stopped listening is not told.
fn tell(group: Vec<Waiting>, mut fate: impl FnMut(usize) -> Fate) {
    for (place, waiting) in group.into_iter().enumerate() {
        let _ = waiting.fate.send(fate(place));
    }
}
