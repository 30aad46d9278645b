//! Changes by other processes, as the database tells them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jvspatial_db::{ChangeEvent, ChangeKind, Database, ErrorKind, Progress, WatchOptions};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::coherence::{Coherence, Peers};
use super::touched::Touched;

/// The time between two attempts to follow.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows the change feed of a database that others write to as well.
#[derive(Debug)]
pub(super) struct ChangeFeed {
    pulse: Arc<Pulse>,
    max_stale: Duration,
    task: Option<AbortHandle>,
}

/// When the feed last told something, if only that there was nothing to tell.
#[derive(Debug)]
struct Pulse {
    start: Instant,
    /// In milliseconds since the start and one; 0 while nothing is heard.
    last: AtomicU64,
}

impl ChangeFeed {
    /// Follows until this is dropped. Outside of a runtime nothing is heard.
    pub(super) fn follow(
        database: Arc<dyn Database>,
        coherence: &Arc<Coherence>,
        max_stale: Duration,
    ) -> Self {
        let pulse = Arc::new(Pulse { start: Instant::now(), last: AtomicU64::new(0) });
        let following = follow(database, Arc::downgrade(coherence), Arc::clone(&pulse));
        let task =
            Handle::try_current().ok().map(|runtime| runtime.spawn(following).abort_handle());
        Self { pulse, max_stale, task }
    }
}

#[async_trait]
impl Peers for ChangeFeed {
    /// They follow the database as well.
    async fn tell(&self, _touched: &Touched) {}

    fn is_heard(&self) -> bool {
        self.pulse.age().is_some_and(|age| age < self.max_stale)
    }
}

impl Drop for ChangeFeed {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Pulse {
    fn beat(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last.store(millis + 1, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.last.store(0, Ordering::SeqCst);
    }

    fn age(&self) -> Option<Duration> {
        let last = self.last.load(Ordering::SeqCst).checked_sub(1)?;
        Some(self.start.elapsed().saturating_sub(Duration::from_millis(last)))
    }
}

async fn follow(database: Arc<dyn Database>, coherence: Weak<Coherence>, pulse: Arc<Pulse>) {
    loop {
        if let Err(error) = follow_once(&database, &coherence, &pulse).await {
            if error.kind() == ErrorKind::Closed {
                return;
            }
            tracing::warn!(%error, "changes by other processes are not heard; nothing is answered from what was kept");
        }
        pulse.stop();
        if coherence.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Follows until the feed ends.
async fn follow_once(
    database: &Arc<dyn Database>,
    coherence: &Weak<Coherence>,
    pulse: &Pulse,
) -> jvspatial_db::Result<()> {
    let mut stream = database.watch(WatchOptions::new().ids_only()).await?;
    let Some(known) = coherence.upgrade() else { return Ok(()) };
    // What happened before is not told.
    known.epochs().advance_all();
    pulse.beat();
    drop(known);
    while let Some(step) = stream.try_step().await? {
        let Some(coherence) = coherence.upgrade() else { return Ok(()) };
        match step {
            Progress::Event(ChangeEvent::Changed(change)) => {
                let is_new_or_gone = change.kind != ChangeKind::Updated;
                coherence.heard(Touched::by_change(&change.id, is_new_or_gone).slots());
            }
            Progress::Passed(_) => {}
            // History is lost, or something that this version does not know.
            _ => coherence.epochs().advance_all(),
        }
        pulse.beat();
    }
    Ok(())
}
