//! The rows of the torture: which tests show which promise, and how many rounds the long figures take.

/// One start of the test program.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The promises that it shows, by their numbers.
    pub(crate) promises: &'static [u8],
    /// What the path of a test contains that belongs to it.
    pub(crate) filter: &'static str,
    /// How many rounds a long run takes, by the name in the report.
    pub(crate) sizes: &'static [(&'static str, u64)],
    pub(crate) shows: Shows,
}

/// What a row must show besides tests that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Reports, with a control among them.
    Figures,
    /// Nothing: a promise without a control or whose tests judge it themselves, which need not count.
    Tests,
}

/// The promises of the JSON database: R1 to R13, and R17 of transactions.
pub(crate) const PROMISES: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17];

/// How many rounds a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// As many as the tests take by themselves.
    Quick,
    /// Those of the row.
    Long,
    /// So many for each figure.
    Rounds(u64),
}

pub(crate) const fn row(
    name: &'static str,
    promises: &'static [u8],
    filter: &'static str,
    sizes: &'static [(&'static str, u64)],
) -> Row {
    Row { name, promises, filter, sizes, shows: Shows::Figures }
}

/// The rows in the order in which they run: short ones first, so that a slip shows early.
pub(crate) const ROWS: &[Row] = &[
    row("closed", &[13], "fault::cut::a_journal_shortened", &[("closed", 400)]),
    row("reopen", &[13], "fault::reopen::", &[("reopen", 40_000)]),
    row("cut", &[4], "fault::cut::a_journal_cut", &[]),
    row("rot", &[5], "fault::rot::", &[]),
    Row {
        name: "rot/open",
        promises: &[6],
        filter: "fault::rot::open::",
        sizes: &[],
        shows: Shows::Tests,
    },
    Row {
        name: "format",
        promises: &[11],
        filter: "fault::fixtures::",
        sizes: &[],
        shows: Shows::Tests,
    },
    row("full", &[7], "fault::full::", &[]),
    row("small", &[7], "fault::small::", &[("small/disk", 100), ("small/limits", 100)]),
    row("sync", &[8], "fault::sync::", &[]),
    row("sync call", &[8], "fault::sync_call::", &[]),
    row("failing", &[8], "fault::failing::", &[("failing/end", 100), ("failing/read-only", 100)]),
    row("lock", &[10], "fault::lock::", &[("lock/processes", 1_000), ("lock/threads", 1_000)]),
    row(
        "readers",
        &[4],
        "fault::readers::",
        &[("readers/get", 1_000_000), ("readers/find", 20_000)],
    ),
    row("strace", &[1], "fault::strace::", &[]),
    row("each call", &[1], "fault::each_call::", &[]),
    row(
        "power/ext4/sync",
        &[2, 9],
        "fault::power::what_was_acknowledged_survives_a_power_cut_on_ext4",
        &[("power/ext4/sync", 1_000)],
    ),
    row(
        "power/xfs/sync",
        &[2, 9],
        "fault::power::what_was_acknowledged_survives_a_power_cut_on_xfs",
        &[("power/xfs/sync", 1_000)],
    ),
    row(
        "power/ext4/interval",
        &[3],
        "fault::power::an_interval_bounds_what_a_power_cut_takes_on_ext4",
        &[("power/ext4/interval", 1_000)],
    ),
    row(
        "power/xfs/interval",
        &[3],
        "fault::power::an_interval_bounds_what_a_power_cut_takes_on_xfs",
        &[("power/xfs/interval", 1_000)],
    ),
    row(
        "power/ext4/os",
        &[3],
        "fault::power::without_sync_a_power_cut_on_ext4",
        &[("power/ext4/os", 1_000)],
    ),
    row(
        "power/xfs/os",
        &[3],
        "fault::power::without_sync_a_power_cut_on_xfs",
        &[("power/xfs/os", 1_000)],
    ),
    row(
        "transactions",
        &[17],
        "fault::transactions::",
        &[("transactions/bank", 100_000), ("transactions/lists", 100_000)],
    ),
    row(
        "crash/transactions",
        &[2, 17],
        "fault::crash::every_power_cut_leaves_transactions",
        &[("crash/transactions", 100_000)],
    ),
    row(
        "crash/sync",
        &[2, 9],
        "fault::crash::every_power_cut_leaves_what",
        &[("crash/sync", 1_000_000)],
    ),
    row(
        "crash/twice",
        &[2, 9],
        "fault::crash::a_power_cut_after_a_kill",
        &[("crash/twice", 100_000)],
    ),
    row(
        "crash/unsynced",
        &[3],
        "fault::crash::without_sync",
        &[("crash/os", 100_000), ("crash/interval", 100_000)],
    ),
    row(
        "compaction",
        &[12],
        "fault::compaction::",
        &[("compaction/model", 10_000_000), ("compaction/crash/sync", 100_000)],
    ),
    row(
        "kill/unsynced",
        &[3],
        "fault::kill::without_sync",
        &[("kill/interval", 1_000), ("kill/os", 1_000)],
    ),
    row("kill", &[1], "fault::kill::what_was_acknowledged", &[("kill", 10_000)]),
];

