//! `cargo xtask differential`: the answers of our backends beside those of a MongoDB server.

use std::env;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo::{self, DIFFERENTIAL_PACKAGE, cargo};
use crate::one_build::OneBuild;
use crate::services::{Reason, Service, Services};
use crate::stages::Outcome;

/// The profile of a long run: optimised, with every overflow a panic.
const PROFILE: &str = "torture";

/// How many cases each of the two runs of `cargo xtask test` has.
const TEST_CASES: u32 = 5_000;

/// The seed of the run that is the same every time.
const FIXED_SEED: u64 = 1;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many questions are asked [default: 100,000]
    #[arg(long)]
    cases: Option<u64>,
    /// Replay this seed instead of a new one
    #[arg(long)]
    seed: Option<u64>,
    /// Ask only questions of these kinds
    #[arg(long)]
    kind: Vec<String>,
    /// Begin no further round after so many seconds
    #[arg(long)]
    time: Option<u64>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let services = match servers() {
        Ok(services) => services,
        Err(reason) => {
            eprintln!("differential: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let mut command = command(&options.words());
    services.tell(&mut command);
    cargo::hand_over(&mut command)
}

/// The stage of `cargo xtask test`: a fixed seed, then a fresh one.
pub(crate) fn stage(built: &OneBuild) -> Outcome {
    with_servers(|services| quick(services, built))
}

/// Runs a stage that needs a MongoDB server and a compiler for its driver.
pub(crate) fn with_servers(stage: impl FnOnce(&Services) -> Result<String, String>) -> Outcome {
    with_servers_of(servers, stage)
}

/// Runs a stage that needs a compiler for the driver of MongoDB and what `start` makes of its servers.
pub(crate) fn with_servers_of<T>(
    start: impl FnOnce() -> Result<T, Reason>,
    stage: impl FnOnce(&T) -> Result<String, String>,
) -> Outcome {
    let is_ci = env::var_os("CI").is_some_and(|value| value == "true");
    match compiler().and_then(|()| start()) {
        Ok(started) => match stage(&started) {
            Ok(told) => Outcome::Passed(told),
            Err(reason) => Outcome::Failed(reason),
        },
        Err(reason) => outcome_without(reason, is_ci),
    }
}

/// A machine that lacks something may leave the stage out, save the one that nobody else stands in for.
fn outcome_without(reason: Reason, is_ci: bool) -> Outcome {
    match reason {
        Reason::Missing(why) if !is_ci => Outcome::Skipped(why),
        reason => Outcome::Failed(reason.to_string()),
    }
}

fn compiler() -> Result<(), Reason> {
    let missing = || Reason::Missing("needs a C compiler for the driver of MongoDB".to_owned());
    cargo::has_c_compiler().then_some(()).ok_or_else(missing)
}

fn servers() -> Result<Services, Reason> {
    compiler()?;
    Services::start(&[Service::Mongodb])
}

fn quick(services: &Services, built: &OneBuild) -> Result<String, String> {
    let program = built.find(DIFFERENTIAL_PACKAGE, DIFFERENTIAL_PACKAGE)?;
    let mut told = Vec::new();
    for seed in [Some(FIXED_SEED), None] {
        let options =
            Options { cases: Some(u64::from(TEST_CASES)), seed, kind: Vec::new(), time: None };
        let mut command = Command::new(&program);
        command.current_dir(cargo::root()).args(options.words());
        services.tell(&mut command);
        let mut last = None;
        cargo::run_watched(&mut command, |line| {
            if let Some(summary) = line.strip_prefix(SUMMARY) {
                last = Some(summary.to_owned());
            }
        })?;
        told.push(last.ok_or("the program did not say what it asked")?);
    }
    Ok(told.join("; "))
}

/// What the last line of the program begins with.
const SUMMARY: &str = "differential: ";

fn command(words: &[String]) -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", DIFFERENTIAL_PACKAGE, "--features", "server"]);
    command.args(["--profile", PROFILE, "--"]).args(words);
    command
}

impl Options {
    /// The options as the program takes them.
    fn words(&self) -> Vec<String> {
        let mut words = vec!["--cases".to_owned(), self.cases.unwrap_or(100_000).to_string()];
        words
            .extend(self.seed.into_iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
        words.extend(self.kind.iter().flat_map(|kind| ["--kind".to_owned(), kind.clone()]));
        words
            .extend(self.time.into_iter().flat_map(|time| ["--time".to_owned(), time.to_string()]));
        words
    }
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

    fn words(words: &[&str]) -> String {
        let line = Line::try_parse_from([&["differential"], words].concat()).unwrap();
        line.options.words().join(" ")
    }

    #[test]
    fn options_are_forwarded_to_the_program() {
        assert_eq!(words(&[]), "--cases 100000");
        assert_eq!(
            words(&[
                "--kind", "find", "--seed", "7", "--cases", "10", "--kind", "sort", "--time", "9"
            ]),
            "--cases 10 --seed 7 --kind find --kind sort --time 9"
        );
    }

    #[test]
    fn a_machine_that_lacks_something_may_skip_and_the_ci_may_not() {
        let missing = || Reason::Missing("needs mongod".to_owned());
        let why = "needs mongod".to_owned();
        assert_eq!(outcome_without(missing(), false), Outcome::Skipped(why.clone()));
        assert_eq!(outcome_without(missing(), true), Outcome::Failed(why));
        let failed = Reason::Failed("it broke".to_owned());
        assert_eq!(outcome_without(failed, false), Outcome::Failed("it broke".to_owned()));
    }

    #[test]
    fn the_program_is_built_with_its_driver() {
        let command = command(&["--cases".to_owned()]);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(
            words.join(" "),
            "run --quiet --package jvspatial-differential --features server --profile torture -- --cases"
        );
    }
}
