//! The time a walk has been at work.

use std::time::Duration;

use tokio::time::Instant;

/// Counts the time between starts and stops, so that a walk does not age while it is paused.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    before: Duration,
    since: Option<Instant>,
}

impl Clock {
    /// One that has counted `before` already.
    pub(super) const fn after(before: Duration) -> Self {
        Self { before, since: None }
    }

    pub(super) fn start(&mut self) {
        self.since = Some(Instant::now());
    }

    pub(super) fn stop(&mut self) {
        self.before = self.elapsed();
        self.since = None;
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