impl Row {
    /// Whether `wish` names it: a promise such as `R2`, or a part of its name.
    pub(crate) fn is_wished_for(&self, wish: &str) -> bool {
        let promise = wish.strip_prefix(['R', 'r']).and_then(|number| number.parse().ok());
        match promise {
            Some(number) => self.promises.contains(&number),
            None => self.name.contains(wish),
        }
    }

    /// The figures of the row, and how many rounds each has to reach.
    pub(crate) fn goals(&self, goal: Goal) -> impl Iterator<Item = (&'static str, u64)> {
        self.sizes.iter().map(move |(name, size)| match goal {
            Goal::Quick => (*name, 1),
            Goal::Long => (*name, *size),
            Goal::Rounds(rounds) => (*name, rounds),
        })
    }

    /// The rounds as the test program takes them.
    pub(crate) fn rounds(&self, goal: Goal) -> String {
        if goal == Goal::Quick {
            return String::new();
        }
        let sizes = self.goals(goal).map(|(name, rounds)| format!("{name}={rounds}"));
        sizes.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_has_a_row_and_every_row_a_name_of_its_own() {
        for promise in PROMISES {
            assert!(ROWS.iter().any(|row| row.promises.contains(promise)), "R{promise}");
        }
        let promised = |row: &Row| row.promises.iter().all(|number| PROMISES.contains(number));
        assert!(ROWS.iter().all(promised));
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }

    #[test]
    fn rows_are_wished_for_by_promise_or_by_a_part_of_the_name() {
        let named = |wish: &str| ROWS.iter().filter(|row| row.is_wished_for(wish)).count();
        assert_eq!(named("R1"), 3);
        assert_eq!(named("r7"), 2);
        assert_eq!(named("power/xfs"), 3);
        assert_eq!(named("R14"), 0);
        assert_eq!(named("jornal"), 0);
    }

    #[test]
    fn the_long_figures_are_those_that_were_promised() {
        let size = |name: &str| {
            let mut sizes = ROWS.iter().flat_map(|row| row.sizes);
            sizes.find(|(named, _)| *named == name).map(|(_, size)| *size)
        };
        assert_eq!(size("kill"), Some(10_000));
        assert_eq!(size("power/ext4/sync"), Some(1_000));
        assert_eq!(size("power/xfs/sync"), Some(1_000));
        assert_eq!(size("crash/sync"), Some(1_000_000));
        assert_eq!(size("compaction/model"), Some(10_000_000));
        assert_eq!(size("readers/get"), Some(1_000_000));
        assert_eq!(size("transactions/bank"), Some(100_000));
        assert_eq!(size("transactions/lists"), Some(100_000));
    }

    #[test]
    fn rounds_are_spelt_as_the_tests_read_them() {
        let row = ROWS.iter().find(|row| row.name == "lock").unwrap();
        assert_eq!(row.rounds(Goal::Long), "lock/processes=1000,lock/threads=1000");
        assert_eq!(row.rounds(Goal::Rounds(7)), "lock/processes=7,lock/threads=7");
        assert_eq!(row.rounds(Goal::Quick), "");
    }
}
