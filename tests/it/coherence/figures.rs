//! What a run saw, and the line it ends with.

use std::fmt;
use std::io::Write as _;

/// What one run, or its control, saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Freezes, kills, cuts and losses; quiet seconds where nothing is broken.
    pub(super) rounds: u64,
    pub(super) writes: u64,
    pub(super) reads: u64,
    /// Reads that began after a newer version was acknowledged.
    pub(super) stale: u64,
    /// Reads of a version below one that the same task had seen.
    pub(super) lowered: u64,
    /// Reads below a version that a write of their own process had been acknowledged.
    pub(super) missed: u64,
    /// Stale by more than the bound that holds whatever happens.
    pub(super) late: u64,
    /// Stale by more than the bound while all is well, where a thousandth of the stale reads may be.
    pub(super) slow: u64,
    /// The oldest read while all is well, and at all, in milliseconds.
    pub(super) well: u64,
    pub(super) worst: u64,
}

impl Figures {
    pub(super) fn is_sound(&self) -> bool {
        self.lowered + self.missed + self.late + self.slow == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, writes, reads, stale, lowered, .. } = self;
        let Self { missed, late, slow, well, worst, .. } = self;
        write!(f, "rounds {rounds}, writes {writes}, reads {reads}, stale {stale}, ")?;
        write!(f, "lowered {lowered}, missed {missed}, late {late}, slow {slow}, ")?;
        write!(f, "well {well}, worst {worst}")
    }
}

/// Prints past the test harness, which keeps the output of a test that passes to itself.
pub(super) fn say(line: fmt::Arguments<'_>) {
    // One write, so that lines of processes side by side do not mix.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Prints the line that ends a test, and fails it unless the promise was kept and every control broke it.
pub(super) fn report(test: &str, seed: u64, figures: &Figures, controls: &[(&str, Figures)]) {
    let mut line = format!("coherence {test}: {figures}; seed {seed}");
    for (control, figures) in controls {
        line.push_str(&format!("; control {control}: {figures}"));
    }
    say(format_args!("{line}"));
    assert!(figures.rounds > 0 && figures.is_sound(), "{line}");
    assert!(controls.iter().all(|(_, control)| !control.is_sound()), "{line}");
}
