//! Large batches, which are applied a few documents at a time: readers see all of one or nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::doc;
use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{
    Collection, Database, Direction, Durability, Encoding, Ends, Error, ErrorKind, Expansion,
    Filter, Handle, Id, JsonDb, JsonDbOptions, Link, Query, Version, WriteBatch,
};
use serde::{Deserialize, Serialize};

use super::figures::{Figures, Random, report, rounds, seed};

/// More than what the writer applies while it holds the index, and than it syncs without help.
const LEAVES: u64 = 1_500;

#[derive(Serialize, Deserialize)]
struct Leaf {
    turn: u64,
}

fn hub() -> Id {
    "n.Hub.hub".parse().unwrap()
}

fn leaf(number: u64) -> Id {
    format!("n.Leaf.{number}").parse().unwrap()
}

fn spoke(number: u64) -> Id {
    format!("e.Spoke.{number}").parse().unwrap()
}

/// The `turn`th batch: every leaf is changed, and the edges from the hub to all of them are there in every
/// second turn.
fn turn(turn: u64) -> WriteBatch {
    let mut batch = WriteBatch::new(Encoding::Json);
    if turn == 0 {
        batch.insert(hub(), &Leaf { turn }).unwrap();
    }
    for number in 0..LEAVES {
        if turn == 0 {
            batch.insert(leaf(number), &Leaf { turn }).unwrap();
        } else {
            batch.update(leaf(number), Version::new(turn), &Leaf { turn }).unwrap();
        }
        if turn % 2 == 1 {
            let ends = Ends { source: hub(), target: leaf(number), bidirectional: false };
            let link = Some(Link { ends, unique: false });
            batch.insert_with(spoke(number), &Leaf { turn }, 1, link).unwrap();
        } else if turn > 0 {
            batch.delete(spoke(number), None, false).unwrap();
        }
    }
    batch
}

fn leaves() -> Vec<Handle> {
    (0..LEAVES).map(leaf).map(Handle::new).collect()
}

/// How many turns the leaves `handles` are of, and the turn of the first.
async fn look(db: &JsonDb, handles: &[Handle]) -> Result<(u64, usize), Error> {
    let documents = db.get_many(handles).await?;
    let mut turns: Vec<u64> =
        documents.iter().flatten().map(|leaf| leaf.decode::<Leaf>().unwrap().turn).collect();
    assert_eq!(turns.len(), handles.len());
    let first = turns[0];
    turns.sort_unstable();
    turns.dedup();
    Ok((first, turns.len()))
}

async fn spokes(db: &JsonDb) -> Result<usize, Error> {
    let mut expansion = Expansion::new(Direction::Out);
    expansion.with_edges = true;
    Ok(db.neighbors(&[Handle::new(hub())], &expansion).await?.len())
}

/// Reads in every way until told to stop; counts what no whole number of batches gives.
async fn read(db: &JsonDb, seed: u64, stop: &AtomicBool) -> Figures {
    let (mut random, mut figures) = (Random(seed), Figures::default());
    let all = leaves();
    while !stop.load(Ordering::Relaxed) {
        let torn = match random.below(5) {
            0 => {
                let (first, second) = (leaf(random.below(LEAVES)), leaf(random.below(LEAVES)));
                look(db, &[Handle::new(first), Handle::new(second)]).await.unwrap().1 > 1
            }
            1 => look(db, &all).await.unwrap().1 > 1,
            2 => ![0, LEAVES as usize].contains(&spokes(db).await.unwrap()),
            3 => {
                let filter = Filter::parse(&doc! { "entity": "Leaf" }).unwrap();
                let query = Query::new(Collection::Node, filter);
                let found = db.find(query).await.unwrap().try_collect().await.unwrap();
                let mut turns: Vec<u64> =
                    found.iter().map(|leaf| leaf.decode::<Leaf>().unwrap().turn).collect();
                let count = turns.len() as u64;
                turns.dedup();
                count != LEAVES || turns.len() > 1
            }
            _ => {
                let count = db.count(Collection::Edge, &Filter::all()).await.unwrap();
                count != 0 && count != LEAVES
            }
        };
        figures.rounds += 1;
        figures.torn += u64::from(torn);
        tokio::task::yield_now().await;
    }
    figures
}

