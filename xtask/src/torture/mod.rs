//! `cargo xtask torture`: the promises of the JSON database, R1 to R13 and R17, shown with the long figures.

pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod verdict;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Args;
use serde_json::Value;

use crate::cargo::{self, cargo};
use report::Report;
use rows::{Goal, PROMISES, ROWS, Row};
use verdict::{Done, Heard, Verdict};

const PACKAGE: &str = "jvspatial-db";
const PROGRAM: &str = "it";
/// The profile of the test program: optimised, with overflow checks.
const PROFILE: &str = "torture";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only rows for these promises, such as `R2,R8`, or with these words in their names
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The figures of `cargo xtask test` instead of the long ones
    #[arg(long)]
    quick: bool,
    /// Replay this seed instead of a new one for each test
    #[arg(long)]
    seed: Option<u64>,
    /// Begin no further round of a row after so many minutes; a row that falls short then fails
    #[arg(long, default_value_t = 30)]
    minutes_per_row: u64,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    finish("torture", torture(options))
}

fn torture(options: &Options) -> Result<bool, String> {
    let rows = choose(ROWS, &options.only)?;
    let program = build()?;
    let goal = if options.quick { Goal::Quick } else { Goal::Long };
    let done = run_rows("torture", &rows, goal, |row| command(&program, row, goal, options))?;
    let columns = ["rounds", "acknowledged", "lost", "torn", "unknown"];
    println!("\n== torture: summary\n{}", verdict::table(&done, PROMISES, &columns));
    Ok(is_passed(&done))
}

