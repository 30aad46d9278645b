//! An observer that shows how far a walk has come.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::observer::{Observer, Progress};
use super::outcome::Ended;

/// Shows in one line of plain text how far a walk has come and how fast it goes, over and over.
///
/// It is written anew at most ten times a second, each time over itself by a carriage return, and ends with a line break. What
/// cannot be written is passed over: a walk does not fail for its progress bar.
///
/// ```
/// use std::sync::Arc;
///
/// # use jvspatial_core::{Control, Graph, Here, HookError, ProgressBar, Result, Walk, Walker};
/// # struct Tour;
/// # impl Walker for Tour {
/// #     type Report = ();
/// #     const NAME: &'static str = "Tour";
/// #     async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
/// #         Ok(Control::Continue)
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// # let graph = Graph::open("memory:").await?;
/// let bar = ProgressBar::new(std::io::stderr()).total(1_000_000);
/// // Tour  12% 120,412 visited (250,310/s), 4,100 waiting, 0 written (0/s), 0.5 s
/// graph.walk(Tour).observer(Arc::new(bar)).run().await?;
/// # Ok(())
/// # }
/// ```
pub struct ProgressBar<T> {
    total: Option<u64>,
    pause: Duration,
    shown: Mutex<Shown<T>>,
}

/// What was written.
struct Shown<T> {
    to: T,
    at: Option<Instant>,
    /// How long the line is that is to be written over.
    width: usize,
}

impl<T: Write + Send + 'static> ProgressBar<T> {
    /// One that is written to `to`, such as the standard error.
    pub fn new(to: T) -> Self {
        let shown = Shown { to, at: None, width: 0 };
        Self { total: None, pause: Duration::from_millis(100), shown: Mutex::new(shown) }
    }

    /// Shows what part of so many visits is done. Default: the count alone.
    #[must_use]
    pub const fn total(mut self, visits: u64) -> Self {
        self.total = Some(visits);
        self
    }

    /// How long the line stays as it is. Default: 100 ms.
    #[must_use]
    pub const fn every(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    fn shown(&self) -> MutexGuard<'_, Shown<T>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, progress: &Progress) {
        let mut shown = self.shown();
        if shown.at.is_none_or(|at| at.elapsed() >= self.pause) {
            shown.at = Some(Instant::now());
            let line = self.line(progress);
            shown.write(&line, "");
        }
    }

    fn line(&self, progress: &Progress) -> String {
        let Progress { walker, stats, waiting, .. } = progress;
        let part = self.total.map_or_else(String::new, |total| {
            let percent = u128::from(stats.visited) * 100 / u128::from(total.max(1));
            format!(" {:>3}%", percent.min(100))
        });
        format!(
            "{walker}{part} {} visited ({}/s), {} waiting, {} written ({}/s), {:.1} s",
            grouped(stats.visited),
            rounded(progress.visits_per_second()),
            grouped(*waiting as u64),
            grouped(stats.written),
            rounded(progress.writes_per_second()),
            stats.elapsed.as_secs_f64(),
        )
    }
}

impl<T: Write> Shown<T> {
    fn begin(&mut self) {
        (self.at, self.width) = (None, 0);
    }

    /// Writes `line` over the last one.
    fn write(&mut self, line: &str, end: &str) {
        let width = self.width;
        self.width = line.len();
        // Nothing is to be done about a terminal that is gone.
        drop(write!(self.to, "\r{line:width$}{end}").and_then(|()| self.to.flush()));
    }
}

impl<T: Write + Send + 'static> Observer for ProgressBar<T> {
    fn started(&self, progress: &Progress) {
        self.shown().begin();
        self.show(progress);
    }

    fn visit(&self, progress: &Progress) {
        // To look at the clock at each visit would be a good part of what a walk costs.
        if progress.stats.visited.is_multiple_of(64) {
            self.show(progress);
        }
    }

    fn chunk(&self, progress: &Progress) {
        self.show(progress);
    }

    fn finished(&self, ended: Ended, progress: &Progress) {
        let line = self.line(progress);
        let ending = match ended {
            Ended::Finished => "finished".to_owned(),
            Ended::Disengaged => "ended by a hook".to_owned(),
            Ended::Paused => "paused".to_owned(),
            Ended::Cancelled => "cancelled".to_owned(),
            Ended::Failed => "failed".to_owned(),
            Ended::Limit(limit) => limit.to_string(),
        };
        self.shown().write(&format!("{line}: {ending}"), "\n");
    }
}

/// A rate as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is neither negative nor anywhere near the largest number"
)]
fn rounded(rate: f64) -> String {
    grouped(rate.round() as u64)
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl<T> fmt::Debug for ProgressBar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressBar").field("total", &self.total).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
