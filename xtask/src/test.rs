//! `cargo xtask test`: every test there is, built by plain `cargo test`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo::{self, cargo};
use crate::coherence;
use crate::differential;
use crate::failover;
use crate::features::{self, FACADE};
use crate::one_build::{self, OneBuild, TESTS};
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
    // The compiler takes what tests leave of the processors: those of servers wait more than they compute.
    stages.run_both(
        |stages| stages.run("doc tests", || outcome(doc_tests(filter, &mut documented))),
        |stages| stages.run("tests", || outcome(tests(&built, filter, &mut total))),
    );
    stages.run_both(
        |stages| stages.run("features", || filter.map_or_else(check_features, |_| unwanted())),
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

fn outcome(done: Result<String, String>) -> Outcome {
    done.map_or_else(Outcome::Failed, Outcome::Passed)
}

/// All tests that need no server.
fn tests(built: &OneBuild, filter: Option<&str>, tally: &mut Tally) -> Result<String, String> {
    let airports = built.find(FACADE, "airports")?;
    run_each(test_commands(built, filter, &airports), tally)
}

fn test_commands(
    built: &OneBuild,
    filter: Option<&str>,
    airports: &Path,
) -> impl Iterator<Item = Command> {
    built.tests().map(move |program| {
        let mut command = with_threads(program.command());
        command.args(filter).env("JVSPATIAL_TEST_AIRPORTS", airports);
        command
    })
}

/// The examples of the documentation, which only cargo finds.
fn doc_tests(filter: Option<&str>, tally: &mut Tally) -> Result<String, String> {
    run_each([cargo::yielding(&doc_command(filter))], tally)
}

fn doc_command(filter: Option<&str>) -> Command {
    let mut command = with_threads(one_build::cargo_to("test"));
    command.args(["--no-fail-fast", "--doc", "--"]).args(filter);
    command
}

/// Has four tests of a program run at once, unless the environment says so: many wait for the disk or for a time to pass.
fn with_threads(mut command: Command) -> Command {
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", "4");
    }
    command
}

/// Runs what runs tests to the last, one after the other, counts the tests and says how many.
fn run_each(
    commands: impl IntoIterator<Item = Command>,
    tally: &mut Tally,
) -> Result<String, String> {
    let mut skipped = Skipped::default();
    let mut failed = Vec::new();
    for mut command in commands {
        let result = cargo::run_watched(&mut command, |line| {
            tally.add_line(line);
            skipped.add_line(line);
        });
        if let Err(reason) = result {
            failed.push(format!("{}: {reason}", command.get_program().to_string_lossy()));
        }
    }
    if failed.is_empty() {
        Ok(format!("{tally}{skipped}"))
    } else {
        Err(format!("{tally} ({})", failed.join("; ")))
    }
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
    let commands = server_commands(built, words).map(|mut command| {
        services.tell(&mut command);
        command
    });
    let told = run_each(commands, &mut tally)?;
    if tally.ran() == 0 { Err("no test was run".to_owned()) } else { Ok(told) }
}

fn server_commands(built: &OneBuild, words: &[&str]) -> impl Iterator<Item = Command> {
    built.tests().filter(|program| program.name == TESTS).map(move |program| {
        let mut command = program.command();
        command.args(words);
        command
    })
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

    /// Tests of these names.
    fn built(names: &[&str]) -> OneBuild {
        let message = |name: &&str| {
            format!(
                r#"{{"package_id":"path+file:///p#0.1.0","manifest_path":"/Cargo.toml","target":{{"name":"{name}"}},"profile":{{"test":true}},"executable":"/t/{name}"}}"#
            )
        };
        let messages: Vec<_> = names.iter().map(message).collect();
        OneBuild::from_messages(&messages.join("\n")).unwrap()
    }

    #[test]
    fn tests_never_build_the_bench_package() {
        let words = words(&doc_command(None));
        assert!(words.starts_with("test --workspace --exclude jvspatial-benches "), "{words}");
        assert!(words.ends_with(" --no-fail-fast --doc --"), "{words}");
    }

    #[test]
    fn tests_of_a_server_are_run_though_they_are_ignored() {
        let built = built(&["it", "jvspatial_db"]);
        for (asked, tests) in [(&MONGODB[..], "mongo"), (&REDIS[..], "redis")] {
            let commands: Vec<_> = server_commands(&built, asked).collect();
            assert_eq!(commands.len(), 1);
            let words = words(&commands[0]);
            assert!(words.starts_with(tests), "{words}");
            assert!(words.contains("--include-ignored"), "{words}");
        }
    }

    #[test]
    fn of_several_test_programs_each_is_run_though_the_one_before_failed() {
        let run = |script: &str| {
            let mut tally = Tally::default();
            let commands = [(); 2].map(|()| {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                command
            });
            (run_each(commands, &mut tally).is_ok(), tally.passed)
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

    #[test]
    fn a_filter_reaches_the_test_programs() {
        let built = built(&["it", "jvspatial_db"]);
        let commands = test_commands(&built, Some("journal"), Path::new("/t/airports"));
        assert_eq!(commands.map(|command| words(&command)).collect::<Vec<_>>(), ["journal"; 2]);
        assert!(words(&doc_command(Some("journal"))).ends_with("--doc -- journal"));
    }
}
