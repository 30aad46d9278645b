//! `cargo xtask failover`: the promises of the MongoDB backend, R14 to R21, on replica sets of three whose members step down,
//! die, freeze and are cut off.

mod rows;

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::differential::with_servers_of;
use crate::one_build::{self, OneBuild};
use crate::services::{self, Reason, Services};
use crate::stages::Outcome;
use crate::torture::rows::{Goal, Row};
use crate::torture::verdict::{self, Done};
use crate::torture::wishes::Wishes;
use crate::torture::{finish, is_passed, run_lanes, run_rows};
use rows::{ALONE, LANES, LEFT_OUT, PROMISES, ROWS};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// So many failovers, batches or histories for each row instead of the long figures
    #[arg(long, conflicts_with = "quick", value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    #[command(flatten)]
    wishes: Wishes,
}

impl Options {
    fn goal(&self) -> Goal {
        self.rounds.map_or_else(|| self.wishes.goal(), Goal::Rounds)
    }
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let done = options.wishes.choose(ROWS).map_err(Reason::from);
    let done = done.and_then(|rows| failover(options, &rows, None));
    let done = done.map_err(|reason| reason.to_string());
    finish("failover", done.map(|done| is_passed(&done)))
}

/// The stage of `cargo xtask test`: the quick figures of most rows.
pub(crate) fn stage(built: &OneBuild) -> Outcome {
    let options = Options { rounds: None, wishes: Wishes::QUICK };
    let rows: Vec<_> = ROWS.iter().filter(|row| !LEFT_OUT.contains(&row.name)).collect();
    with_servers_of(
        || failover(&options, &rows, Some(built)),
        |done| Ok(format!("{}; without {}", verdict::summary(done)?, LEFT_OUT.join(", "))),
    )
}

/// Runs the rows and prints the table.
fn failover(
    options: &Options,
    rows: &[&'static Row],
    built: Option<&OneBuild>,
) -> Result<Vec<Done>, Reason> {
    let server = services::mongod()?;
    let set = match rows.iter().any(|row| shares(row)) {
        true => Some(Services::of_its_own(MEMBERS)?),
        false => None,
    };
    // They wait more than they compute, so the program is built as tests are.
    let program = one_build::test_program(built, "jvspatial-db")?;
    let goal = options.goal();
    let command = |row: &Row| {
        let mut command = command(&program, &server, row, options);
        if let Some(set) = &set {
            set.tell(&mut command);
        }
        command
    };
    let done = match goal {
        Goal::Quick => {
            let named = |names: &&[&str]| -> Vec<&'static Row> {
                let find = |name: &&str| rows.iter().find(|row| row.name == *name).copied();
                names.iter().filter_map(find).collect()
            };
            let lanes: Vec<_> = LANES.iter().map(named).collect();
            let mut done = run_lanes("failover", &lanes, goal, command)?;
            done.extend(run_rows("failover", &named(&ALONE), goal, command)?);
            done
        }
        Goal::Long | Goal::Rounds(_) => run_rows("failover", rows, goal, command)?,
    };
    let columns = ["rounds", "acknowledged", "lost", "double", "misreported", "unknown"];
    println!("\n== failover: summary\n{}", verdict::table(&done, &PROMISES, &columns));
    Ok(done)
}

/// Whether the tests of a row use a replica set that is there, one row after the other, instead of starting their own.
fn shares(row: &Row) -> bool {
    row.filter.starts_with("mongo::")
}

/// How many members the replica set has that rows share.
const MEMBERS: u8 = 3;

/// What tests of failovers read to find the server that they start.
const SERVER: &str = "JVSPATIAL_TEST_MONGOD";

fn command(program: &Path, server: &Path, row: &Row, options: &Options) -> Command {
    let mut command = options.wishes.start(program, row, options.goal());
    // The set that is shared is nobody else's, so its primary may step down.
    command.arg("--include-ignored").env(SERVER, server).env(MAY_STEP_DOWN, "1");
    command
}

/// What tests read that have the primary of the set step down which they are given.
const MAY_STEP_DOWN: &str = "JVSPATIAL_TEST_STEPDOWN";

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
        let chosen = |words: &[&str]| options(words).unwrap().wishes.choose(ROWS);
        assert!(chosen(&["--only", "R14,R2"]).is_err());
        assert!(chosen(&["--only", "R18"]).unwrap().len() >= 4);
    }
}
