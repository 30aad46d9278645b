//! What became of a row, and of the promises that the rows show.

use std::fmt::Write as _;

use super::report::{Figures, Report};
use super::rows::{Goal, Row, Shows};
use crate::tally::Tally;

/// What a row came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail(String),
    Skipped(String),
}

/// What was heard of a row while it ran.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) reports: Vec<Report>,
    /// Reports that could not be read.
    pub(crate) unread: Vec<String>,
    pub(crate) tally: Tally,
    /// How the test program ended, when not well.
    pub(crate) end: Option<String>,
}

impl Heard {
    /// All that the reports counted, controls apart.
    pub(crate) fn figures(&self) -> Figures {
        let mut sum = Figures::default();
        for report in &self.reports {
            if let Report::Ran { figures, .. } = report {
                sum.add(figures);
            }
        }
        sum
    }

    /// Judges a row, which has to reach its goal.
    pub(crate) fn judge(&self, row: &Row, goal: Goal) -> Verdict {
        match self.find_fault(row, goal) {
            Err(reason) => Verdict::Fail(reason),
            Ok(()) => self
                .reports
                .iter()
                .find_map(|report| match report {
                    Report::Skipped { why, .. } => Some(Verdict::Skipped(why.clone())),
                    Report::Ran { .. } => None,
                })
                .unwrap_or(Verdict::Pass),
        }
    }

    fn find_fault(&self, row: &Row, goal: Goal) -> Result<(), String> {
        if let Some(unread) = self.unread.first() {
            return Err(unread.clone());
        }
        for report in &self.reports {
            report.judge()?;
        }
        if let Some(end) = &self.end {
            return Err(format!("{}; {end}", self.tally));
        }
        match (self.tally.ran(), self.tally.failed) {
            (0, _) => return Err(format!("no test has {:?} in its path", row.filter)),
            (_, failed) if failed > 0 => return Err(self.tally.to_string()),
            _ => {}
        }
        if row.shows == Shows::Tests {
            return Ok(());
        }
        let is_broken = |report: &Report| match report {
            Report::Ran { controls, .. } => !controls.is_empty(),
            Report::Skipped { .. } => true,
        };
        if !self.reports.iter().any(is_broken) {
            return Err("no control was reported".to_owned());
        }
        for (name, size) in row.goals(goal) {
            self.reaches(name, size)?;
        }
        Ok(())
    }

    fn reaches(&self, name: &str, size: u64) -> Result<(), String> {
        match self.reports.iter().find(|report| report.name() == name) {
            None => Err(format!("{name} reported nothing")),
            Some(Report::Ran { figures, .. }) if figures.count("rounds") < size => {
                Err(format!("{name}: {} of {size} rounds", figures.count("rounds")))
            }
            Some(_) => Ok(()),
        }
    }
}

/// A row that ran.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) row: &'static Row,
    pub(crate) figures: Figures,
    pub(crate) verdict: Verdict,
}

/// The table by promise, with what lines of its kind count; promises that no row of this run shows are left out.
pub(crate) fn table(done: &[Done], promises: &[u8], columns: &[&str]) -> String {
    let mut table = format!("{:<8}", "promise");
    for column in columns {
        let _ = write!(table, " {column:>12}");
    }
    table.push_str("  verdict\n");
    for promise in promises {
        let rows: Vec<&Done> =
            done.iter().filter(|done| done.row.promises.contains(promise)).collect();
        if rows.is_empty() {
            continue;
        }
        let mut sum = Figures::default();
        rows.iter().for_each(|done| sum.add(&done.figures));
        let _ = write!(table, "{:<8}", format!("R{promise}"));
        for column in columns {
            let _ = write!(table, " {:>12}", sum.count(column));
        }
        let _ = writeln!(table, "  {}", verdict(&rows));
    }
    table
}

/// What became of all rows together: how many passed and which were skipped, or which failed.
pub(crate) fn summary(done: &[Done]) -> Result<String, String> {
    let rows: Vec<&Done> = done.iter().collect();
    let passed = rows.iter().filter(|done| done.verdict == Verdict::Pass).count();
    match verdict(&rows) {
        failed if failed.starts_with("FAIL") => Err(failed),
        skipped if skipped.starts_with("skipped") => Ok(format!("{passed} rows; {skipped}")),
        _ => Ok(format!("{passed} rows")),
    }
}

