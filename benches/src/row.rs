//! A result, as a line of a table or as a JSON object.

use std::time::Duration;

use serde::Serialize;

use crate::Result;
use crate::measure::Pair;

/// What ours is measured beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The least work that anybody must do.
    Floor,
    /// Another engine, of this name and at these settings.
    #[cfg_attr(
        not(any(test, feature = "mongodb", feature = "peers", feature = "redis")),
        expect(dead_code, reason = "no peer is built")
    )]
    Peer(&'static str),
    /// Ours as well, with nothing else going on.
    Quiet,
}

impl Beside {
    const fn label(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer(engine) => engine,
            Self::Quiet => "quiet",
        }
    }
}

/// What a figure that stands alone counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    BytesPerDocument,
    Bytes,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => human(value),
            Self::BytesPerDocument => format!("{value:.1} B/doc"),
            Self::Bytes => format!("{:.1} MB", value / 1e6),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::BytesPerDocument => "bytes per document",
            Self::Bytes => "bytes",
        }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    /// Times, whose ratio counts.
    Pair(Beside, Pair),
    /// A figure that counts as it is.
    Alone(Unit, f64),
}

/// One figure and its bar.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    figure: Figure,
    bar: f64,
}

/// The keys of a pair in JSON: one of `peer`, `floor` and `quiet` is there. Times are in seconds.
#[derive(Serialize)]
struct PairJson<'a> {
    name: &'a str,
    ours: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<f64>,
    ratio: f64,
    bar: f64,
    holds: bool,
}

/// The keys of a figure that stands alone in JSON.
#[derive(Serialize)]
struct AloneJson<'a> {
    name: &'a str,
    ours: f64,
    unit: &'static str,
    bar: f64,
    holds: bool,
}

impl Row {
    /// A row that holds when the ratio of the pair, or the figure alone, is at most `bar`.
    pub(crate) fn new(name: String, figure: Figure, bar: f64) -> Self {
        Self { name, figure, bar }
    }

    /// Whether the bar is kept; a ratio that is no number does not hold.
    pub(crate) fn holds(&self) -> bool {
        let judged = match self.figure {
            Figure::Pair(_, pair) => ratio(pair),
            Figure::Alone(_, value) => value,
        };
        judged <= self.bar
    }
}

fn ratio(pair: Pair) -> f64 {
    pair.ours.as_secs_f64() / pair.beside.as_secs_f64()
}

/// The figure of a floor measured alone.
#[derive(Debug, Serialize)]
pub(crate) struct FloorRow {
    name: String,
    #[serde(serialize_with = "seconds")]
    floor: Duration,
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

impl FloorRow {
    pub(crate) fn new(name: String, floor: Duration) -> Self {
        Self { name, floor }
    }
}

/// A row for people and for programs.
pub(crate) trait Print<const N: usize> {
    /// The heads of the columns.
    const HEADS: [&'static str; N];

    /// The cells, as many as there are heads.
    fn cells(&self) -> [String; N];

    /// The row as one line of JSON, its times in seconds.
    fn to_json(&self) -> Result<String>;
}

impl Print<6> for Row {
    const HEADS: [&'static str; 6] = ["name", "ours", "beside", "ratio", "bar", "holds"];

    fn cells(&self) -> [String; 6] {
        let (ours, beside, ratio, bar) = match self.figure {
            Figure::Pair(beside, pair) => (
                human(pair.ours.as_secs_f64()),
                format!("{} {}", beside.label(), human(pair.beside.as_secs_f64())),
                format!("{:.2}", ratio(pair)),
                format!("{:.2}", self.bar),
            ),
            Figure::Alone(unit, value) => {
                (unit.show(value), String::new(), String::new(), unit.show(self.bar))
            }
        };
        let holds = if self.holds() { "yes" } else { "NO" };
        [self.name.clone(), ours, beside, ratio, format!("≤ {bar}"), holds.to_owned()]
    }

    fn to_json(&self) -> Result<String> {
        let (name, bar, holds) = (self.name.as_str(), self.bar, self.holds());
        let json = match self.figure {
            Figure::Pair(beside, pair) => {
                let other = pair.beside.as_secs_f64();
                serde_json::to_string(&PairJson {
                    name,
                    ours: pair.ours.as_secs_f64(),
                    peer: matches!(beside, Beside::Peer(_)).then_some(other),
                    floor: (beside == Beside::Floor).then_some(other),
                    quiet: (beside == Beside::Quiet).then_some(other),
                    ratio: ratio(pair),
                    bar,
                    holds,
                })?
            }
            Figure::Alone(unit, ours) => {
                serde_json::to_string(&AloneJson { name, ours, unit: unit.name(), bar, holds })?
            }
        };
        Ok(json)
    }
}

impl Print<2> for FloorRow {
    const HEADS: [&'static str; 2] = ["name", "floor"];

    fn cells(&self) -> [String; 2] {
        [self.name.clone(), human(self.floor.as_secs_f64())]
    }

    fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

/// The rows under their heads, names to the left and figures to the right.
pub(crate) fn table<const N: usize, R: Print<N>>(rows: &[R]) -> String {
    let lines: Vec<[String; N]> =
        std::iter::once(R::HEADS.map(str::to_owned)).chain(rows.iter().map(R::cells)).collect();
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            if column == 0 {
                text.push_str(&format!("{cell:<width$}"));
            } else {
                text.push_str(&format!("  {cell:>width$}"));
            }
        }
        text.push('\n');
    }
    text
}

/// A time with three digits in the unit that suits it.
fn human(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..1e-6 => (seconds * 1e9, "ns"),
        1e-6..1e-3 => (seconds * 1e6, "µs"),
        1e-3..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let decimals = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: u64, beside: u64, kind: Beside) -> Row {
        let pair =
            Pair { ours: Duration::from_millis(ours), beside: Duration::from_millis(beside) };
        Row::new("walk_1m".to_owned(), Figure::Pair(kind, pair), 3.0)
    }

