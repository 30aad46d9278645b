//! One bench: what it measures, beside what, and its bar.

use crate::Result;
use crate::measure::{Contender, alone, by_turns};
use crate::row::{Beside, Figure, FloorRow, Row, Unit};
use crate::setup::Setup;

/// Prepares a contender: everything that is not to be measured happens here.
pub(crate) type Prepare = fn(&Setup) -> Result<Contender>;

/// One task of ours with its bar.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) task: Task,
    /// What the figure, or the ratio of two figures, may come to at most.
    pub(crate) bar: f64,
}

/// What is measured.
#[derive(Debug)]
pub(crate) enum Task {
    /// Ours and another do the same by turns; the bar is for the ratio of their times.
    Pair { beside: Beside, ours: Prepare, other: Prepare },
    /// A figure of ours that the bar is for as it is.
    Alone { unit: Unit, ours: fn(&Setup) -> Result<f64> },
}

impl Bench {
    /// Whether it has a floor, which can be measured without ours.
    pub(crate) fn has_floor(&self) -> bool {
        matches!(self.task, Task::Pair { beside: Beside::Floor, .. })
    }

    /// Measures the row.
    pub(crate) fn measure(&self, setup: &Setup) -> Result<Row> {
        let figure = match &self.task {
            Task::Pair { beside, ours, other } => {
                let ours = ours(setup)?;
                let pair = by_turns(setup.rounds, setup.warm_up, ours, other(setup)?)?;
                Figure::Pair(*beside, pair)
            }
            Task::Alone { unit, ours } => Figure::Alone(*unit, ours(setup)?),
        };
        Ok(Row::new(setup.label(self.name), figure, self.bar))
    }

    /// Measures the floor alone.
    pub(crate) fn measure_floor(&self, setup: &Setup) -> Result<FloorRow> {
        match &self.task {
            Task::Pair { beside: Beside::Floor, other, .. } => {
                let time = alone(setup.rounds, setup.warm_up, other(setup)?)?;
                Ok(FloorRow::new(setup.label(self.name), time))
            }
            _ => Err("the row has no floor".into()),
        }
    }
}
