//! A chore as a row of named stages, and the summary that ends it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What became of one stage; each case carries what a reader of the summary wants to know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed(String),
    Skipped(String),
    Failed(String),
    /// An earlier stage failed.
    NotRun,
}

impl Outcome {
    /// Passed with nothing to add, or failed with the reason.
    pub(crate) fn from_result(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed(String::new()),
            Err(reason) => Self::Failed(reason),
        }
    }
}

#[derive(Debug)]
struct Report {
    name: String,
    outcome: Outcome,
    elapsed: Duration,
}

/// The stages of one chore, run in order until one fails.
#[derive(Debug)]
pub(crate) struct Stages {
    chore: &'static str,
    reports: Vec<Report>,
    /// Whether one of those that these are a part of has failed.
    is_stopped: bool,
}

impl Stages {
    pub(crate) fn new(chore: &'static str) -> Self {
        Self { chore, reports: Vec::new(), is_stopped: false }
    }

    /// Runs one stage and prints its line, unless an earlier one has failed.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        if self.is_stopped || self.failed().is_some() {
            let (name, elapsed) = (name.to_owned(), Duration::ZERO);
            self.reports.push(Report { name, outcome: Outcome::NotRun, elapsed });
            return;
        }
        println!("\n== {}: {name}", self.chore);
        let start = Instant::now();
        let outcome = work();
        let report = Report { name: name.to_owned(), outcome, elapsed: start.elapsed() };
        println!("== {}", line(&report));
        self.reports.push(report);
    }

    /// Runs the stages of `one` beside those of `other`, each row until one of its own fails.
    pub(crate) fn run_both(
        &mut self,
        one: impl FnOnce(&mut Self),
        other: impl FnOnce(&mut Self) + Send,
    ) {
        let is_stopped = self.is_stopped || self.failed().is_some();
        let row = || Self { chore: self.chore, reports: Vec::new(), is_stopped };
        let (mut first, mut second) = (row(), row());
        std::thread::scope(|scope| {
            scope.spawn(|| other(&mut second));
            one(&mut first);
        });
        self.reports.append(&mut first.reports);
        self.reports.append(&mut second.reports);
    }

    /// Prints the summary, the failing stage last, and gives the exit code.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n== {}: summary", self.chore);
        for report in &self.reports {
            println!("   {}", line(report));
        }
        match self.failed() {
            None => {
                println!("== {}: passed", self.chore);
                ExitCode::SUCCESS
            }
            Some((name, reason)) => {
                println!("== {}: FAILED at {name}: {reason}", self.chore);
                ExitCode::FAILURE
            }
        }
    }

    fn failed(&self) -> Option<(&str, &str)> {
        self.reports.iter().find_map(|report| match &report.outcome {
            Outcome::Failed(reason) => Some((report.name.as_str(), reason.as_str())),
            _ => None,
        })
    }
}

fn line(report: &Report) -> String {
    let (word, detail) = match &report.outcome {
        Outcome::Passed(detail) => ("ok", detail.as_str()),
        Outcome::Skipped(reason) => ("skipped", reason.as_str()),
        Outcome::Failed(reason) => ("FAILED", reason.as_str()),
        Outcome::NotRun => ("not run", ""),
    };
    let seconds = report.elapsed.as_secs_f64();
    format!("{:<14} {word:<8} {seconds:>6.1} s  {detail}", report.name).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_after_a_failing_one_are_not_run() {
        let mut stages = Stages::new("test");
        stages.run("first", || Outcome::Passed("2 passed".to_owned()));
        stages.run("second", || Outcome::Failed("exit status: 101".to_owned()));
        stages.run("third", || unreachable!("it follows a failure"));
        assert_eq!(stages.failed(), Some(("second", "exit status: 101")));
        assert_eq!(stages.reports[2].outcome, Outcome::NotRun);
        assert_eq!(stages.finish(), ExitCode::FAILURE);
    }

    #[test]
    fn of_two_rows_beside_each_other_both_run_and_a_failure_of_either_stops_what_follows() {
        let mut stages = Stages::new("test");
        let passes = || Outcome::Passed(String::new());
        stages.run_both(
            |one| {
                one.run("first", || Outcome::Failed("exit status: 101".to_owned()));
                one.run("second", || unreachable!("it follows a failure"));
            },
            |other| {
                other.run("beside", passes);
                other.run("beside the second", passes);
            },
        );
        stages.run_both(
            |one| one.run("third", || unreachable!("it follows a failure")),
            |other| other.run("fourth", || unreachable!("it follows a failure")),
        );
        let outcomes: Vec<_> = stages.reports.iter().map(|report| &report.outcome).collect();
        let failed = Outcome::Failed("exit status: 101".to_owned());
        let (passed, not_run) = (passes(), Outcome::NotRun);
        assert_eq!(outcomes, [&failed, &not_run, &passed, &passed, &not_run, &not_run]);
    }

    #[test]
    fn a_skipped_stage_does_not_fail_the_chore() {
        let mut stages = Stages::new("lint");
        stages.run("deny", || Outcome::Skipped("not installed".to_owned()));
        stages.run("last", || Outcome::from_result(Ok(())));
        assert_eq!(stages.finish(), ExitCode::SUCCESS);
    }

    #[test]
    fn a_line_names_the_stage_its_outcome_and_its_detail() {
        let report = Report {
            name: "tests".to_owned(),
            outcome: Outcome::Passed("12 passed".to_owned()),
            elapsed: Duration::from_millis(1_540),
        };
        assert_eq!(line(&report), "tests          ok          1.5 s  12 passed");
    }
}