    fn alone(unit: Unit, value: f64, bar: f64) -> Row {
        Row::new("open".to_owned(), Figure::Alone(unit, value), bar)
    }

    #[test]
    fn a_pair_in_json_has_exactly_the_agreed_keys() {
        assert_eq!(
            row(1_500, 500, Beside::Floor).to_json().unwrap(),
            r#"{"name":"walk_1m","ours":1.5,"floor":0.5,"ratio":3.0,"bar":3.0,"holds":true}"#
        );
        assert_eq!(
            row(2_000, 500, Beside::Peer("sqlite")).to_json().unwrap(),
            r#"{"name":"walk_1m","ours":2.0,"peer":0.5,"ratio":4.0,"bar":3.0,"holds":false}"#
        );
        assert_eq!(
            row(500, 500, Beside::Quiet).to_json().unwrap(),
            r#"{"name":"walk_1m","ours":0.5,"quiet":0.5,"ratio":1.0,"bar":3.0,"holds":true}"#
        );
    }

    #[test]
    fn a_figure_alone_in_json_names_its_unit() {
        assert_eq!(
            alone(Unit::Seconds, 0.5, 0.25).to_json().unwrap(),
            r#"{"name":"open","ours":0.5,"unit":"seconds","bar":0.25,"holds":false}"#
        );
    }

    #[test]
    fn a_ratio_that_is_no_number_does_not_hold() {
        assert!(!row(0, 0, Beside::Floor).holds());
        assert!(!row(1, 0, Beside::Floor).holds());
        assert!(!alone(Unit::Seconds, f64::NAN, 1.0).holds());
    }

    #[test]
    fn a_table_is_aligned() {
        let rows = [
            row(1_500, 500, Beside::Floor),
            row(12, 3, Beside::Peer("sqlite WAL")),
            alone(Unit::BytesPerDocument, 150.04, 160.0),
        ];
        assert_eq!(
            table(&rows),
            concat!(
                "name            ours              beside  ratio            bar  holds\n",
                "walk_1m       1.50 s        floor 500 ms   3.00         ≤ 3.00    yes\n",
                "walk_1m      12.0 ms  sqlite WAL 3.00 ms   4.00         ≤ 3.00     NO\n",
                "open     150.0 B/doc                             ≤ 160.0 B/doc    yes\n",
            )
        );
    }

    #[test]
    fn times_are_shown_in_the_unit_that_suits_them() {
        let shown = [950e-9, 1_500e-9, 25e-6, 1.234_567e-3, 0.999, 61.0].map(human);
        assert_eq!(shown, ["950 ns", "1.50 µs", "25.0 µs", "1.23 ms", "999 ms", "61.0 s"]);
    }
}
