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
    /// Another engine.
    Peer,
}

/// One figure of ours beside another.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    pair: Pair,
    beside: Beside,
    bar: f64,
}

/// The keys of a row in JSON: either `peer` or `floor` is there. Times are in seconds.
#[derive(Serialize)]
struct RowJson<'a> {
    name: &'a str,
    ours: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<f64>,
    ratio: f64,
    bar: f64,
    holds: bool,
}

impl Row {
    /// A row that holds when ours takes at most `bar` times as long.
    pub(crate) fn new(name: String, pair: Pair, beside: Beside, bar: f64) -> Self {
        Self { name, pair, beside, bar }
    }

    /// Whether ours takes at most `bar` times as long; a ratio that is no number does not hold.
    pub(crate) fn holds(&self) -> bool {
        self.ratio() <= self.bar
    }

    fn ratio(&self) -> f64 {
        self.pair.ours.as_secs_f64() / self.pair.beside.as_secs_f64()
    }
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
        let beside = match self.beside {
            Beside::Floor => "floor",
            Beside::Peer => "peer",
        };
        [
            self.name.clone(),
            human(self.pair.ours),
            format!("{beside} {}", human(self.pair.beside)),
            format!("{:.2}", self.ratio()),
            format!("≤ {:.2}", self.bar),
            if self.holds() { "yes" } else { "NO" }.to_owned(),
        ]
    }

    fn to_json(&self) -> Result<String> {
        let beside = self.pair.beside.as_secs_f64();
        Ok(serde_json::to_string(&RowJson {
            name: &self.name,
            ours: self.pair.ours.as_secs_f64(),
            peer: (self.beside == Beside::Peer).then_some(beside),
            floor: (self.beside == Beside::Floor).then_some(beside),
            ratio: self.ratio(),
            bar: self.bar,
            holds: self.holds(),
        })?)
    }
}

impl Print<2> for FloorRow {
    const HEADS: [&'static str; 2] = ["name", "floor"];

    fn cells(&self) -> [String; 2] {
        [self.name.clone(), human(self.floor)]
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
fn human(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match time.as_nanos() {
        0..1_000 => (seconds * 1e9, "ns"),
        1_000..1_000_000 => (seconds * 1e6, "µs"),
        1_000_000..1_000_000_000 => (seconds * 1e3, "ms"),
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
        Row::new("walk_1m".to_owned(), pair, kind, 3.0)
    }

    #[test]
    fn a_row_in_json_has_exactly_the_agreed_keys() {
        assert_eq!(
            row(1_500, 500, Beside::Floor).to_json().unwrap(),
            r#"{"name":"walk_1m","ours":1.5,"floor":0.5,"ratio":3.0,"bar":3.0,"holds":true}"#
        );
        assert_eq!(
            row(2_000, 500, Beside::Peer).to_json().unwrap(),
            r#"{"name":"walk_1m","ours":2.0,"peer":0.5,"ratio":4.0,"bar":3.0,"holds":false}"#
        );
    }

    #[test]
    fn a_ratio_that_is_no_number_does_not_hold() {
        assert!(!row(0, 0, Beside::Floor).holds());
        assert!(!row(1, 0, Beside::Floor).holds());
    }

    #[test]
    fn a_table_is_aligned() {
        let rows = [row(1_500, 500, Beside::Floor), row(12, 3, Beside::Peer)];
        assert_eq!(
            table(&rows),
            "name        ours        beside  ratio     bar  holds\n\
             walk_1m   1.50 s  floor 500 ms   3.00  ≤ 3.00    yes\n\
             walk_1m  12.0 ms  peer 3.00 ms   4.00  ≤ 3.00     NO\n"
        );
    }

    #[test]
    fn times_are_shown_in_the_unit_that_suits_them() {
        let shown = [950, 1_500, 25_000, 1_234_567, 999_000_000, 61_000_000_000]
            .map(|nanos| human(Duration::from_nanos(nanos)));
        assert_eq!(shown, ["950 ns", "1.50 µs", "25.0 µs", "1.23 ms", "999 ms", "61.0 s"]);
    }
}
