//! The journal stays small, whatever is written: at rest at most 2.2 times the lines in use and one
//! segment, and few files.

use std::collections::{BTreeMap, BTreeSet};

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Database as _, Durability, Encoding, EntityName, Id, JsonDb, JsonDbOptions, Version, WriteBatch,
};
use serde_json::json;

use super::super::figures::{Figures, Random, report, rounds, say, seed};
use super::super::script::runtime;
use super::space::{Peak, active_bytes, bytes, files, live_bytes};
use super::{open, options, settle};

/// The most bytes of a segment's first line.
const HEADER: u64 = 128;
/// As many segments that hold nothing or little are put together.
const EMPTY: u64 = 4;

/// A store that is written to and measured.
struct Measured {
    disk: SimulatedDisk,
    db: JsonDb,
    options: JsonDbOptions,
    random: Random,
    peak: Peak,
    /// The most bytes of one batch.
    batch: u64,
    versions: BTreeMap<u64, u64>,
    figures: Figures,
    name: &'static str,
    worst: f64,
}

fn id(number: u64) -> Id {
    let mut key = [0; 12];
    key[4..].copy_from_slice(&number.to_be_bytes());
    Id::generated(jvspatial_db::Collection::Object, EntityName::new("Note").unwrap(), key)
}

impl Measured {
    fn new(name: &'static str, segment_bytes: u64, compaction: bool) -> Self {
        let disk = SimulatedDisk::new();
        let peak = Peak::watch(&disk);
        let options = options()
            .segment_bytes(segment_bytes)
            .durability(Durability::Os)
            .compaction(compaction);
        let db = open(&disk, &options);
        let (random, versions) = (Random(seed()), BTreeMap::new());
        let figures = Figures::default();
        Self { disk, db, options, random, peak, batch: 0, versions, figures, name, worst: 0.0 }
    }

    /// Writes one batch that puts some documents and deletes others.
    async fn write(
        &mut self,
        put: impl IntoIterator<Item = u64>,
        delete: impl IntoIterator<Item = u64>,
    ) {
        let mut batch = WriteBatch::new(Encoding::Json);
        let mut bytes = 300;
        for number in put {
            // Always the same for one document, so that what is live does not change from moment to moment.
            let text = "x".repeat(20 + (number * 37 % 180) as usize);
            let fields = json!({ "text": text });
            bytes += 120 + text.len() as u64;
            let version = self.versions.entry(number).or_default();
            match *version {
                0 => batch.insert(id(number), &fields).unwrap(),
                version => batch.update(id(number), Version::new(version), &fields).unwrap(),
            }
            *version += 1;
        }
        for number in delete {
            bytes += 90;
            self.versions.remove(&number);
            batch.delete(id(number), None, false).unwrap();
        }
        self.batch = self.batch.max(bytes);
        assert!(self.db.write(batch).await.unwrap().is_complete());
        self.figures.acknowledged += 1;
    }

    /// Puts so many documents, a few in each batch: a segment that one batch makes far too large is copied as
    /// a whole.
    async fn fill(&mut self, documents: u64) {
        for start in (0..documents).step_by(10) {
            self.write(start..(start + 10).min(documents), []).await;
        }
    }

    /// Waits until compaction is idle, and holds what is on the disk against the bound.
    fn rest(&mut self) {
        settle(&self.disk);
        let segment = self.options.segment_bytes;
        let (live, now, files) = (live_bytes(&self.disk), bytes(&self.disk), files(&self.disk));
        // The last batch of a segment may reach beyond its end, and some that hold nothing have a first line.
        let bound = live * 22 / 10 + segment.max(active_bytes(&self.disk)) + EMPTY * HEADER;
        let most_files = 4 + 16 * live / segment;
        self.figures.rounds += 1;
        self.worst = self.worst.max(now as f64 / bound as f64);
        if now > bound || files > most_files {
            self.figures.torn += 1;
            if self.options.compaction {
                let name = self.name;
                say(format_args!(
                    "{name}: {now} bytes in {files} files, {live} live, bound {bound} in {most_files}"
                ));
            }
        }
    }

