//! Changes by other processes, as the database tells them.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jvspatial_db::{
    ChangeEvent, ChangeKind, ChangeStream, Database, DocumentChange, ErrorKind, Progress,
    WatchOptions,
};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::coherence::{Coherence, Peers};
use super::touched::Touched;
use super::written::Written;

/// The time between two attempts to follow.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows the change feed of a database that others write to as well.
#[derive(Debug)]
pub(super) struct ChangeFeed {
    pulse: Arc<Pulse>,
    /// After how much silence nothing is trusted.
    bound: Duration,
    task: Option<AbortHandle>,
}

/// What becomes of the changes that a feed tells of.
#[async_trait]
pub(super) trait Listener: Send + Sync + 'static {
    /// The feed begins, or begins anew: what happened before is not told.
    async fn begins(&self, is_first: bool);

    /// A document was changed.
    fn changed(&self, coherence: &Coherence, change: &DocumentChange);

    /// Changes may have happened that are not told.
    async fn lost(&self);
}

/// Takes every change for one by another process.
#[derive(Debug)]
struct Plain;

#[async_trait]
impl Listener for Plain {
    async fn begins(&self, _is_first: bool) {}

    fn changed(&self, coherence: &Coherence, change: &DocumentChange) {
        let is_new_or_gone = change.kind != ChangeKind::Updated;
        coherence.heard(Touched::by_change(&change.id, is_new_or_gone).slots());
    }

    async fn lost(&self) {}
}

/// Until when all that happened is known, since the feed has told it, or that there was nothing to tell.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    /// In milliseconds since the start and one; 0 while nothing is heard.
    last: AtomicU64,
}

impl ChangeFeed {
    /// The only one to tell of others, until it is dropped. Outside of a runtime nothing is heard.
    pub(super) fn alone(
        database: Arc<dyn Database>,
        coherence: &Arc<Coherence>,
        max_stale: Duration,
    ) -> Self {
        Self::follow(database, coherence, max_stale, Plain)
    }

    /// Follows for `listener` until this is dropped.
    pub(super) fn follow(
        database: Arc<dyn Database>,
        coherence: &Arc<Coherence>,
        bound: Duration,
        listener: impl Listener,
    ) -> Self {
        let pulse = Arc::new(Pulse { start: Instant::now(), last: AtomicU64::new(0) });
        let following = follow(database, Arc::downgrade(coherence), Arc::clone(&pulse), listener);
        let task =
            Handle::try_current().ok().map(|runtime| runtime.spawn(following).abort_handle());
        Self { pulse, bound, task }
    }

    #[cfg(feature = "redis")]
    pub(super) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }
}

#[async_trait]
impl Peers for ChangeFeed {
    /// They follow the database as well.
    async fn tell(&self, _touched: &Touched, _written: &[Written]) {}

    fn is_heard(&self) -> bool {
        self.pulse.is_within(self.bound)
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
    /// All that happened until `time` is known.
    fn beat(&self, time: Instant) {
        let since = time.saturating_duration_since(self.start);
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1);
        self.last.store(millis + 1, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.last.store(0, Ordering::SeqCst);
    }

    /// Whether something was told within this time.
    pub(super) fn is_within(&self, time: Duration) -> bool {
        self.age().is_some_and(|age| age < time)
    }

    fn age(&self) -> Option<Duration> {
        let last = self.last.load(Ordering::SeqCst).checked_sub(1)?;
        Some(self.start.elapsed().saturating_sub(Duration::from_millis(last)))
    }
}

async fn follow(
    database: Arc<dyn Database>,
    coherence: Weak<Coherence>,
    pulse: Arc<Pulse>,
    listener: impl Listener,
) {
    let mut is_first = true;
    loop {
        let followed = follow_once(&database, &coherence, &pulse, &listener, &mut is_first);
        if let Err(error) = followed.await {
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
    listener: &impl Listener,
    is_first: &mut bool,
) -> jvspatial_db::Result<()> {
    let mut stream = database.watch(WatchOptions::new().ids_only()).await?;
    let Some(known) = coherence.upgrade() else { return Ok(()) };
    // What happened before is not told.
    known.epochs().advance_all();
    listener.begins(std::mem::take(is_first)).await;
    let mut news = Instant::now();
    let mut known_until = news;
    pulse.beat(known_until);
    drop(known);
    loop {
        let (step, has_waited) = next(&mut stream).await;
        let Some(step) = step? else { return Ok(()) };
        if has_waited {
            // What came may have been on its way for long. It was asked for when the news before it had come.
            known_until = std::mem::replace(&mut news, Instant::now());
        }
        let Some(coherence) = coherence.upgrade() else { return Ok(()) };
        match step {
            Progress::Event(ChangeEvent::Changed(change)) => {
                listener.changed(&coherence, &change);
            }
            Progress::Passed(_) => {}
            // History is lost, or something that this version does not know.
            _ => {
                coherence.epochs().advance_all();
                listener.lost().await;
            }
        }
        pulse.beat(known_until);
    }
}

/// The next step, and whether it had to be waited for.
async fn next(stream: &mut ChangeStream) -> (jvspatial_db::Result<Option<Progress>>, bool) {
    let mut step = pin!(stream.try_step());
    let first = poll_fn(|context| Poll::Ready(step.as_mut().poll(context))).await;
    match first {
        Poll::Ready(step) => (step, false),
        Poll::Pending => (step.await, true),
    }
}
