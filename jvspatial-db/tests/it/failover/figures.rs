//! What a test counts, and the line it ends with.

use std::fmt;

pub(super) use crate::fault::figures::{Random, rounds_of, say, seed, time_is_up, wants_words};

/// What one run of a test, or of its control, saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Failovers, batches, histories or whatever else was tried.
    pub(super) rounds: u64,
    pub(super) acknowledged: u64,
    /// Acknowledged and not there.
    pub(super) lost: u64,
    /// Applied more than once.
    pub(super) double: u64,
    /// Told otherwise than it was: outcomes, answers of reads, ends that came too late.
    pub(super) misreported: u64,
    /// Writes of which it was told that they may have happened.
    pub(super) unknown: u64,
}

impl Figures {
    pub(super) fn is_sound(&self) -> bool {
        self.lost == 0 && self.double == 0 && self.misreported == 0
    }

    /// Adds what another run saw.
    pub(super) fn add(&mut self, other: &Self) {
        let Self { rounds, acknowledged, lost, double, misreported, unknown } = other;
        self.rounds += rounds;
        self.acknowledged += acknowledged;
        self.lost += lost;
        self.double += double;
        self.misreported += misreported;
        self.unknown += unknown;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, acknowledged, lost, double, misreported, unknown } = self;
        write!(f, "rounds {rounds}, acknowledged {acknowledged}, lost {lost}, ")?;
        write!(f, "double {double}, misreported {misreported}, unknown {unknown}")
    }
}

/// Prints the line that ends a test, and fails it unless the promise was kept and every control broke it.
pub(super) fn report(test: &str, seed: u64, figures: &Figures, controls: &[(&str, Figures)]) {
    let mut line = format!("failover {test}: {figures}; seed {seed}");
    for (control, figures) in controls {
        line.push_str(&format!("; control {control}: {figures}"));
    }
    say(format_args!("{line}"));
    assert!(figures.rounds > 0 && figures.is_sound(), "{line}");
    assert!(controls.iter().all(|(_, control)| !control.is_sound()), "{line}");
}

/// Says that a test did not run, and what it would take; a test never passes over that in silence.
pub(super) fn skip(test: &str, why: &str) {
    say(format_args!("failover {test}: skipped: {why}"));
}

/// Tells what goes wrong at once, when a seed is replayed.
pub(super) fn tell(what: fmt::Arguments<'_>) {
    if wants_words() {
        say(what);
    }
}
