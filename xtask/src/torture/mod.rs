//! `cargo xtask torture`: the promises of the JSON database, R1 to R13 and R17, shown with the long figures.

pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod verdict;
pub(crate) mod wishes;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::cargo::{self, cargo};
use report::Report;
use rows::{Goal, PROMISES, ROWS, Row};
use verdict::{Done, Heard, Verdict};
use wishes::Wishes;

const PACKAGE: &str = "jvspatial-db";
const PROGRAM: &str = "it";
/// The profile of the test program: optimised, with overflow checks.
const PROFILE: &str = "torture";

pub(crate) fn run(wishes: &Wishes) -> ExitCode {
    finish("torture", torture(wishes))
}

fn torture(wishes: &Wishes) -> Result<bool, String> {
    let rows = wishes.choose(ROWS)?;
    let program = build()?;
    let goal = wishes.goal();
    let done = run_rows("torture", &rows, goal, |row| wishes.start(&program, row, goal))?;
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

/// Runs the rows of a chore, one start of the test program each, and tells at once what they tell.
pub(crate) fn run_rows(
    chore: &str,
    rows: &[&'static Row],
    goal: Goal,
    command: impl Fn(&Row) -> Command,
) -> Result<Vec<Done>, String> {
    let run =
        |row: &&'static Row| run_row(chore, row, goal, command(row), |line| println!("{line}"));
    rows.iter().map(run).collect()
}

/// Runs lanes of rows side by side. What a row tells is passed on when it has ended.
pub(crate) fn run_lanes(
    chore: &str,
    lanes: &[Vec<&'static Row>],
    goal: Goal,
    command: impl Fn(&Row) -> Command + Sync,
) -> Result<Vec<Done>, String> {
    let run = |row: &&'static Row| {
        let mut told = String::new();
        let done = run_row(chore, row, goal, command(row), |line| {
            told.push_str(line);
            told.push('\n');
        });
        print!("{told}");
        done
    };
    let done: Vec<Result<Vec<Done>, String>> = std::thread::scope(|scope| {
        let lanes: Vec<_> =
            lanes.iter().map(|rows| scope.spawn(|| rows.iter().map(run).collect())).collect();
        let ended = |lane: std::thread::ScopedJoinHandle<'_, _>| {
            lane.join().unwrap_or_else(|_| Err("a lane of rows panicked".to_owned()))
        };
        lanes.into_iter().map(ended).collect()
    });
    let done: Result<Vec<_>, _> = done.into_iter().collect();
    Ok(done?.into_iter().flatten().collect())
}

fn run_row(
    chore: &str,
    row: &'static Row,
    goal: Goal,
    mut command: Command,
    mut say: impl FnMut(&str),
) -> Result<Done, String> {
    say(&format!("\n== {chore}: {}", row.name));
    let start = Instant::now();
    let heard = listen(&mut command, &mut say)?;
    let verdict = heard.judge(row, goal);
    let seconds = start.elapsed().as_secs_f64();
    say(&match &verdict {
        Verdict::Pass => format!("== {:<20} pass {seconds:>8.1} s", row.name),
        Verdict::Skipped(why) => format!("== {:<20} skipped: {why}", row.name),
        Verdict::Fail(why) => format!("== {:<20} FAIL {seconds:>8.1} s  {why}", row.name),
    });
    Ok(Done { row, figures: heard.figures(), verdict })
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

/// Runs the test program and reads what it tells: reports on one stream, the count of tests on the other.
fn listen(command: &mut Command, say: &mut impl FnMut(&str)) -> Result<Heard, String> {
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
            say(&line);
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
        said.iter().for_each(|line| say(line));
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
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        wishes: Wishes,
    }

    fn wishes(words: &[&str]) -> Wishes {
        Line::try_parse_from([&["torture"], words].concat()).unwrap().wishes
    }

    fn variable(command: &Command, name: &str) -> Option<String> {
        let found = command.get_envs().find(|(named, _)| *named == name)?.1?;
        Some(found.to_string_lossy().into_owned())
    }

    #[test]
    fn a_wish_that_no_row_fulfils_is_refused() {
        let chosen = |words: &[&str]| wishes(words).choose(ROWS);
        assert!(chosen(&["--only", "R2,R99"]).is_err());
        assert!(chosen(&["--only", "R2,R8"]).unwrap().len() > 4);
        assert_eq!(chosen(&[]).unwrap().len(), ROWS.len());
    }

    #[test]
    fn a_long_run_sets_the_rounds_of_its_row_and_a_quick_one_none() {
        let row = ROWS.iter().find(|row| row.name == "kill").unwrap();
        let rounds = |words: &[&str]| {
            let wishes = wishes(words);
            let command = wishes.start(Path::new("it"), row, wishes.goal());
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
    fn the_rows_of_all_lanes_are_run_and_judged() {
        let find = |name: &str| ROWS.iter().find(|row| row.name == name).unwrap();
        let lanes = [vec![find("format"), find("cut")], vec![find("rot/open")]];
        let command = |row: &Row| {
            let mut command = Command::new("sh");
            let passed = u8::from(row.name != "rot/open");
            command.args(["-c", &format!("echo 'test result: ok. {passed} passed; 0 failed'")]);
            command
        };
        let done = run_lanes("torture", &lanes, Goal::Quick, command).unwrap();
        let passed = done.iter().map(|done| (done.row.name, done.verdict == Verdict::Pass));
        // A row of figures has to report some.
        let expected = [("format", true), ("cut", false), ("rot/open", false)];
        assert_eq!(passed.collect::<Vec<_>>(), expected);
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
