//! `cargo xtask test`: every test there is, built by plain `cargo test`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo::{self, cargo};
use crate::coherence;
use crate::differential;
use crate::failover;
use crate::features::{self, FACADE};
use crate::one_build::{self, OneBuild, Program, TESTS};
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

    let mut built = None;
    stages.run("build", || {
        let made = OneBuild::make().map(|made| built = Some(made));
        Outcome::from_result(made)
    });
    let Some(built) = built else { return stages.finish() };
    let (mut total, mut documented) = (Tally::default(), Tally::default());
    stages.run("tests", || outcome(tests(&built, filter, &mut total)));
    // Tests of servers wait more than they compute, and the compiler takes what they leave of the processors.
    stages.run_both(
        |stages| {
            stages.run("doc tests", || outcome(doc_tests(filter, &mut documented)));
            stages.run("features", || filter.map_or_else(check_features, |_| unwanted()));
        },
        |stages| {
            stages.run("mongodb", || filter.map_or_else(|| mongodb(&built), |_| unwanted()));
            stages.run("redis", || filter.map_or_else(|| redis(&built), |_| unwanted()));
            let failover = || failover::stage(&built);
            stages.run("failover", || filter.map_or_else(failover, |_| unwanted()));
            let differential = || differential::stage(&built);
            stages.run("differential", || filter.map_or_else(differential, |_| unwanted()));
        },
    );
    total.add(documented);
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

fn outcome(done: Result<String, String>) -> Outcome {
    done.map_or_else(Outcome::Failed, Outcome::Passed)
}

/// How many tests of a program run at once where it is left to it: many wait for the disk or for a time to pass.
fn with_threads(command: &mut Command) {
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", TEST_THREADS);
    }
}

/// All tests that need no server.
fn tests(built: &OneBuild, filter: Option<&str>, tally: &mut Tally) -> Result<String, String> {
    let airports = built.find(FACADE, "airports")?;
    run_each(built.tests(), tally, |command| {
        with_threads(command.args(filter).env("JVSPATIAL_TEST_AIRPORTS", airports));
    })
}

/// The examples of the documentation, which only cargo finds.
fn doc_tests(filter: Option<&str>, tally: &mut Tally) -> Result<String, String> {
    let mut command = doc_command(filter);
    with_threads(&mut command);
    counted(&mut cargo::yielding(&command), tally, &mut Skipped::default())?;
    Ok(tally.to_string())
}

fn doc_command(filter: Option<&str>) -> Command {
    let mut command = one_build::cargo_to("test");
    command.args(["--no-fail-fast", "--doc", "--"]).args(filter);
    command
}

/// Runs test programs to the last, one after the other, counts their tests and says how many.
fn run_each<'a>(
    programs: impl Iterator<Item = &'a Program>,
    tally: &mut Tally,
    prepare: impl Fn(&mut Command),
) -> Result<String, String> {
    let mut skipped = Skipped::default();
    let mut failed = Vec::new();
    for program in programs {
        let mut command = program.command();
        prepare(&mut command);
        if let Err(reason) = counted(&mut command, tally, &mut skipped) {
            failed.push(format!("{}: {reason}", program.path().display()));
        }
    }
    if failed.is_empty() {
        Ok(format!("{tally}{skipped}"))
    } else {
        Err(format!("{tally} ({})", failed.join("; ")))
    }
}

/// Runs what runs tests, counts these and passes its output on.
fn counted(command: &mut Command, tally: &mut Tally, skipped: &mut Skipped) -> Result<(), String> {
    cargo::run_watched(command, |line| {
        tally.add_line(line);
        skipped.add_line(line);
    })
}

/// The MongoDB backend on a server, the conformance suite among its tests.
fn mongodb(built: &OneBuild) -> Outcome {
    differential::with_servers(|services| on_server(built, services, &MONGODB))
}

/// With more at once, servers on two processors are late for what is sent to them in bulk.
const MONGODB: [&str; 3] = ["mongo", "--include-ignored", "--test-threads=4"];

/// The cache in Redis, what processes tell each other through it, and the quick figures of their coherence.
fn redis(built: &OneBuild) -> Outcome {
    differential::with_servers_of(
        || Services::start(&coherence::SERVERS),
        |services| {
            let told = on_server(built, services, &REDIS)?;
            Ok(format!("{told}; coherence {}", coherence::quick(services, built)?))
        },
    )
}

/// The rows of coherence have a table of their own.
const REDIS: [&str; 5] =
    ["redis", "cached_query::processes", "--include-ignored", "--skip", "coherence::"];

/// Runs the tests of a server, which are ignored where there is none.
fn on_server(built: &OneBuild, services: &Services, words: &[&str]) -> Result<String, String> {
    let mut tally = Tally::default();
    let programs = built.tests().filter(|program| program.name() == TESTS);
    let told = run_each(programs, &mut tally, |command| {
        services.tell(command.args(words));
    })?;
    if tally.ran() == 0 { Err("no test was run".to_owned()) } else { Ok(told) }
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

    #[test]
    fn tests_never_build_the_bench_package() {
        let command = doc_command(Some("journal"));
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let words = words.join(" ");
        assert!(words.starts_with("test --workspace --exclude jvspatial-benches "), "{words}");
        assert!(words.ends_with(" --no-fail-fast --doc -- journal"), "{words}");
    }

    #[test]
    fn of_several_test_programs_each_is_run_though_the_one_before_failed() {
        let message = |name: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///p#0.1.0","manifest_path":"/Cargo.toml","target":{{"name":"{name}"}},"profile":{{"test":true}},"executable":"/bin/sh"}}"#
            )
        };
        let built = OneBuild::from_messages(&[message("a"), message("b")].join("\n")).unwrap();
        let run = |script: &str| {
            let mut tally = Tally::default();
            let told = run_each(built.tests(), &mut tally, |command| {
                command.args(["-c", script]);
            });
            (told.is_ok(), tally.passed)
        };
        let says = "echo 'test result: ok. 2 passed; 0 failed'";
        assert_eq!(run(says), (true, 4));
        assert_eq!(run(&format!("{says}; exit 1")), (false, 4));
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
}