    /// Holds the most bytes since the last look against the bound of a store that is being written.
    fn judge_peak(&mut self, live: u64) {
        let bound =
            live * 22 / 10 + 2 * self.options.segment_bytes + std::mem::take(&mut self.batch);
        let peak = self.peak.take();
        self.worst = self.worst.max(peak as f64 / bound as f64);
        if peak > bound {
            self.figures.torn += 1;
            if self.options.compaction {
                let name = self.name;
                say(format_args!("{name}: {peak} bytes while writing, {live} live, bound {bound}"));
            }
        }
    }

    /// Begins to measure.
    fn begin(&mut self) {
        settle(&self.disk);
        (self.batch, _) = (0, self.peak.take());
    }
}

/// Everything is written again and again.
async fn updates(store: &mut Measured, documents: u64, each: u64) {
    store.fill(documents).await;
    store.begin();
    for _ in 0..rounds(3) {
        for _ in 0..documents * 3 / each {
            let some: BTreeSet<u64> = (0..each).map(|_| store.random.below(documents)).collect();
            store.write(some, []).await;
        }
        store.judge_peak(live_bytes(&store.disk));
        store.rest();
    }
}

/// Documents come and go beside others that hardly ever change, so that their ends have something to hide.
async fn churn(store: &mut Measured) {
    store.fill(400).await;
    store.begin();
    for turn in 0..rounds(6) {
        for step in 0..150 {
            let number = 1000 + turn * 150 + step;
            store.write([number], []).await;
            store.write([], [number]).await;
            if step % 50 == 0 {
                store.write([turn * 3 % 400 + step / 50], []).await;
            }
        }
        store.judge_peak(live_bytes(&store.disk));
        store.rest();
    }
}

/// Of ten documents one stays, so that segments become ever smaller.
async fn survivors(store: &mut Measured) {
    let mut next = 0;
    store.begin();
    for _ in 0..rounds(5) {
        for _ in 0..200 {
            store.write(next..next + 10, []).await;
            let survivor = next + store.random.below(10);
            store.write([], (next..next + 10).filter(|number| *number != survivor)).await;
            next += 10;
        }
        store.judge_peak(live_bytes(&store.disk));
        store.rest();
    }
}

/// All documents are deleted, so many in each batch.
async fn deletes(store: &mut Measured, each: u64) {
    store.fill(1000).await;
    let live = live_bytes(&store.disk);
    store.begin();
    for start in (0..1000).step_by(each as usize) {
        store.write([], start..start + each).await;
    }
    store.judge_peak(live);
    store.rest();
    let (left, tombstones) = (bytes(&store.disk), active_bytes(&store.disk));
    assert!(
        left <= tombstones + EMPTY * HEADER || !store.options.compaction,
        "{left}, {tombstones}"
    );
    store.db.compact().await.unwrap();
    let left = bytes(&store.disk);
    assert!(left < EMPTY * HEADER, "{left}");
}

const NAMES: [&str; 6] = ["updates", "single updates", "churn", "survivors", "deletes", "a burst"];

/// Plays one workload.
fn measure(name: &'static str, segment_bytes: u64, compaction: bool) -> (Figures, f64) {
    let mut store = Measured::new(name, segment_bytes, compaction);
    runtime().block_on(async {
        match name {
            "updates" => updates(&mut store, 1000, 20).await,
            "single updates" => updates(&mut store, 300, 1).await,
            "churn" => churn(&mut store).await,
            "survivors" => survivors(&mut store).await,
            "deletes" => deletes(&mut store, 1).await,
            _ => deletes(&mut store, 1000).await,
        }
        store.db.close().await.unwrap();
    });
    (store.figures, store.worst)
}

#[test]
fn the_journal_never_holds_much_more_than_what_is_in_use() {
    let (mut figures, mut worst) = (Figures::default(), 0.0_f64);
    let mut control = Figures::default();
    // Side by side, because most of the time is spent waiting for compaction to come to rest.
    std::thread::scope(|scope| {
        let runs = [4096, 65_536].map(|segment_bytes| {
            NAMES.map(|name| scope.spawn(move || measure(name, segment_bytes, true)))
        });
        control = measure("updates", 4096, false).0;
        for run in runs.into_iter().flatten() {
            let (seen, most) = run.join().unwrap();
            figures.add(&seen);
            worst = worst.max(most);
        }
    });
    let name = format!("compaction/bound, at most {:.0}% of it", worst * 100.0);
    report(&name, seed(), &figures, &[("no compaction", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(!control.is_sound(), "{control}");
}
