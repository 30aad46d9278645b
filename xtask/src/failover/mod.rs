//! `cargo xtask failover`: the promises of the MongoDB backend, R14 to R21, on replica sets of three whose members step down,
//! die, freeze and are cut off.

mod rows;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo::{self, cargo};
use crate::services;
use crate::torture::rows::{Goal, Row};
use crate::torture::{choose, find_program, finish, is_passed, run_rows, start, verdict};
use rows::{PROMISES, ROWS};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// So many failovers, batches or histories for each row instead of the long figures
    #[arg(long, conflicts_with = "quick", value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// Only rows for these promises, such as `R14,R18`, or with these words in their names
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

impl Options {
    fn goal(&self) -> Goal {
        match self.rounds {
            Some(rounds) => Goal::Rounds(rounds),
            None if self.quick => Goal::Quick,
            None => Goal::Long,
        }
    }
}

pub(crate) fn run(options: &Options) -> ExitCode {
    finish("failover", failover(options))
}

/// Runs the rows and prints the table; whether none of them failed.
fn failover(options: &Options) -> Result<bool, String> {
    let rows = choose(ROWS, &options.only)?;
    let server = services::mongod().map_err(|reason| reason.to_string())?;
    let program = build()?;
    let goal = options.goal();
    let done = run_rows("failover", &rows, goal, |row| command(&program, &server, row, options))?;
    let columns = ["rounds", "acknowledged", "lost", "double", "misreported", "unknown"];
    println!("\n== failover: summary\n{}", verdict::table(&done, &PROMISES, &columns));
    Ok(is_passed(&done))
}

/// What tests of failovers read to find the server that they start.
const SERVER: &str = "JVSPATIAL_TEST_MONGOD";

/// Builds the test program and says where it is. It waits more than it computes, so it is built as tests are.
fn build() -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args(["test", "--package", "jvspatial-db", "--features", "mongodb", "--test", "it"]);
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    find_program(&cargo::output(&mut command)?)
}

fn command(program: &Path, server: &Path, row: &Row, options: &Options) -> Command {
    let minutes = options.minutes_per_row;
    let mut command = start(program, row, options.goal(), minutes, options.seed);
    command.arg("--include-ignored").env(SERVER, server);
    command
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(words: &[&str]) -> Result<Options, clap::Error> {
        Line::try_parse_from([&["failover"], words].concat()).map(|line| line.options)
    }

    #[test]
    fn rounds_are_those_of_the_rows_unless_others_are_wished_for() {
        let row = ROWS.iter().find(|row| row.name == "saves").unwrap();
        let rounds = |words: &[&str]| {
            let command =
                command(Path::new("it"), Path::new("mongod"), row, &options(words).unwrap());
            let mut set = command.get_envs();
            let rounds = set.find(|(name, _)| *name == "JVSPATIAL_TEST_FAULT_ROUNDS").unwrap();
            rounds.1.unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(rounds(&[]), "saves=300");
        assert_eq!(rounds(&["--rounds", "7"]), "saves=7");
        assert_eq!(rounds(&["--quick"]), "");
        assert!(options(&["--quick", "--rounds", "7"]).is_err());
        assert!(options(&["--rounds", "0"]).is_err());
    }

    #[test]
    fn a_wish_that_no_row_fulfils_is_refused() {
        assert!(choose(ROWS, &options(&["--only", "R14,R2"]).unwrap().only).is_err());
        assert!(choose(ROWS, &options(&["--only", "R18"]).unwrap().only).unwrap().len() >= 4);
    }
}
