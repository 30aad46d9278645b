//! The lines in which fault tests report what they saw.

use std::fmt;

/// What begins a line that is meant for us.
const MARK: &str = "fault ";

/// What one run of a fault test, or of its control, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) rounds: u64,
    pub(crate) acknowledged: u64,
    pub(crate) lost: u64,
    pub(crate) torn: u64,
    pub(crate) unknown: u64,
}

impl Figures {
    pub(crate) fn is_sound(&self) -> bool {
        self.lost == 0 && self.torn == 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self { rounds, acknowledged, lost, torn, unknown } = other;
        self.rounds += rounds;
        self.acknowledged += acknowledged;
        self.lost += lost;
        self.torn += torn;
        self.unknown += unknown;
    }

    /// Reads `rounds 1, acknowledged 2, lost 3, torn 4, unknown 5`, and nothing that differs from it.
    fn parse(text: &str) -> Option<Self> {
        let names = ["rounds", "acknowledged", "lost", "torn", "unknown"];
        let mut numbers = [0; 5];
        let mut parts = text.split(", ");
        for (name, number) in names.into_iter().zip(&mut numbers) {
            let digits = parts.next()?.strip_prefix(name)?.strip_prefix(' ')?;
            *number = digits.parse().ok()?;
        }
        let [rounds, acknowledged, lost, torn, unknown] = numbers;
        parts.next().is_none().then_some(Self { rounds, acknowledged, lost, torn, unknown })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, acknowledged, lost, torn, unknown } = self;
        write!(
            f,
            "rounds {rounds}, acknowledged {acknowledged}, lost {lost}, torn {torn}, unknown {unknown}"
        )
    }
}

/// What a fault test reported.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Ran { name: String, figures: Figures, seed: u64, controls: Vec<(String, Figures)> },
    Skipped { name: String, why: String },
}

impl Report {
    /// Reads a line; `None` when it is not a report, an error when it is one that says too little.
    pub(crate) fn parse(line: &str) -> Option<Result<Self, String>> {
        let told = line.strip_prefix(MARK)?;
        Some(Self::parse_told(told).ok_or_else(|| format!("cannot read the figures of {line:?}")))
    }

    fn parse_told(told: &str) -> Option<Self> {
        let (name, told) = told.split_once(": ")?;
        let name = name.to_owned();
        if let Some(why) = told.strip_prefix("skipped: ") {
            return (!why.is_empty()).then(|| Self::Skipped { name, why: why.to_owned() });
        }
        let mut parts = told.split("; ");
        let figures = Figures::parse(parts.next()?)?;
        let seed = parts.next()?.strip_prefix("seed ")?.parse().ok()?;
        let mut controls = Vec::new();
        for part in parts {
            let (control, figures) = part.strip_prefix("control ")?.split_once(": ")?;
            controls.push((control.to_owned(), Figures::parse(figures)?));
        }
        Some(Self::Ran { name, figures, seed, controls })
    }

    /// The name without what a test adds to it after a comma.
    pub(crate) fn name(&self) -> &str {
        let (Self::Ran { name, .. } | Self::Skipped { name, .. }) = self;
        name.split_once(", ").map_or(name, |(name, _)| name)
    }

    /// Whether the promise was kept and every control broke it; what is wrong otherwise.
    pub(crate) fn judge(&self) -> Result<(), String> {
        let Self::Ran { name, figures, controls, seed } = self else { return Ok(()) };
        if figures.rounds == 0 {
            return Err(format!("{name} tried nothing"));
        }
        if !figures.is_sound() {
            return Err(format!("{name}: {figures}; seed {seed}"));
        }
        match controls.iter().find(|(_, figures)| figures.is_sound()) {
            Some((control, figures)) => {
                Err(format!("{name}: the control {control:?} did not fail: {figures}"))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "rounds 20, acknowledged 9, lost 0, torn 0, unknown 1";
    const BROKEN: &str = "rounds 2, acknowledged 1, lost 3, torn 0, unknown 0";

    fn read(line: &str) -> Report {
        Report::parse(line).unwrap().unwrap()
    }

    #[test]
    fn a_line_is_read_with_its_seed_and_its_controls() {
        let line =
            format!("fault power/ext4/os, 7 gone: {SOUND}; seed 5; control no sync: {BROKEN}");
        let report = read(&line);
        assert_eq!(report.name(), "power/ext4/os");
        assert_eq!(report.judge(), Ok(()));
        let Report::Ran { figures, seed, controls, .. } = report else { panic!("it ran") };
        let sound = Figures { rounds: 20, acknowledged: 9, lost: 0, torn: 0, unknown: 1 };
        assert_eq!((figures, seed), (sound, 5));
        let broken = Figures { rounds: 2, acknowledged: 1, lost: 3, torn: 0, unknown: 0 };
        assert_eq!(controls, [("no sync".to_owned(), broken)]);
        assert_eq!(figures.to_string(), SOUND);
    }

    #[test]
    fn a_skipped_test_says_why() {
        let report = read("fault power: skipped: needs root");
        let (name, why) = ("power".to_owned(), "needs root".to_owned());
        assert_eq!(report, Report::Skipped { name, why });
    }

    #[test]
    fn a_report_whose_figures_cannot_be_read_is_an_error() {
        let lines = [
            "fault kill".to_owned(),
            "fault kill: all went well".to_owned(),
            "fault kill: skipped: ".to_owned(),
            format!("fault kill: {SOUND}"),
            format!("fault kill: {SOUND}; seed none"),
            format!("fault kill: {SOUND}, slow 3; seed 1"),
            format!("fault kill: {}; seed 1", SOUND.replace("lost 0", "lost -1")),
            format!("fault kill: {}; seed 1", SOUND.replace("lost 0, ", "")),
            format!("fault kill: {SOUND}; seed 1; control early"),
            format!("fault kill: {SOUND}; seed 1; early: {BROKEN}"),
        ];
        for line in lines {
            assert!(Report::parse(&line).unwrap().is_err(), "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_reports() {
        for line in ["", "test fault::kill ... ok", "after a fault: lost", "faulty: 1"] {
            assert_eq!(Report::parse(line), None, "{line}");
        }
    }

    #[test]
    fn losses_and_controls_that_keep_the_promise_are_failures() {
        let judge = |line: String| read(&line).judge();
        assert!(judge(format!("fault kill: {BROKEN}; seed 1")).is_err());
        assert!(judge(format!("fault kill: {SOUND}; seed 1; control early: {SOUND}")).is_err());
        let torn = SOUND.replace("torn 0", "torn 1");
        assert!(judge(format!("fault kill: {torn}; seed 1")).is_err());
        let none = SOUND.replace("rounds 20", "rounds 0");
        assert!(judge(format!("fault kill: {none}; seed 1")).is_err());
    }
}
