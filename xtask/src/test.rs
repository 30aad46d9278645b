//! `cargo xtask test`: every test there is, in plain `cargo test`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo::{self, cargo};
use crate::coherence;
use crate::differential;
use crate::failover;
use crate::features::{self, FACADE};
use crate::one_build;
use crate::services::Services;
use crate::stages::{Outcome, Stages};
use crate::tally::Tally;
use crate::torture::report::Report;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only tests whose path contains this; the checks that are not tests are left out
    filter: Option<String>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let filter = options.filter.as_deref();
    let mut stages = Stages::new("test");
    let mut total = Tally::default();

    let mut airports = PathBuf::new();
    stages.run("build", || {
        let built = one_build::example(FACADE, "airports");
        Outcome::from_result(built.map(|program| airports = program))
    });
    stages.run("tests", || {
        let mut command = test_command("--tests", filter);
        tests(command.env("JVSPATIAL_TEST_AIRPORTS", &airports), &mut total)
    });
    stages.run("mongodb", || filter.map_or_else(mongodb, |_| unwanted()));
    // These wait more than they compute, and the compiler leaves them the processors.
    stages.run_both(
        |stages| {
            stages.run("doc tests", || {
                let command = test_command("--doc", filter);
                tests(&mut cargo::yielding(&command), &mut total)
            });
            stages.run("features", || filter.map_or_else(check_features, |_| unwanted()));
        },
        |stages| {
            stages.run("redis", || filter.map_or_else(redis, |_| unwanted()));
            stages.run("failover", || filter.map_or_else(failover::stage, |_| unwanted()));
            stages.run("differential", || filter.map_or_else(differential::stage, |_| unwanted()));
        },
    );
    if let Some(filter) = filter {
        stages.run("filter", || filtered(filter, total));
    }
    stages.run("default tree", || filter.map_or_else(default_tree, |_| unwanted()));
    stages.finish()
}

/// A misspelt filter must not pass for a green run.
fn filtered(filter: &str, total: Tally) -> Outcome {
    match (total.ran(), total.ignored) {
        (0, 0) => Outcome::Failed(format!("no test has {filter:?} in its path")),
        (0, _) => Outcome::Failed(format!("every test with {filter:?} in its path is ignored")),
        (ran, _) => Outcome::Passed(format!("{ran} tests have {filter:?} in their path")),
    }
}

fn unwanted() -> Outcome {
    Outcome::Skipped("a filter was given".to_owned())
}

/// How many tests of a program run at once, unless the environment says so.
const TEST_THREADS: &str = "4";

fn test_command(targets: &str, filter: Option<&str>) -> Command {
    let mut command = one_build::cargo_to("test");
    command.arg("--no-fail-fast");
    // Many tests wait for the disk or for a time to pass.
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", TEST_THREADS);
    }
    command.arg(targets).arg("--").args(filter);
    command
}

fn tests(command: &mut Command, total: &mut Tally) -> Outcome {
    let mut tally = Tally::default();
    let result = counted(command, &mut tally);
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.ignored += tally.ignored;
    result.map_or_else(Outcome::Failed, Outcome::Passed)
}

/// Runs tests, counts them and says how many.
fn counted(command: &mut Command, tally: &mut Tally) -> Result<String, String> {
    let mut skipped = Skipped::default();
    let watch = |line: &str| {
        tally.add_line(line);
        skipped.add_line(line);
    };
    match cargo::run_watched(command, watch) {
        Ok(()) => Ok(format!("{tally}{skipped}")),
        Err(reason) => Err(format!("{tally} ({reason})")),
    }
}

/// The MongoDB backend on a server, the conformance suite among its tests.
fn mongodb() -> Outcome {
    differential::with_servers(|services| on_server(services, &mut mongodb_command()))
}

fn on_server(services: &Services, command: &mut Command) -> Result<String, String> {
    services.tell(command);
    let mut tally = Tally::default();
    let told = counted(command, &mut tally)?;
    if tally.ran() == 0 { Err("no test was run".to_owned()) } else { Ok(told) }
}

