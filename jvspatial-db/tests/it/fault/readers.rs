//! Readers see a batch whole or not at all while writers move amounts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database, Encoding, Filter, Handle, Id, JsonDb, Query, Version, WriteBatch,
};
use serde::{Deserialize, Serialize};

use super::figures::{Figures, Random, report, rounds_of, seed};
use super::script::options;

const PAIRS: u64 = 4;
const SUM: i64 = 1_000;

#[derive(Serialize, Deserialize)]
struct Account {
    amount: i64,
}

fn pair(number: u64) -> [Handle; 2] {
    ['a', 'b'].map(|side| Handle::new(format!("n.Account.{number}{side}").parse::<Id>().unwrap()))
}

async fn make_accounts(db: &JsonDb) {
    let mut batch = WriteBatch::new(Encoding::Json);
    for account in (0..PAIRS).flat_map(pair) {
        batch.insert(account.into_id(), &Account { amount: SUM / 2 }).unwrap();
    }
    assert!(db.write(batch).await.unwrap().is_complete());
}

/// Moves an amount within each pair in turn until told to stop; returns how often.
async fn move_amounts(db: &JsonDb, first: u64, stop: &AtomicBool) -> u64 {
    let mut moves = 0;
    while !stop.load(Ordering::Relaxed) {
        for number in (first..PAIRS).step_by(2) {
            let sides = pair(number);
            let found = db.get_many(&sides).await.unwrap();
            let mut batch = WriteBatch::new(Encoding::Json);
            for (document, change) in found.into_iter().flatten().zip([7, -7]) {
                let Account { amount } = document.decode().unwrap();
                let version = Version::new(document.version.get());
                batch.update(document.id, version, &Account { amount: amount + change }).unwrap();
            }
            assert!(db.write(batch).await.unwrap().is_complete());
            moves += 1;
        }
        tokio::task::yield_now().await;
    }
    moves
}

/// How a reader looks at both sides of a pair.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Together,
    OneByOne,
    Find,
}

/// Looks at pairs; returns how many of them did not add up.
async fn read(db: &JsonDb, look: Look, seed: u64, reads: u64) -> u64 {
    let mut random = Random(seed);
    let mut torn = 0;
    for turn in 0..reads {
        let sides = pair(random.below(PAIRS));
        let (documents, expected) = match look {
            Look::Together => (db.get_many(&sides).await.unwrap(), SUM),
            Look::OneByOne => {
                let mut both = db.get_many(&sides[..1]).await.unwrap();
                tokio::task::yield_now().await;
                both.extend(db.get_many(&sides[1..]).await.unwrap());
                (both, SUM)
            }
            Look::Find => {
                let query = Query::new(Collection::Node, Filter::all());
                let all = db.find(query).await.unwrap().try_collect().await.unwrap();
                (all.into_iter().map(Some).collect(), SUM * PAIRS.cast_signed())
            }
        };
        let amounts =
            documents.iter().flatten().map(|document| document.decode::<Account>().unwrap().amount);
        torn += u64::from(amounts.sum::<i64>() != expected);
        if turn % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    torn
}

async fn race(look: Look, seed: u64, reads: u64) -> Figures {
    const READERS: u64 = 2;
    let db = JsonDb::open_on(Arc::new(SimulatedDisk::new()), options()).unwrap();
    let db = Arc::new(db);
    make_accounts(&db).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|first| {
            let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
            tokio::spawn(async move { move_amounts(&db, first, &stop).await })
        })
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { read(&db, look, seed ^ reader, reads / READERS).await })
        })
        .collect();
    let mut figures = Figures { rounds: reads, ..Figures::default() };
    for reader in readers {
        figures.torn += reader.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        figures.acknowledged += writer.await.unwrap();
    }
    db.close().await.unwrap();
    figures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_see_a_part_of_a_batch() {
    let seed = seed();
    let together = race(Look::Together, seed, rounds_of("readers/get", 100_000)).await;
    let find = race(Look::Find, seed, rounds_of("readers/find", 2_000)).await;
    let control = race(Look::OneByOne, seed, 20_000).await;
    report("readers/get", seed, &together, &[("two reads instead of one", control)]);
    report("readers/find", seed, &find, &[]);
    assert!(together.is_sound() && find.is_sound(), "{together}; {find}");
    assert!(together.acknowledged > 100, "too few writes to tell: {together}");
    assert!(control.torn > 0, "{control}");
}