/// Prints how a chore ended, and gives the exit code.
pub(crate) fn finish(chore: &str, passed: Result<bool, String>) -> ExitCode {
    match passed {
        Ok(true) => {
            println!("== {chore}: passed");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            println!("== {chore}: FAILED");
            ExitCode::FAILURE
        }
        Err(reason) => {
            println!("== {chore}: FAILED: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no row failed.
pub(crate) fn is_passed(done: &[Done]) -> bool {
    !done.iter().any(|done| matches!(done.verdict, Verdict::Fail(_)))
}

/// Runs the rows of a chore, one start of the test program each.
pub(crate) fn run_rows(
    chore: &str,
    rows: &[&'static Row],
    goal: Goal,
    command: impl Fn(&Row) -> Command,
) -> Result<Vec<Done>, String> {
    let mut done = Vec::new();
    for row in rows {
        println!("\n== {chore}: {}", row.name);
        let start = Instant::now();
        let heard = listen(&mut command(row))?;
        let verdict = heard.judge(row, goal);
        let seconds = start.elapsed().as_secs_f64();
        match &verdict {
            Verdict::Pass => println!("== {:<20} pass {seconds:>8.1} s", row.name),
            Verdict::Skipped(why) => println!("== {:<20} skipped: {why}", row.name),
            Verdict::Fail(why) => println!("== {:<20} FAIL {seconds:>8.1} s  {why}", row.name),
        }
        done.push(Done { row, figures: heard.figures(), verdict });
    }
    Ok(done)
}

/// The rows that are wished for; a wish that none fulfils must not pass for a green run.
pub(crate) fn choose(rows: &'static [Row], wishes: &[String]) -> Result<Vec<&'static Row>, String> {
    let is_idle = |wish: &&String| !rows.iter().any(|row| row.is_wished_for(wish));
    if let Some(wish) = wishes.iter().find(is_idle) {
        return Err(format!("no row shows or is called {wish:?}"));
    }
    let is_wished_for =
        |row: &&Row| wishes.is_empty() || wishes.iter().any(|wish| row.is_wished_for(wish));
    Ok(rows.iter().filter(is_wished_for).collect())
}

/// Builds the test program and says where it is.
fn build() -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args(["test", "--package", PACKAGE, "--test", PROGRAM, "--profile", PROFILE]);
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    find_program(&cargo::output(&mut command)?)
}

/// The test program among the messages of cargo.
pub(crate) fn find_program(messages: &str) -> Result<PathBuf, String> {
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_ours =
            message["reason"] == "compiler-artifact" && message["target"]["name"] == PROGRAM;
        is_ours.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    programs.next_back().ok_or_else(|| "cargo names no test program".to_owned())
}

/// One start of the test program. What a person has set for its tests is set aside.
fn command(program: &Path, row: &Row, goal: Goal, options: &Options) -> Command {
    start(program, row, goal, options.minutes_per_row, options.seed)
}

/// One start of the test program for a row.
pub(crate) fn start(
    program: &Path,
    row: &Row,
    goal: Goal,
    minutes: u64,
    seed: Option<u64>,
) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cargo::root().join(PACKAGE));
    command.args([row.filter, "--test-threads=1"]);
    command.env("JVSPATIAL_TEST_FAULT_MINUTES", minutes.to_string());
    command.env("JVSPATIAL_TEST_FAULT_ROUNDS", row.rounds(goal));
    command.env_remove("JVSPATIAL_TEST_FAULT_SCALE");
    match seed {
        Some(seed) => command.env("JVSPATIAL_TEST_FAULT_SEED", seed.to_string()),
        None => command.env_remove("JVSPATIAL_TEST_FAULT_SEED"),
    };
    command
}

/// Runs the test program and reads what it tells: reports on one stream, the count of tests on the other.
fn listen(command: &mut Command) -> Result<Heard, String> {
    let cannot = |error: std::io::Error| format!("cannot run the test program: {error}");
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(cannot)?;
    let (Some(output), Some(told)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("the test program has no output".to_owned());
    };
    let mut heard = Heard::default();
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(|| lines(output).collect::<Vec<_>>());
        for line in lines(told) {
            println!("{line}");
            match Report::parse(&line) {
                Some(Ok(report)) => heard.reports.push(report),
                Some(Err(unread)) => heard.unread.push(unread),
                None => {}
            }
        }
        said.join().unwrap_or_default()
    });
    said.iter().for_each(|line| heard.tally.add_line(line));
    let status = child.wait().map_err(cannot)?;
    if !status.success() {
        said.iter().for_each(|line| println!("{line}"));
        heard.end = Some(status.to_string());
    }
    Ok(heard)
}

/// The lines of a stream; a test may print what is not text.
fn lines(stream: impl std::io::Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned())
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

    fn options(words: &[&str]) -> Options {
        Line::try_parse_from([&["torture"], words].concat()).unwrap().options
    }

    fn variable(command: &Command, name: &str) -> Option<String> {
        let found = command.get_envs().find(|(named, _)| *named == name)?.1?;
        Some(found.to_string_lossy().into_owned())
    }

    #[test]
    fn a_wish_that_no_row_fulfils_is_refused() {
        assert!(choose(ROWS, &options(&["--only", "R2,R99"]).only).is_err());
        assert!(choose(ROWS, &options(&["--only", "R2,R8"]).only).unwrap().len() > 4);
        assert_eq!(choose(ROWS, &[]).unwrap().len(), ROWS.len());
    }

    #[test]
    fn a_long_run_sets_the_rounds_of_its_row_and_a_quick_one_none() {
        let row = ROWS.iter().find(|row| row.name == "kill").unwrap();
        let rounds = |words: &[&str]| {
            let options = options(words);
            let goal = if options.quick { Goal::Quick } else { Goal::Long };
            let command = command(Path::new("it"), row, goal, &options);
            (
                variable(&command, "JVSPATIAL_TEST_FAULT_ROUNDS"),
                variable(&command, "JVSPATIAL_TEST_FAULT_SEED"),
            )
        };
        assert_eq!(rounds(&[]), (Some("kill=10000".to_owned()), None));
        let seed = Some("7".to_owned());
        assert_eq!(rounds(&["--quick", "--seed", "7"]), (Some(String::new()), seed));
    }

    #[test]
    fn the_test_program_is_found_among_the_messages_of_cargo() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"bson"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"it"},"executable":"/t/it-1"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(find_program(messages), Ok(PathBuf::from("/t/it-1")));
        assert!(find_program("").is_err());
    }
}
