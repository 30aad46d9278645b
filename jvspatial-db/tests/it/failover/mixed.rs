//! A batch of a thousand in which everything happens, while others write the same documents.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::{Document, doc};
use jvspatial_db::{
    Collection, Database, EntityName, Handle, Id, IndexSpec, MongoDb, MongoDbOptions, Outcome,
    Version, WriteBatch,
};
use tokio::task::JoinSet;

use super::figures::{Figures, Random, report, rounds_of, say, seed, time_is_up};
use super::set::{Set, open};

/// How many operations of each kind a batch has.
const EACH: u64 = 200;
const RIVALS: u64 = 3;

/// The documents that everybody writes.
const SHARED: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn every_outcome_of_a_batch_of_a_thousand_is_told_apart_under_concurrent_writers() {
    let seed = seed();
    let mut random = Random(seed);
    let set = Set::start().await;
    let db = open(&set.url("mixed", ""), MongoDbOptions::new()).await;
    let db = Arc::new(db);
    let city = Some(EntityName::new("City").unwrap());
    let spec = doc! { "key": { "context.code": 1 }, "unique": true };
    db.create_index(Collection::Node, city, IndexSpec::parse(&spec).unwrap()).await.unwrap();
    let mut first = WriteBatch::new(db.capabilities().encoding);
    for n in 0..EACH {
        first.insert(own("kept", n), &doc! { "code": format!("kept{n}") }).unwrap();
        first.insert(own("old", n), &doc! { "code": format!("old{n}") }).unwrap();
        first.insert(own("taken", n), &doc! { "code": format!("taken{n}") }).unwrap();
    }
    for n in 0..SHARED {
        first.insert(shared(n), &doc! { "n": 0 }).unwrap();
    }
    for n in 0..EACH {
        first.insert(own("gone", n), &doc! { "code": format!("gone{n}") }).unwrap();
    }
    assert!(db.write(first).await.unwrap().is_complete());
    let mut gone = WriteBatch::new(db.capabilities().encoding);
    for n in 0..EACH {
        gone.delete(own("gone", n), None, false).unwrap();
    }
    assert!(db.write(gone).await.unwrap().is_complete());

    let stop = Arc::new(AtomicBool::new(false));
    let mut rivals = JoinSet::new();
    for _ in 0..RIVALS {
        let (db, stop, mut random) = (Arc::clone(&db), Arc::clone(&stop), Random(random.next()));
        rivals.spawn(async move {
            let mut won = Won::default();
            while !stop.load(Ordering::Relaxed) {
                let some = (0..20).map(|_| random.below(SHARED)).collect();
                won.save(&db, some, WriteBatch::new(db.capabilities().encoding)).await;
            }
            won
        });
    }
    let mut figures = Figures::default();
    let mut won = Won::default();
    for round in 1..=rounds_of("mixed", 5) {
        if time_is_up() {
            break;
        }
        let (batch, expected) = batch(&db, round);
        let all = (0..SHARED).collect();
        let told = won.save(&db, all, batch).await;
        figures.rounds += 1;
        for (told, expected) in told.iter().zip(&expected) {
            figures.acknowledged += u64::from(told.is_written());
            figures.unknown += u64::from(*told == Outcome::Unknown);
            if told != expected {
                figures.misreported += 1;
                say(format_args!("told {told:?}, expected {expected:?}"));
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(rival) = rivals.join_next().await {
        won.add(&rival.unwrap());
    }
    let conflicts = won.conflicts;
    figures.misreported += won.wrong;
    compare(&set, &won, &mut figures).await;
    let control = without_versions(&set).await;
    let name = format!("mixed, {conflicts} saves lost to others");
    report(&name, seed, &figures, &[("saves without versions", control)]);
}

fn own(kind: &str, n: u64) -> Id {
    format!("n.City.{kind}{n}").parse().unwrap()
}

fn shared(n: u64) -> Id {
    format!("n.Shared.{n}").parse().unwrap()
}

/// The part of a batch whose outcomes nobody else has a hand in: 200 each of written, stale, missing and taken, half of
/// the last by their ids.
fn batch(db: &MongoDb, round: u64) -> (WriteBatch, Vec<Outcome>) {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    let mut expected = Vec::new();
    for n in 0..EACH {
        let version = Version::new(round);
        let fields = doc! { "code": format!("kept{n}"), "round": round.cast_signed() };
        batch.update(own("kept", n), version, &fields).unwrap();
        expected.push(Outcome::Written(version.next()));
        let stale = Version::new(round + 1);
        batch.update(own("old", n), stale, &doc! { "code": format!("old{n}") }).unwrap();
        expected.push(Outcome::Conflict { expected: stale, found: Version::FIRST });
        batch.update(own("gone", n), Version::FIRST, &doc! {}).unwrap();
        expected.push(Outcome::Missing(own("gone", n)));
        let taken = own("taken", n);
        if n % 2 == 0 {
            batch.insert(taken.clone(), &doc! { "code": format!("free{n}") }).unwrap();
            expected.push(Outcome::duplicate("_id", taken));
        } else {
            let new = own("new", round * EACH + n);
            batch.insert(new, &doc! { "code": format!("taken{n}") }).unwrap();
            expected.push(Outcome::duplicate("context.code_1", taken));
        }
    }
    (batch, expected)
}

/// Which versions of the shared documents a writer has made.
#[derive(Default)]
struct Won {
    made: HashMap<(u64, u64), u64>,
    conflicts: u64,
    wrong: u64,
}

impl Won {
    /// Saves shared documents as they are read, behind what the batch holds; returns the outcomes of that.
    async fn save(
        &mut self,
        db: &MongoDb,
        mut shared_ones: Vec<u64>,
        mut batch: WriteBatch,
    ) -> Vec<Outcome> {
        shared_ones.sort_unstable();
        shared_ones.dedup();
        let handles: Vec<Handle> = shared_ones.iter().map(|n| Handle::new(shared(*n))).collect();
        let read = db.get_many(&handles).await.unwrap();
        let before = batch.len();
        for document in read.iter().flatten() {
            batch.update(document.id.clone(), document.version, &doc! {}).unwrap();
        }
        let mut outcomes = db.write(batch).await.unwrap().outcomes;
        let of_shared = outcomes.split_off(before);
        for ((n, outcome), read) in shared_ones.iter().zip(&of_shared).zip(&read) {
            let seen = read.as_ref().unwrap().version;
            match outcome {
                Outcome::Written(version) if *version == seen.next() => {
                    *self.made.entry((*n, version.get())).or_default() += 1;
                }
                Outcome::Conflict { expected, found } if *expected == seen && found > expected => {
                    self.conflicts += 1;
                }
                other => {
                    self.wrong += 1;
                    say(format_args!("told {other:?} of a save of version {seen}"));
                }
            }
        }
        outcomes
    }

    fn add(&mut self, other: &Self) {
        for (made, count) in &other.made {
            *self.made.entry(*made).or_default() += count;
        }
        self.conflicts += other.conflicts;
        self.wrong += other.wrong;
    }
}

/// Of each shared document every version but the first must have been made by one writer.
async fn compare(set: &Set, won: &Won, figures: &mut Figures) {
    let nodes = set.raw("mixed").await.collection::<Document>("node");
    for n in 0..SHARED {
        let id = shared(n).to_string();
        let stored = nodes.find_one(doc! { "_id": id }).await.unwrap().unwrap();
        let last = stored.get_i64("_version").unwrap().cast_unsigned();
        let own = won.made.keys().filter(|(document, _)| *document == n);
        let (mut count, mut newest) = (0, 1);
        for (_, version) in own {
            count += 1;
            newest = newest.max(*version);
        }
        figures.acknowledged += count;
        figures.lost += newest.saturating_sub(last);
        // A version that nobody was told of.
        figures.misreported += last - 1 - count.min(last - 1);
    }
    figures.double += won.made.values().filter(|count| **count > 1).count() as u64;
}

/// Writers that save what they read, whatever is there meanwhile.
async fn without_versions(set: &Set) -> Figures {
    const SAVES: i64 = 40;
    let nodes = set.raw("control").await.collection::<Document>("mixed");
    nodes.insert_one(doc! { "_id": "a", "version": 0_i64 }).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..RIVALS {
        let nodes = nodes.clone();
        writers.spawn(async move {
            for _ in 0..SAVES {
                let read = nodes.find_one(doc! { "_id": "a" }).await.unwrap().unwrap();
                let next = read.get_i64("version").unwrap() + 1;
                let next = doc! { "$set": { "version": next } };
                nodes.update_one(doc! { "_id": "a" }, next).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let stored = nodes.find_one(doc! { "_id": "a" }).await.unwrap().unwrap();
    let acknowledged = RIVALS * SAVES.cast_unsigned();
    let lost = acknowledged - stored.get_i64("version").unwrap().cast_unsigned();
    Figures { rounds: 1, acknowledged, lost, ..Figures::default() }
}
