//! Who watches a walk.

use std::fmt;

use super::limits::Limit;
use super::outcome::{Ended, Stats};

/// Something that is told how a walk goes, such as a progress bar.
///
/// It is called from the walk itself, so it must not block; every call does nothing unless it is implemented. A panic in it
/// ends the walk with an error, as one in a hook does. [`ProgressBar`](super::ProgressBar) is one.
///
/// ```
/// use std::sync::Arc;
///
/// use jvspatial_core::{Observer, Progress};
///
/// #[derive(Debug)]
/// struct Log;
///
/// impl Observer for Log {
///     fn chunk(&self, progress: &Progress) {
///         println!("{}: {} visited, {} wait", progress.walker, progress.stats.visited, progress.waiting);
///     }
/// }
/// # let _: Arc<dyn Observer> = Arc::new(Log);
/// ```
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// The walk begins, or goes on after a pause.
    fn started(&self, progress: &Progress) {
        let _ = progress;
    }

    /// A visit is over.
    fn visit(&self, progress: &Progress) {
        let _ = progress;
    }

    /// A chunk is over: what its hooks asked to follow waits now.
    fn chunk(&self, progress: &Progress) {
        let _ = progress;
    }

    /// A limit has ended the walk, or cut it at a depth.
    fn limit(&self, limit: Limit, progress: &Progress) {
        let _ = (limit, progress);
    }

    /// The walk is over, or pauses.
    fn finished(&self, ended: Ended, progress: &Progress) {
        let _ = (ended, progress);
    }
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The name of the walker's type.
    pub walker: &'static str,
    /// What the walk did so far.
    pub stats: Stats,
    /// How much waits to be visited.
    pub waiting: usize,
}

impl Progress {
    /// Visits per second of time at work so far; 0 before the first.
    pub fn visits_per_second(&self) -> f64 {
        per_second(self.stats.visited, &self.stats)
    }

    /// Writes per second of time at work so far.
    pub fn writes_per_second(&self) -> f64 {
        per_second(self.stats.written, &self.stats)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is an estimate")]
fn per_second(count: u64, stats: &Stats) -> f64 {
    let seconds = stats.elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
