//! The task that writes what was acknowledged.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use foldhash::fast::RandomState;
use jvspatial_db::{
    Database as _, Error, ErrorKind, Handle, Id, Outcome, Result, Version, WriteBatch,
};
use tokio::time::{Instant, sleep};

use super::judge::is_left_by;
use super::options::RefusedWrite;
use super::queue::Accepted;
use super::shared::Shared;
use crate::cache::touched::Touched;

/// How many operations are written at once at most, and from how many bytes on no more are taken along.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 4 << 20;
/// The pauses between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Batches that are written as one, in their order.
struct Group {
    /// How many batches of the queue it is.
    count: usize,
    batch: WriteBatch,
    versions: Vec<Option<Version>>,
}

impl Group {
    /// The first batches of the queue: an atomic one by itself, others together, or one when they are to be `alone`.
    fn of<'a>(
        waiting: impl IntoIterator<Item = &'a Accepted>,
        alone: bool,
    ) -> Result<Option<Self>> {
        let mut waiting = waiting.into_iter().peekable();
        let Some(first) = waiting.peek() else { return Ok(None) };
        let is_atomic = first.batch.is_atomic();
        let batch = WriteBatch::new(first.batch.encoding()).atomic(is_atomic);
        let mut group = Self { count: 0, batch, versions: Vec::new() };
        for next in waiting {
            let is_full = group.batch.len() + next.batch.len() > MOST
                || group.batch.bytes() >= MOST_BYTES
                || alone
                || is_atomic
                || next.batch.is_atomic();
            if group.count > 0 && is_full {
                break;
            }
            for place in 0..next.batch.len() {
                group.batch.copy(&next.batch, place)?;
            }
            group.versions.extend_from_slice(&next.versions);
            group.count += 1;
        }
        Ok(Some(group))
    }

    /// The operations at `places`.
    fn part(&self, places: &[usize]) -> Result<WriteBatch> {
        let mut part = WriteBatch::new(self.batch.encoding()).atomic(self.batch.is_atomic());
        places.iter().try_for_each(|place| part.copy(&self.batch, *place))?;
        Ok(part)
    }
}

/// Writes until there is nothing more to come.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut alone = 0_usize;
    loop {
        let group = shared.queue.look(|waiting| Group::of(waiting, alone > 0));
        let group = match group {
            Ok(Some(group)) => group,
            Ok(None) => {
                if shared.queue.is_at_its_end() {
                    return;
                }
                shared.queue.more.notified().await;
                continue;
            }
            // What was accepted once can be copied; if not, it is given up rather than tried for ever.
            Err(error) => {
                tracing::error!(%error, "writes that were acknowledged are lost");
                shared.queue.give_up();
                return;
            }
        };
        let refused = match Box::pin(write(&shared, &group)).await {
            Ok(refused) => refused,
            Err(Ended::Lost) => return,
            // One that cannot be written must not take the others with it.
            Err(Ended::Refused(_)) if group.count > 1 => {
                alone = group.count;
                continue;
            }
            Err(Ended::Refused(error)) => (0..group.batch.len())
                .map(|place| (place, Refusal::Batch(error.kind(), error.to_string())))
                .collect(),
        };
        alone = alone.saturating_sub(group.count);
        let written = group.batch.len() - refused.len();
        shared.counts.written.fetch_add(written as u64, Ordering::Relaxed);
        shared.queue.settle(group.count);
        if !refused.is_empty() {
            tell(&shared, &group, refused);
        }
    }
}

enum Ended {
    /// The database refuses the whole batch.
    Refused(Error),
    /// Nobody waits for it any more.
    Lost,
}

/// Why an operation was not written.
enum Refusal {
    Outcome(Outcome),
    Batch(ErrorKind, String),
}

