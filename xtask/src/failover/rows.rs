//! Which tests show which promise, and how many rounds the long figures take.

use crate::torture::rows::{Row, Shows, row};

/// The promises that are shown here.
pub(super) const PROMISES: [u8; 6] = [14, 15, 16, 18, 19, 20];

/// The rows in the order in which they run: short ones first, so that a slip shows early. Those of transactions (R17) and
/// of the change feed (R21) belong here as well.
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
