//! The list of benches: what each measures, beside what, and the bar.

use std::time::Duration;

use crate::measure::{Contender, Pair, alone, by_turns};
use crate::row::Beside;
use crate::setup::Setup;
use crate::{Result, floor, ours};

/// Prepares a contender: everything that is not to be measured happens here.
pub(crate) type Prepare = fn(&Setup) -> Result<Contender>;

/// One task, done by ours and by a floor or a peer over the same data.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) beside: Beside,
    /// At most so many times as long as the other side.
    pub(crate) bar: f64,
    pub(crate) other: Prepare,
    /// Without it there is no row: only `--floors` measures the other side.
    pub(crate) ours: Option<Prepare>,
}

/// Every bench, in the order of the table.
pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "walk_1m",
        beside: Beside::Floor,
        bar: 3.0,
        other: floor::walk::walk_1m,
        ours: ours::walk::WALK_1M,
    },
    Bench {
        name: "create_many_10k",
        beside: Beside::Floor,
        bar: 3.0,
        other: floor::write::create_many_10k,
        ours: ours::write::CREATE_MANY_10K,
    },
    Bench {
        name: "single_creates_2k",
        beside: Beside::Floor,
        bar: 1.2,
        other: floor::write::single_creates_2k,
        ours: ours::write::SINGLE_CREATES_2K,
    },
    Bench {
        name: "group_commit_10k",
        beside: Beside::Floor,
        bar: 1.5,
        other: floor::write::group_commit_10k,
        ours: ours::write::GROUP_COMMIT_10K,
    },
    Bench {
        name: "get_hot_10k",
        beside: Beside::Floor,
        bar: 2.0,
        other: floor::read::get_hot_10k,
        ours: ours::read::GET_HOT_10K,
    },
    Bench {
        name: "get_hot_1m",
        beside: Beside::Floor,
        bar: 2.0,
        other: floor::read::get_hot_1m,
        ours: ours::read::GET_HOT_1M,
    },
];

impl Bench {
    /// The name of its row in this run.
    pub(crate) fn name(&self, setup: &Setup) -> String {
        setup.label(self.name)
    }

    /// Measures both sides by turns.
    pub(crate) fn measure(&self, setup: &Setup) -> Result<Pair> {
        let ours = self.ours.ok_or("ours is missing")?(setup)?;
        by_turns(setup.rounds, setup.warm_up, ours, (self.other)(setup)?)
    }

    /// Measures the other side alone.
    pub(crate) fn measure_floor(&self, setup: &Setup) -> Result<Duration> {
        alone(setup.rounds, setup.warm_up, (self.other)(setup)?)
    }
}
