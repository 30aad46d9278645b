//! What a chore of rows is asked for, whichever promises they show.

use std::path::Path;
use std::process::Command;

use clap::Args;

use super::rows::{Goal, Row};
use crate::cargo;

#[derive(Debug, Args)]
pub(crate) struct Wishes {
    /// Only rows for these promises, such as `R2,R8`, or with these words in their names
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The quick figures instead of the long ones
    #[arg(long)]
    quick: bool,
    /// Replay this seed instead of a new one for each test
    #[arg(long)]
    seed: Option<u64>,
    /// Begin no further round of a row after so many minutes; a row that falls short then fails
    #[arg(long, default_value_t = 30)]
    minutes_per_row: u64,
}

impl Wishes {
    /// The quick figures of every row.
    pub(crate) const QUICK: Self =
        Self { only: Vec::new(), quick: true, seed: None, minutes_per_row: 30 };

    pub(crate) fn goal(&self) -> Goal {
        if self.quick { Goal::Quick } else { Goal::Long }
    }

    /// The rows that are wished for; a wish that none fulfils must not pass for a green run.
    pub(crate) fn choose(&self, rows: &'static [Row]) -> Result<Vec<&'static Row>, String> {
        let is_idle = |wish: &&String| !rows.iter().any(|row| row.is_wished_for(wish));
        if let Some(wish) = self.only.iter().find(is_idle) {
            return Err(format!("no row shows or is called {wish:?}"));
        }
        let is_wished_for = |row: &&Row| {
            self.only.is_empty() || self.only.iter().any(|wish| row.is_wished_for(wish))
        };
        Ok(rows.iter().filter(is_wished_for).collect())
    }

    /// One start of the test program for a row. What a person has set for its tests is set aside.
    pub(crate) fn start(&self, program: &Path, row: &Row, goal: Goal) -> Command {
        let mut command = Command::new(program);
        command.current_dir(cargo::root().join(super::PACKAGE));
        command.args([row.filter, "--test-threads=1"]);
        command.env("JVSPATIAL_TEST_FAULT_MINUTES", self.minutes_per_row.to_string());
        command.env("JVSPATIAL_TEST_FAULT_ROUNDS", row.rounds(goal));
        command.env_remove("JVSPATIAL_TEST_FAULT_SCALE");
        match self.seed {
            Some(seed) => command.env("JVSPATIAL_TEST_FAULT_SEED", seed.to_string()),
            None => command.env_remove("JVSPATIAL_TEST_FAULT_SEED"),
        };
        command
    }
}