fn mongodb_command() -> Command {
    let mut command = one_build::test_programs();
    // With more at once, servers on two processors are late for what is sent to them in bulk.
    command.args(["--no-fail-fast", "--", "mongo", "--include-ignored", "--test-threads=4"]);
    command
}

/// The cache in Redis, what processes tell each other through it, and the quick figures of their coherence.
fn redis() -> Outcome {
    differential::with_servers_of(
        || Services::start(&coherence::SERVERS),
        |services| {
            let told = on_server(services, &mut redis_command())?;
            Ok(format!("{told}; coherence {}", coherence::quick(services)?))
        },
    )
}

fn redis_command() -> Command {
    let mut command = one_build::test_programs();
    command.args(["--no-fail-fast", "--", "redis", "cached_query::processes"]);
    // The rows of coherence have a table of their own.
    command.args(["--include-ignored", "--skip", "coherence::"]);
    command
}

/// Fault tests that could not run here: how many, by what they need.
#[derive(Debug, Default)]
struct Skipped(BTreeMap<String, u64>);

impl Skipped {
    fn add_line(&mut self, line: &str) {
        if let Some(Ok(Report::Skipped { why, .. })) = Report::parse(line) {
            *self.0.entry(why).or_default() += 1;
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(why, count)| write!(f, "; {count} skipped: {why}"))
    }
}

fn check_features() -> Outcome {
    let checked =
        features::metadata().and_then(|metadata| features::checks(&metadata)).and_then(|checks| {
            for check in &checks {
                let mut command = cargo();
                command.args(check.arguments());
                cargo::run(&mut cargo::yielding(&command)).map_err(|reason| {
                    format!("cargo {} ({reason})", check.arguments().join(" "))
                })?;
            }
            Ok(checks.len())
        });
    match checked {
        Ok(count) => Outcome::Passed(format!("{count} combinations compile")),
        Err(reason) => Outcome::Failed(reason),
    }
}

fn default_tree() -> Outcome {
    let tree = cargo::output(cargo().args([
        "tree",
        "--package",
        FACADE,
        "--edges",
        "normal",
        "--target",
        "all",
        "--prefix",
        "none",
    ]));
    match tree.and_then(|tree| features::without_drivers(&tree)) {
        Ok(count) => Outcome::Passed(format!("{count} packages, no driver among them")),
        Err(reason) => Outcome::Failed(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> String {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn tests_never_build_the_bench_package() {
        let words = words(&test_command("--doc", None));
        assert!(words.starts_with("test --workspace --exclude jvspatial-benches "), "{words}");
        assert!(words.ends_with(" --no-fail-fast --doc --"), "{words}");
    }

    #[test]
    fn tests_of_a_server_are_run_though_they_are_ignored() {
        for (command, tests) in [(mongodb_command(), "mongo"), (redis_command(), "redis")] {
            let words = words(&command);
            let (_, words) = words.split_once(" -- ").unwrap();
            assert!(words.starts_with(tests), "{words}");
            assert!(words.contains("--include-ignored"), "{words}");
        }
    }

    #[test]
    fn tests_that_could_not_run_are_counted_by_what_they_need() {
        let mut skipped = Skipped::default();
        assert_eq!(skipped.to_string(), "");
        for line in [
            "fault power: skipped: needs root",
            "fault strace: skipped: needs strace",
            "failover survival/partition: skipped: needs root",
            "test result: ok",
        ] {
            skipped.add_line(line);
        }
        assert_eq!(skipped.to_string(), "; 2 skipped: needs root; 1 skipped: needs strace");
    }

    #[test]
    fn a_filter_under_which_nothing_ran_fails() {
        let tally = |passed, ignored| Tally { passed, failed: 0, ignored };
        assert!(matches!(filtered("jornal", tally(0, 0)), Outcome::Failed(_)));
        assert!(matches!(filtered("journal", tally(0, 1)), Outcome::Failed(_)));
        assert!(matches!(filtered("journal", tally(2, 1)), Outcome::Passed(_)));
    }

    #[test]
    fn a_filter_reaches_the_test_programs() {
        let command = test_command("--tests", Some("journal"));
        assert!(words(&command).ends_with("--tests -- journal"));
    }
}
