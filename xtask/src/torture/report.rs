//! The lines in which fault tests report what they saw.

use std::fmt;

/// What begins a line that is meant for us, and what such a line counts.
const LAYOUTS: [(&str, &[&str]); 3] = [
    ("fault ", &["rounds", "acknowledged", "lost", "torn", "unknown"]),
    ("failover ", &["rounds", "acknowledged", "lost", "double", "misreported", "unknown"]),
    (
        "coherence ",
        &[
            "rounds", "writes", "reads", "stale", "lowered", "missed", "late", "slow", "well",
            "worst",
        ],
    ),
];

/// What must not be counted where a promise is kept.
const BROKEN: [&str; 8] =
    ["lost", "torn", "double", "misreported", "lowered", "missed", "late", "slow"];

/// What one run of a fault test, or of its control, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures(Vec<(&'static str, u64)>);

impl Figures {
    /// How many there were; 0 of what was not counted.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0.iter().find(|(named, _)| *named == name).map_or(0, |(_, count)| *count)
    }

    pub(crate) fn is_sound(&self) -> bool {
        BROKEN.iter().all(|name| self.count(name) == 0)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            match self.0.iter_mut().find(|(named, _)| named == name) {
                Some((_, sum)) => *sum += count,
                None => self.0.push((name, *count)),
            }
        }
    }

    /// Reads `rounds 1, acknowledged 2` and whatever else `names` has, and nothing that differs from it.
    fn parse(text: &str, names: &[&'static str]) -> Option<Self> {
        let mut counts = Vec::new();
        let mut parts = text.split(", ");
        for name in names {
            let digits = parts.next()?.strip_prefix(name)?.strip_prefix(' ')?;
            counts.push((*name, digits.parse().ok()?));
        }
        parts.next().is_none().then_some(Self(counts))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> =
            self.0.iter().map(|(name, count)| format!("{name} {count}")).collect();
        f.write_str(&counts.join(", "))
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
        let (told, names) = LAYOUTS
            .iter()
            .find_map(|(mark, names)| line.strip_prefix(mark).map(|told| (told, names)))?;
        Some(
            Self::parse_told(told, names)
                .ok_or_else(|| format!("cannot read the figures of {line:?}")),
        )
    }

    fn parse_told(told: &str, names: &[&'static str]) -> Option<Self> {
        let (name, told) = told.split_once(": ")?;
        let name = name.to_owned();
        if let Some(why) = told.strip_prefix("skipped: ") {
            return (!why.is_empty()).then(|| Self::Skipped { name, why: why.to_owned() });
        }
        let mut parts = told.split("; ");
        let figures = Figures::parse(parts.next()?, names)?;
        let seed = parts.next()?.strip_prefix("seed ")?.parse().ok()?;
        let mut controls = Vec::new();
        for part in parts {
            let (control, figures) = part.strip_prefix("control ")?.split_once(": ")?;
            controls.push((control.to_owned(), Figures::parse(figures, names)?));
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
        if figures.count("rounds") == 0 {
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
        assert_eq!((figures.to_string().as_str(), seed), (SOUND, 5));
        let counts = ["rounds", "lost", "unknown", "double"].map(|name| figures.count(name));
        assert_eq!(counts, [20, 0, 1, 0]);
        let [(control, figures)] = &controls[..] else { panic!("there is one control") };
        assert_eq!((control.as_str(), figures.to_string().as_str()), ("no sync", BROKEN));
    }

    #[test]
    fn tests_of_failovers_count_otherwise() {
        let sound = "rounds 2, acknowledged 9, lost 0, double 0, misreported 0, unknown 0";
        for broken in ["lost", "double", "misreported"] {
            let broken = sound.replace(&format!("{broken} 0"), &format!("{broken} 1"));
            assert!(read(&format!("failover saves: {broken}; seed 1")).judge().is_err());
            let line = format!("failover saves: {sound}; seed 1; control c: {broken}");
            assert_eq!(read(&line).judge(), Ok(()));
        }
        assert!(Report::parse(&format!("fault kill: {sound}; seed 1")).unwrap().is_err());
        assert!(Report::parse(&format!("failover saves: {SOUND}; seed 1")).unwrap().is_err());
    }

    #[test]
    fn tests_of_coherence_count_otherwise_and_a_stale_read_within_the_bounds_is_sound() {
        let sound = "rounds 2, writes 9, reads 90, stale 4, lowered 0, missed 0, late 0, slow 0, \
                     well 3, worst 400";
        for broken in ["lowered", "missed", "late", "slow"] {
            let broken = sound.replace(&format!("{broken} 0"), &format!("{broken} 1"));
            assert!(read(&format!("coherence redis: {broken}; seed 1")).judge().is_err());
            let line = format!("coherence redis: {sound}; seed 1; control deaf: {broken}");
            assert_eq!(read(&line).judge(), Ok(()));
        }
        let line = format!("coherence redis: {sound}; seed 1; control deaf: {sound}");
        assert!(read(&line).judge().is_err());
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
