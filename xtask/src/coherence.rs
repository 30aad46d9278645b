//! `cargo xtask coherence`: what processes keep of one database while what tells them of each other breaks, R23.

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo;
use crate::features::FACADE;
use crate::one_build::{self, OneBuild};
use crate::services::{Reason, Service, Services};
use crate::torture::rows::{Goal, Row, row};
use crate::torture::verdict::{self, Done};
use crate::torture::{finish, is_passed, run_rows};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long each row reads and writes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// Replay this seed instead of a new one for each test
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// The figures of `cargo xtask test`.
    const QUICK: Self = Self { seconds: 5, seed: None };
}

/// What tells processes of each other.
const ROWS: &[Row] = &[
    row("redis", &[23], "coherence::through_redis", &[]),
    row("feed", &[23], "coherence::through_the_change_feed", &[]),
    row("broken feed", &[23], "coherence::while_the_feed", &[]),
    row("untold", &[23], "coherence::untold::", &[]),
];

/// Which servers the rows need.
pub(crate) const SERVERS: [Service; 2] = [Service::Mongodb, Service::Redis];

pub(crate) fn run(options: &Options) -> ExitCode {
    let done =
        Services::start(&SERVERS).and_then(|services| Ok(coherence(options, &services, None)?));
    let done: Result<_, Reason> = done;
    finish("coherence", done.map(|done| is_passed(&done)).map_err(|reason| reason.to_string()))
}

/// The quick figures; how many rows held.
pub(crate) fn quick(services: &Services, built: &OneBuild) -> Result<String, String> {
    verdict::summary(&coherence(&Options::QUICK, services, Some(built))?)
}

/// Runs the rows and prints the table.
fn coherence(
    options: &Options,
    services: &Services,
    built: Option<&OneBuild>,
) -> Result<Vec<Done>, String> {
    // It waits more than it computes, so it is built as tests are.
    let program = one_build::test_program(built, FACADE)?;
    let rows: Vec<_> = ROWS.iter().collect();
    let done = run_rows("coherence", &rows, Goal::Quick, |row| {
        let mut command = command(&program, row, options);
        services.tell(&mut command);
        command
    })?;
    let columns = ["rounds", "reads", "stale", "lowered", "missed", "late", "slow"];
    println!("\n== coherence: summary\n{}", verdict::table(&done, &[23], &columns));
    Ok(done)
}

fn command(program: &Path, row: &Row, options: &Options) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cargo::root());
    command.args([row.filter, "--ignored", "--test-threads=1"]);
    command.env("JVSPATIAL_TEST_COHERENCE_SECONDS", options.seconds.to_string());
    match options.seed {
        Some(seed) => command.env("JVSPATIAL_TEST_COHERENCE_SEED", seed.to_string()),
        None => command.env_remove("JVSPATIAL_TEST_COHERENCE_SEED"),
    };
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

    #[test]
    fn a_run_takes_as_long_as_is_wished_for_and_a_minute_by_itself() {
        let seconds = |words: &[&str]| {
            let words = [&["coherence"], words].concat();
            let options = Line::try_parse_from(words).ok()?.options;
            let command = command(Path::new("it"), &ROWS[0], &options);
            let name = "JVSPATIAL_TEST_COHERENCE_SECONDS";
            let found = command.get_envs().find(|(named, _)| *named == name)?.1?;
            Some(found.to_str()?.to_owned())
        };
        assert_eq!(seconds(&[]).as_deref(), Some("60"));
        assert_eq!(seconds(&["--seconds", "7"]).as_deref(), Some("7"));
        assert_eq!(seconds(&["--seconds", "0"]), None);
    }
}
