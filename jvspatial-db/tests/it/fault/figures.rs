//! What a fault test counts, its seed, and the line it ends with.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What one run of a fault test saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Kills, cuts, states or whatever else was tried.
    pub(crate) rounds: u64,
    pub(crate) acknowledged: u64,
    /// Acknowledged and not there, silently or because the store does not open.
    pub(crate) lost: u64,
    /// Batches found in part, and answers that no whole number of batches gives.
    pub(crate) torn: u64,
    /// Writes that were not answered, and are there or not.
    pub(crate) unknown: u64,
}

impl Figures {
    pub(crate) fn is_sound(&self) -> bool {
        self.lost == 0 && self.torn == 0
    }

    /// Adds what another run saw.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { rounds, acknowledged, lost, torn, unknown } = other;
        self.rounds += rounds;
        self.acknowledged += acknowledged;
        self.lost += lost;
        self.torn += torn;
        self.unknown += unknown;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, acknowledged, lost, torn, unknown } = self;
        write!(
            f,
            "rounds {rounds}, acknowledged {acknowledged}, lost {lost}, torn {torn}, unknown {unknown}"
        )
    }
}

/// Prints past the test harness, which keeps the output of a test that passes to itself.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    // One write, so that lines of tests side by side do not mix.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Whether the first thing that goes wrong is to be told at once; controls are full of them.
pub(crate) fn wants_words() -> bool {
    std::env::var_os("JVSPATIAL_TEST_FAULT_SEED").is_some()
}

/// Prints the line that ends a test.
pub(crate) fn report(test: &str, seed: u64, figures: &Figures, controls: &[(&str, Figures)]) {
    let mut line = format!("fault {test}: {figures}; seed {seed}");
    for (control, figures) in controls {
        line.push_str(&format!("; control {control}: {figures}"));
    }
    say(format_args!("{line}"));
}

/// Says that a test did not run, and what it would take; a test never passes over that in silence.
pub(crate) fn skip(test: &str, why: &str) {
    say(format_args!("fault {test}: skipped: {why}"));
}

/// The seed of this run.
pub(crate) fn seed() -> u64 {
    variable("JVSPATIAL_TEST_FAULT_SEED")
        .unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

/// A number of rounds, many times more in a long run.
pub(crate) fn rounds(quick: u64) -> u64 {
    quick * variable("JVSPATIAL_TEST_FAULT_SCALE").unwrap_or(1)
}

/// A number of rounds that `JVSPATIAL_TEST_FAULT_ROUNDS` may set for the figures called `name`, as in
/// `kill=10000,crash/sync=1000000`. Without an entry there it is as many as [`rounds`] says.
pub(crate) fn rounds_of(name: &str, quick: u64) -> u64 {
    let sizes = std::env::var("JVSPATIAL_TEST_FAULT_ROUNDS").unwrap_or_default();
    for size in sizes.split(',').filter(|size| !size.is_empty()) {
        let number = size.split_once('=').map(|(name, number)| (name, number.parse()));
        match number {
            Some((named, Ok(number))) if named == name => return number,
            Some((_, Ok(_))) => {}
            _ => panic!("JVSPATIAL_TEST_FAULT_ROUNDS names no figures and number: {size:?}"),
        }
    }
    rounds(quick)
}

/// Whether the `JVSPATIAL_TEST_FAULT_MINUTES` of this run are over: then no further round is begun.
pub(crate) fn time_is_up() -> bool {
    static END: LazyLock<Option<Instant>> = LazyLock::new(|| {
        let minutes = variable("JVSPATIAL_TEST_FAULT_MINUTES")?;
        Some(Instant::now() + Duration::from_secs(minutes * 60))
    });
    END.is_some_and(|end| Instant::now() >= end)
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

/// SplitMix64: small, and the same everywhere for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}
