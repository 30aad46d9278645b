//! Random histories with compaction in the background and on demand, beside a model in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, Durability, JsonDb, JsonDbOptions};

use super::super::figures::{Figures, Random, report, rounds_of, say, seed, wants_words};
use super::super::script::runtime;
use super::world::World;
use super::{killed, open, options};

/// A store and its model.
struct Pair {
    disk: SimulatedDisk,
    db: Arc<JsonDb>,
    options: JsonDbOptions,
    world: World,
    random: Random,
    figures: Figures,
    compactions: u64,
    looks: u64,
}

impl Pair {
    fn new(seed: u64, options: JsonDbOptions, most: u64) -> Self {
        let disk = SimulatedDisk::new();
        let db = Arc::new(open(&disk, &options));
        let (world, random) = (World::new(seed, most), Random(!seed));
        let figures = Figures::default();
        Self { disk, db, options, world, random, figures, compactions: 0, looks: 0 }
    }

    async fn write(&mut self, batches: u64) {
        for _ in 0..batches {
            let planned = self.world.next();
            let report = self.db.write(planned.batch).await.unwrap();
            if report.written() != planned.written {
                self.judge(Err(format!("{} written, not {}", report.written(), planned.written)));
            }
            self.figures.acknowledged += 1;
        }
    }

    async fn step(&mut self) {
        match self.random.below(60) {
            0 => {
                self.db.compact().await.unwrap();
                self.compactions += 1;
            }
            1 | 2 => {
                let (db, batches) = (Arc::clone(&self.db), self.random.below(40));
                let (compacted, ()) = tokio::join!(db.compact(), self.write(batches));
                compacted.unwrap();
                self.compactions += 1;
            }
            3 if self.random.one_in(2) => {
                self.db.close().await.unwrap();
                self.disk = killed(&self.disk);
                self.db = Arc::new(open(&self.disk, &self.options));
                assert!(self.db.recovery().clean);
                self.look().await;
            }
            3 => {
                self.disk = killed(&self.disk);
                self.db = Arc::new(open(&self.disk, &self.options));
                assert!(!self.db.recovery().clean);
                self.look().await;
            }
            4 => self.look().await,
            _ => self.write(1).await,
        }
    }

    async fn look(&mut self) {
        self.looks += 1;
        let found = self.world.compare(&self.db).await;
        self.judge(found);
    }

    fn judge(&mut self, found: Result<(), String>) {
        let Err(why) = found else { return };
        if self.figures.is_sound() && (self.options.sabotage.is_none() || wants_words()) {
            say(format_args!("after {} operations: {why}", self.world.operations));
        }
        self.figures.torn += 1;
    }

    /// Lives through so many operations, or until something is wrong.
    fn live(mut self, operations: u64) -> Figures {
        runtime().block_on(async {
            while self.world.operations < operations && self.figures.is_sound() {
                self.step().await;
            }
            self.look().await;
            self.db.close().await.unwrap();
        });
        assert!(self.looks > 0);
        self.figures.rounds = self.world.operations;
        self.figures
    }
}

/// A run for each size of segments and each durability, `operations` in all.
fn live(seed: u64, operations: u64) -> Figures {
    let runs = [
        (4096, 150, Durability::Os),
        (4096, 60, Durability::Sync),
        (65_536, 500, Durability::Os),
        (65_536, 150, Durability::Interval(Duration::from_millis(1))),
    ];
    let mut figures = Figures::default();
    for (turn, (bytes, most, durability)) in (0..).zip(runs) {
        let options = options().segment_bytes(bytes).durability(durability);
        figures.add(&Pair::new(seed ^ turn, options, most).live(operations / 4));
    }
    figures
}

#[test]
fn compaction_changes_no_answer() {
    let seed = seed();
    let operations = rounds_of("compaction/model", 100_000);
    let start = Instant::now();
    let figures = live(seed, operations);
    let rate = operations as f64 / start.elapsed().as_secs_f64();
    let sabotaged = options().sabotage(Sabotage::DropTombstones);
    let control = Pair::new(seed, sabotaged, 60).live(200_000);
    let name = format!("compaction/model, {rate:.0} operations a second");
    report(&name, seed, &figures, &[("drop tombstones", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(!control.is_sound(), "{control}");
}