async fn race(durability: Durability, turns: u64, seed: u64) -> Figures {
    let options = JsonDbOptions::new().durability(durability).segment_bytes(1 << 20);
    let db = JsonDb::open_on(Arc::new(SimulatedDisk::new()), options).unwrap();
    let db = Arc::new(db);
    assert!(db.write(turn(0)).await.unwrap().is_complete());
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|reader| {
            let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
            tokio::spawn(async move { read(&db, seed ^ reader, &stop).await })
        })
        .collect();
    for number in 1..=turns {
        assert!(db.write(turn(number)).await.unwrap().is_complete());
    }
    stop.store(true, Ordering::Relaxed);
    let mut figures = Figures { acknowledged: turns, ..Figures::default() };
    for reader in readers {
        figures.add(&reader.await.unwrap());
    }
    db.close().await.unwrap();
    figures
}

/// The same with one large batch cut in two: what a reader that could look inside one would see.
async fn race_in_parts(seed: u64) -> Figures {
    let options = JsonDbOptions::new().durability(Durability::Os);
    let db = JsonDb::open_on(Arc::new(SimulatedDisk::new()), options).unwrap();
    let db = Arc::new(db);
    assert!(db.write(turn(0)).await.unwrap().is_complete());
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
        tokio::spawn(async move { read(&db, seed, &stop).await })
    };
    for version in 1..200 {
        for half in [0..LEAVES / 2, LEAVES / 2..LEAVES] {
            let mut batch = WriteBatch::new(Encoding::Json);
            for number in half {
                let fields = Leaf { turn: version };
                batch.update(leaf(number), Version::new(version), &fields).unwrap();
            }
            assert!(db.write(batch).await.unwrap().is_complete());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let figures = reader.await.unwrap();
    db.close().await.unwrap();
    figures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn readers_never_see_a_part_of_a_large_batch() {
    let seed = seed();
    let sync = race(Durability::Sync, rounds(20), seed).await;
    let os = race(Durability::Os, rounds(20), seed).await;
    let control = race_in_parts(seed).await;
    report("readers/large-sync", seed, &sync, &[("two batches instead of one", control)]);
    report("readers/large-os", seed, &os, &[]);
    for figures in [sync, os] {
        assert!(figures.is_sound(), "{figures}");
        assert!(figures.rounds > figures.acknowledged, "too few reads to tell: {figures}");
    }
    assert!(control.torn > 0, "{control}");
}

#[tokio::test]
async fn a_large_batch_whose_sync_fails_is_never_seen_and_what_was_before_it_is() {
    let disk = SimulatedDisk::new();
    let db = JsonDb::open_on(Arc::new(disk.clone()), JsonDbOptions::new()).unwrap();
    for number in 0..2 {
        assert!(db.write(turn(number)).await.unwrap().is_complete());
    }
    disk.fail(Fault::broken(OpKind::SyncData));
    assert_eq!(db.write(turn(2)).await.unwrap_err().kind(), ErrorKind::Unknown);
    for _ in 0..2 {
        assert_eq!(look(&db, &leaves()).await.unwrap(), (1, 1));
        assert_eq!(spokes(&db).await.unwrap(), LEAVES as usize);
        assert_eq!(db.count(Collection::Edge, &Filter::all()).await.unwrap(), LEAVES);
        assert_eq!(db.write(turn(2)).await.unwrap_err().kind(), ErrorKind::Poisoned);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(db.close().await.unwrap_err().kind(), ErrorKind::Poisoned);
}

#[tokio::test]
async fn an_edge_that_one_large_batch_removes_and_makes_again_has_its_new_ends() {
    let db = JsonDb::open_on(Arc::new(SimulatedDisk::new()), JsonDbOptions::new()).unwrap();
    for number in 0..2 {
        assert!(db.write(turn(number)).await.unwrap().is_complete());
    }
    let mut batch = WriteBatch::new(Encoding::Json);
    for number in 0..LEAVES {
        batch.delete(spoke(number), None, false).unwrap();
        let ends = Ends { source: leaf(number), target: hub(), bidirectional: false };
        let link = Some(Link { ends, unique: false });
        batch.insert_with(spoke(number), &Leaf { turn: 9 }, 1, link).unwrap();
    }
    assert!(db.write(batch).await.unwrap().is_complete());
    assert_eq!(spokes(&db).await.unwrap(), 0);
    let back = db.neighbors(&leaves(), &Expansion::new(Direction::Out)).await.unwrap();
    assert_eq!(back.len(), LEAVES as usize);
    assert!(back.iter().all(|hop| *hop.node.id() == hub()));
}