fn verdict(rows: &[&Done]) -> String {
    let named = |reason: &dyn Fn(&Verdict) -> Option<String>| {
        let named = rows.iter().filter_map(|done| {
            reason(&done.verdict).map(|reason| format!("{}: {reason}", done.row.name))
        });
        named.collect::<Vec<_>>().join("; ")
    };
    let failed = named(&|verdict| match verdict {
        Verdict::Fail(reason) => Some(reason.clone()),
        _ => None,
    });
    let skipped = named(&|verdict| match verdict {
        Verdict::Skipped(why) => Some(why.clone()),
        _ => None,
    });
    match (failed.is_empty(), skipped.is_empty()) {
        (false, _) => format!("FAIL ({failed})"),
        (true, false) => format!("skipped ({skipped})"),
        (true, true) => "pass".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{PROMISES, ROWS};
    use super::*;

    fn find(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    fn heard(lines: &[&str]) -> Heard {
        let reports = lines.iter().map(|line| Report::parse(line).unwrap().unwrap()).collect();
        let tally = Tally { passed: 1, ..Tally::default() };
        Heard { reports, tally, ..Heard::default() }
    }

    fn ran(name: &str, rounds: u64) -> String {
        let broken = "control c: rounds 1, acknowledged 1, lost 1, torn 0, unknown 0";
        format!(
            "fault {name}: rounds {rounds}, acknowledged 5, lost 0, torn 0, unknown 0; seed 1; {broken}"
        )
    }

    fn fails(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Fail(_))
    }

    #[test]
    fn a_long_run_has_to_reach_its_size_and_a_quick_one_need_not() {
        let short = heard(&[&ran("kill", 300)]);
        assert!(fails(&short.judge(find("kill"), Goal::Long)));
        assert_eq!(short.judge(find("kill"), Goal::Quick), Verdict::Pass);
        assert_eq!(heard(&[&ran("kill", 10_000)]).judge(find("kill"), Goal::Long), Verdict::Pass);
        assert!(fails(&heard(&[&ran("cut", 9)]).judge(find("kill"), Goal::Quick)));
    }

    #[test]
    fn a_row_that_ran_nothing_fails() {
        assert!(fails(&Heard::default().judge(find("compaction"), Goal::Quick)));
        assert!(fails(&Heard::default().judge(find("format"), Goal::Quick)));
        let tally = Tally { passed: 1, ..Tally::default() };
        let silent = Heard { tally, ..Heard::default() };
        assert!(fails(&silent.judge(find("cut"), Goal::Quick)));
        assert_eq!(silent.judge(find("format"), Goal::Quick), Verdict::Pass);
    }

    #[test]
    fn a_failing_test_and_a_report_that_cannot_be_read_fail_whatever_was_reported() {
        let mut failing = heard(&[&ran("cut", 9)]);
        failing.tally.failed = 1;
        assert!(fails(&failing.judge(find("cut"), Goal::Quick)));
        let mut unread = heard(&[&ran("cut", 9)]);
        unread.unread.push("cannot read".to_owned());
        assert!(fails(&unread.judge(find("cut"), Goal::Quick)));
        let mut killed = heard(&[&ran("cut", 9)]);
        killed.end = Some("signal: 9".to_owned());
        assert!(fails(&killed.judge(find("cut"), Goal::Quick)));
    }

    #[test]
    fn figures_without_a_control_fail() {
        let line = ran("cut", 9);
        let (line, _) = line.split_once("; control").unwrap();
        assert!(fails(&heard(&[line]).judge(find("cut"), Goal::Quick)));
    }

    #[test]
    fn a_skipped_row_is_shown_as_skipped_unless_another_fails() {
        let skipped = heard(&["fault power/ext4/sync: skipped: needs root"]);
        let verdict = skipped.judge(find("power/ext4/sync"), Goal::Long);
        assert_eq!(verdict, Verdict::Skipped("needs root".to_owned()));
        let done = |row, verdict| Done { row: find(row), figures: Figures::default(), verdict };
        let mut rows = vec![done("crash/sync", Verdict::Pass), done("power/ext4/sync", verdict)];
        let table = |rows: &[Done]| table(rows, PROMISES, &["rounds", "lost"]);
        assert!(table(&rows).contains("skipped (power/ext4/sync: needs root)"));
        let told = "1 rows; skipped (power/ext4/sync: needs root)".to_owned();
        assert_eq!(summary(&rows), Ok(told));
        rows.push(done("power/xfs/sync", Verdict::Fail("lost 1".to_owned())));
        let table = table(&rows);
        assert!(table.contains("FAIL (power/xfs/sync: lost 1)"), "{table}");
        assert!(summary(&rows).is_err_and(|why| why.starts_with("FAIL")));
        assert!(!table.contains("R1 "), "{table}");
    }
}
