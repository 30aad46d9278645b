//! Changing a document by id: read, change, save, and again on a conflict.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jvspatial_db::Id;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::Graph;
use crate::entity::{Entity, Stored};
use crate::error::{Error, ErrorKind, Result};

/// The longest pause before the second try under a turn; each further one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Graph {
    /// Changes the document `id` and saves it; when someone else saved it meanwhile, reads it again,
    /// changes it again and saves again.
    ///
    /// The closure is called once for each try, always with a fresh value, so what it does besides
    /// changing the value must bear repetition. Tasks of this process that meet at one document take
    /// turns; between tries against other processes there is a short random pause that grows.
    ///
    /// # Errors
    /// `NotFound` when there is no such document. `Conflict` with the fact `attempts` when the deadline
    /// ([`modify_deadline`](crate::GraphBuilder::modify_deadline), 10 s) passes first. Otherwise as
    /// [`get`](Self::get) and [`save`](Self::save).
    ///
    /// # Cancellation
    /// The last change may have been saved, and at most that one.
    pub async fn modify<T: Entity>(
        &self,
        id: impl AsRef<Id>,
        mut change: impl FnMut(&mut T),
    ) -> Result<Stored<T>> {
        self.try_modify::<T, Error>(id, |value| {
            change(value);
            Ok(())
        })
        .await
    }

    /// Changes the document `id` as [`modify`](Self::modify) does, with a closure that may fail; then
    /// nothing is saved.
    ///
    /// # Errors
    /// The closure's error as it is, and those of [`modify`](Self::modify).
    ///
    /// # Cancellation
    /// As [`modify`](Self::modify).
    pub async fn try_modify<T: Entity, E: From<Error>>(
        &self,
        id: impl AsRef<Id>,
        mut change: impl FnMut(&mut T) -> Result<(), E>,
    ) -> Result<Stored<T>, E> {
        let id = id.as_ref();
        let deadline = Instant::now() + self.0.modify_deadline;
        let mut turn = None;
        let mut attempts = 0_u32;
        loop {
            let Some(mut stored) = self.get::<T>(id).await? else {
                return Err(missing(id).into());
            };
            change(&mut stored)?;
            attempts += 1;
            let conflict = match self.save(&mut stored).await {
                Ok(()) => return Ok(stored),
                Err(error) if error.kind() == ErrorKind::Conflict => error,
                Err(error) => return Err(error.into()),
            };
            let wait = async {
                if turn.is_none() {
                    turn = Some(self.0.turns.take(id).await);
                } else {
                    tokio::time::sleep(pause(attempts)).await;
                }
            };
            if tokio::time::timeout_at(deadline, wait).await.is_err() {
                return Err(conflict.with("attempts", attempts).into());
            }
        }
    }
}

fn missing(id: &Id) -> Error {
    Error::new(ErrorKind::NotFound, "document does not exist").with("id", id)
}

/// A random pause before the try after attempt number `attempts`, which is at least the second.
pub(super) fn pause(attempts: u32) -> Duration {
    let longest =
        FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(2).min(16)).min(LONGEST_PAUSE);
    let span = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(RandomState::new().hash_one(attempts) % span.max(1))
}

/// The queues in which tasks of this process wait after a conflict.
///
/// Without them, of N tasks that change one document N - 1 fail each round. The first try takes no
/// turn, so documents without contention cost nothing and never wait for one another.
#[derive(Debug)]
pub(super) struct Turns {
    /// Documents share a queue by their hash; there are enough for two busy ones to rarely meet.
    queues: Box<[Mutex<()>]>,
    hasher: foldhash::fast::RandomState,
}

const QUEUES: usize = 256;

impl Turns {
    async fn take(&self, id: &Id) -> Option<MutexGuard<'_, ()>> {
        let hash = usize::try_from(self.hasher.hash_one(id) % QUEUES as u64).unwrap_or_default();
        match self.queues.get(hash) {
            Some(queue) => Some(queue.lock().await),
            None => None,
        }
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            queues: (0..QUEUES).map(|_| Mutex::new(())).collect(),
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_however_many_attempts_there_were() {
        for (attempts, longest) in [
            (2, FIRST_PAUSE),
            (3, FIRST_PAUSE * 2),
            (6, FIRST_PAUSE * 16),
            (100, LONGEST_PAUSE),
            (u32::MAX, LONGEST_PAUSE),
        ] {
            let pauses: Vec<_> = (0..100).map(|_| pause(attempts)).collect();
            assert!(pauses.iter().all(|pause| *pause < longest));
            assert!(pauses.iter().any(|pause| *pause > longest / 2));
        }
    }
}
