//! What was acknowledged survives the loss of the primary, and writes go on soon.

use std::sync::Arc;
use std::time::Duration;

use jvspatial_db::{MongoDb, MongoDbOptions};

use super::controls::{acknowledged_by_one, waits_for_the_frozen};
use super::figures::{Figures, Random, report, rounds_of, seed, tell, time_is_up};
use super::load::Load;
use super::nemesis::Nemesis;
use super::set::{Set, open};

/// What rounds with one nemesis saw.
#[derive(Default)]
pub(super) struct Survival {
    pub(super) figures: Figures,
    /// The longest time in which no write was acknowledged.
    pub(super) longest: Duration,
    pub(super) late: u64,
}

impl Survival {
    pub(super) async fn round(
        &mut self,
        nemesis: Nemesis,
        set: &Set,
        db: &Arc<MongoDb>,
        random: &mut Random,
    ) {
        let load = Load::begin(db, random).await;
        nemesis.strike(set).await;
        load.warm().await;
        let (round, longest) = load.end(set, "survival").await;
        self.figures.add(&Figures { rounds: 1, ..round });
        tell(format_args!("{nemesis:?}: no write for {longest:?}"));
        self.longest = self.longest.max(longest);
        self.late += u64::from(longest > nemesis.longest_gap());
    }

    /// The figures of the pauses, with its name for them.
    pub(super) fn gaps(&self, nemesis: Nemesis) -> (String, Figures) {
        let (longest, most) = (self.longest.as_secs_f64(), nemesis.longest_gap().as_secs());
        let name = format!("gap/{}, longest {longest:.2} s of {most} s", nemesis.name());
        let Figures { rounds, acknowledged, .. } = self.figures;
        (name, Figures { rounds, acknowledged, misreported: self.late, ..Figures::default() })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn what_was_acknowledged_survives_a_primary_that_steps_down() {
    survives(Nemesis::StepDown).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn what_was_acknowledged_survives_a_primary_that_is_killed() {
    survives(Nemesis::Kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn what_was_acknowledged_survives_a_primary_that_freezes() {
    survives(Nemesis::Freeze).await;
}

async fn survives(nemesis: Nemesis) {
    let seed = seed();
    let mut random = Random(seed);
    let set = Set::start().await;
    let db = open(&set.url("survival", ""), MongoDbOptions::new()).await;
    let db = Arc::new(db);
    let name = format!("survival/{}", nemesis.name());
    let mut survival = Survival::default();
    for _ in 0..rounds_of(&name, 2) {
        if time_is_up() {
            break;
        }
        survival.round(nemesis, &set, &db, &mut random).await;
    }
    let lost = acknowledged_by_one(&set).await;
    report(&name, seed, &survival.figures, &[("acknowledged by one", lost)]);
    let misreported = u64::from(waits_for_the_frozen(&set, nemesis.longest_gap()).await);
    let default = Figures { rounds: 1, misreported, ..Figures::default() };
    let (name, gaps) = survival.gaps(nemesis);
    report(&name, seed, &gaps, &[("defaults of the driver, frozen", default)]);
}