/// Writes a group, again if need be, and tells which of its operations were refused.
async fn write(
    shared: &Shared,
    group: &Group,
) -> std::result::Result<Vec<(usize, Refusal)>, Ended> {
    let mut places: Vec<usize> = (0..group.batch.len()).collect();
    let mut refused = Vec::new();
    let (mut pause, begin) = (FIRST_PAUSE, Instant::now());
    loop {
        let part = group.part(&places).map_err(Ended::Refused)?;
        let error = match shared.below.write(part).await {
            Ok(report) => {
                let mut unknown = Vec::new();
                for (place, outcome) in places.iter().zip(report.outcomes) {
                    match outcome {
                        Outcome::Unknown => unknown.push(*place),
                        outcome if outcome.is_written() => {}
                        outcome => refused.push((*place, Refusal::Outcome(outcome))),
                    }
                }
                if unknown.is_empty() {
                    refused.sort_by_key(|(place, _)| *place);
                    return Ok(refused);
                }
                places = unknown;
                Error::new(ErrorKind::Unknown, "the write may or may not have happened")
            }
            Err(error) => error,
        };
        if !matches!(error.kind(), ErrorKind::Unknown | ErrorKind::Unavailable | ErrorKind::Locked)
        {
            return Err(Ended::Refused(error));
        }
        shared.queue.is_in_trouble(&error);
        shared.counts.retried.fetch_add(1, Ordering::Relaxed);
        if pause == FIRST_PAUSE {
            tracing::warn!(%error, "writes that were acknowledged are tried again");
        }
        loop {
            if shared.queue.is_abandoned() && begin.elapsed() > shared.options.patience {
                let lost = shared.queue.give_up();
                tracing::error!(%error, lost, "writes that were acknowledged are lost");
            }
            if shared.queue.is_at_its_end() {
                return Err(Ended::Lost);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
            if error.kind() != ErrorKind::Unknown {
                break;
            }
            // Nothing is sent after a write that may have happened until it is known what became of it.
            match left_to_do(shared, group, &places).await {
                Ok(left) => {
                    places = left;
                    break;
                }
                Err(error) => shared.queue.is_in_trouble(&error),
            }
        }
        if places.is_empty() {
            refused.sort_by_key(|(place, _)| *place);
            return Ok(refused);
        }
    }
}

/// Those of the operations at `places` that did not happen, by what the database has now.
async fn left_to_do(shared: &Shared, group: &Group, places: &[usize]) -> Result<Vec<usize>> {
    let operations = group.batch.operations();
    let mut chains: HashMap<&Id, Vec<usize>, RandomState> = HashMap::default();
    for place in places {
        if let Some(operation) = operations.get(*place) {
            chains.entry(&operation.id).or_default().push(*place);
        }
    }
    let ids: Vec<&Id> = chains.keys().copied().collect();
    let handles: Vec<Handle> = ids.iter().map(|id| shared.below.handle(id)).collect();
    // Not from what is kept: it is about what the database has.
    let found = shared.below.below().get_many(&handles).await?;
    let mut left = Vec::new();
    for (id, found) in ids.iter().zip(&found) {
        let Some(chain) = chains.get(id) else { continue };
        let happened = chain.iter().rposition(|place| {
            let version = group.versions.get(*place).copied().flatten();
            let operation = operations.get(*place);
            operation.is_some_and(|one| is_left_by(&group.batch, one, version, found.as_ref()))
        });
        let first = happened.map_or(0, |place| place + 1);
        left.extend_from_slice(chain.get(first..).unwrap_or_default());
    }
    if group.batch.is_atomic() && !left.is_empty() {
        // Whole or not at all.
        return Ok(places.to_vec());
    }
    left.sort_unstable();
    Ok(left)
}

/// Counts, logs and hands on what was refused, and makes untrue what was read of it while it was pending.
fn tell(shared: &Shared, group: &Group, refused: Vec<(usize, Refusal)>) {
    shared.below.coherence.epochs().advance(Touched::by(&group.batch).slots());
    shared.counts.refused.fetch_add(refused.len() as u64, Ordering::Relaxed);
    for (place, why) in refused {
        let Some(operation) = group.batch.operations().get(place) else { continue };
        let id = operation.id.clone();
        let error = match why {
            Refusal::Outcome(outcome) => match outcome.into_result(&id) {
                Err(error) => error,
                Ok(_) => continue,
            },
            Refusal::Batch(kind, message) => Error::new(kind, message).with("id", &id),
        };
        tracing::warn!(%error, "a write that was acknowledged was refused by the database");
        if let Some(handler) = &shared.options.handler {
            let told = catch_unwind(AssertUnwindSafe(|| handler(RefusedWrite { id, error })));
            if told.is_err() {
                tracing::error!("the handler of refused writes panicked");
            }
        }
    }
}
