//! Which tests show which promise, and how many rounds the long figures take.

use crate::torture::rows::{Row, Shows, row};

/// The promises that are shown here.
pub(super) const PROMISES: [u8; 8] = [14, 15, 16, 17, 18, 19, 20, 21];

/// The rows in the order in which they run: short ones first, so that a slip shows early.
pub(super) const ROWS: &[Row] = &[
    // No promise of its own: what a database is not opened with.
    Row {
        name: "refused",
        promises: &[],
        filter: "failover::refused::",
        sizes: &[],
        shows: Shows::Tests,
    },
    row("deadline", &[19], "failover::silent::", &[]),
    row("codes", &[20], "failover::codes::", &[("codes", 150)]),
    // Their tests judge their controls themselves.
    Row {
        name: "transactions",
        promises: &[17],
        filter: "mongo::history::",
        sizes: &[],
        shows: Shows::Tests,
    },
    Row {
        name: "watch",
        promises: &[21],
        filter: "mongo::watch::nothing_is_missed_or_told_twice_while_the_primary_steps_down",
        sizes: &[],
        shows: Shows::Tests,
    },
    row("mixed", &[15], "failover::mixed::", &[("mixed", 1_000)]),
    row("outcomes", &[15], "failover::outcomes::", &[("outcomes", 10_000)]),
    row("histories", &[16], "failover::histories::", &[("histories", 10_000)]),
    row("saves", &[14], "failover::saves::", &[("saves", 300)]),
    row(
        "stepdown",
        &[18, 19],
        "failover::survival::what_was_acknowledged_survives_a_primary_that_steps_down",
        &[("survival/stepdown", 100)],
    ),
    row(
        "kill",
        &[18, 19],
        "failover::survival::what_was_acknowledged_survives_a_primary_that_is_killed",
        &[("survival/kill", 100)],
    ),
    row(
        "freeze",
        &[18, 19],
        "failover::survival::what_was_acknowledged_survives_a_primary_that_freezes",
        &[("survival/freeze", 100)],
    ),
    row("partition", &[18, 19], "failover::partition::", &[("survival/partition", 100)]),
];

/// The rows that run side by side when the figures are quick, in lanes of about as many seconds. Those that measure how
/// long writes pause are one after the other, and those that share a replica set must be in one lane.
pub(super) const LANES: [&[&str]; 4] = [
    &["stepdown", "kill", "partition", "saves"],
    &["codes", "refused"],
    &["histories", "outcomes"],
    &["deadline", "watch", "mixed", "transactions"],
];

/// The rows that run when the lanes have ended, because their pauses are so close to what was promised that others on the
/// same processors would show in them.
pub(super) const ALONE: &[&str] = &["freeze"];

/// The rows that `cargo xtask test` leaves out. Its stage `mongodb` runs the tests of the first as well. While a primary is
/// frozen, two members that stand for election at once have nobody to decide between them; now and then writes then wait
/// for the next election, longer than was promised, which is no news about a change of ours.
pub(super) const LEFT_OUT: [&str; 2] = ["transactions", "freeze"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_has_a_row_and_every_row_a_name_of_its_own() {
        for promise in PROMISES {
            assert!(ROWS.iter().any(|row| row.promises.contains(&promise)), "R{promise}");
        }
        let promised = |row: &Row| row.promises.iter().all(|number| PROMISES.contains(number));
        assert!(ROWS.iter().all(promised));
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }

    #[test]
    fn every_row_has_one_lane_or_runs_alone() {
        let mut named: Vec<_> = [&LANES.concat(), ALONE].concat();
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        named.sort_unstable();
        names.sort_unstable();
        assert_eq!(named, names);
        assert!(LEFT_OUT.iter().all(|left_out| names.contains(left_out)));
    }

    #[test]
    fn the_long_figures_are_those_that_were_promised() {
        let size = |name: &str| {
            let mut sizes = ROWS.iter().flat_map(|row| row.sizes);
            sizes.find(|(named, _)| *named == name).map(|(_, size)| *size)
        };
        assert_eq!(size("saves"), Some(300));
        assert_eq!(size("outcomes"), Some(10_000));
        assert_eq!(size("histories"), Some(10_000));
        assert_eq!(size("mixed"), Some(1_000));
        for nemesis in ["stepdown", "kill", "freeze", "partition"] {
            assert_eq!(size(&format!("survival/{nemesis}")), Some(100));
        }
    }
}
