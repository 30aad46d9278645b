//! Queues in which updates that meet at one document wait after a conflict.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::id::Id;

/// The longest pause before the second try under a turn; each further one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

const QUEUES: usize = 256;

/// The queues of this process. Documents share one by their hash, those of other stores too: who
/// waits for a stranger loses time, and nothing else.
static QUEUE: LazyLock<Queues> = LazyLock::new(|| Queues {
    queues: (0..QUEUES).map(|_| Mutex::new(())).collect(),
    hasher: foldhash::fast::RandomState::default(),
});

struct Queues {
    queues: Box<[Mutex<()>]>,
    hasher: foldhash::fast::RandomState,
}

/// The tries of one update of one document.
///
/// Without turns, of N tasks that change one document N - 1 fail each round. The first try takes
/// none, so documents without contention cost nothing.
#[derive(Debug)]
pub(super) struct Tries {
    deadline: Instant,
    turn: Option<MutexGuard<'static, ()>>,
    pub(super) count: u32,
}

impl Tries {
    pub(super) const fn until(deadline: Instant) -> Self {
        Self { deadline, turn: None, count: 1 }
    }

    /// Waits before the next try; `false` when the deadline passes first.
    pub(super) async fn wait(&mut self, id: &Id) -> bool {
        self.count += 1;
        let wait = async {
            if self.turn.is_none() {
                let queue = QUEUE.hasher.hash_one(id) % QUEUES as u64;
                if let Some(queue) = QUEUE.queues.get(queue as usize) {
                    self.turn = Some(queue.lock().await);
                }
            } else {
                tokio::time::sleep(pause(self.count)).await;
            }
        };
        tokio::time::timeout_at(self.deadline, wait).await.is_ok()
    }
}

/// A random pause before try number `count`.
fn pause(count: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << count.saturating_sub(3).min(16));
    let span = u64::try_from(longest.min(LONGEST_PAUSE).as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(RandomState::new().hash_one(count) % span.max(1))
}
