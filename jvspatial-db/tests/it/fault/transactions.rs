//! Transactions beside one another: banks whose sum holds, and lists whose histories are searched for anomalies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jvspatial_db::{
    Collection, Database, Durability, Encoding, Filter, Handle, Id, JsonDb, JsonDbOptions, Query,
    Result, Version, WriteBatch,
};
use serde::{Deserialize, Serialize};

use super::figures::{Figures, Random, report, rounds_of, say, seed, time_is_up, wants_words};
use super::history::{Anomaly, Step, Transaction, anomalies};

const TASKS: u64 = 4;
const ACCOUNTS: u64 = 6;
const SUM: i64 = 600;

/// How what belongs together is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Transaction,
    /// One write after the other.
    SingleWrites,
}

/// A store in a directory that goes with it, in which segments are sealed and compacted as it is written.
fn open() -> (tempfile::TempDir, Arc<JsonDb>) {
    let directory = tempfile::tempdir().unwrap();
    let disk = jvspatial_db::json::disk::LocalDisk::open(directory.path(), true).unwrap();
    let options = JsonDbOptions::new().durability(Durability::Os).segment_bytes(256 * 1024);
    let db = JsonDb::open_on(Arc::new(disk), options).unwrap();
    (directory, Arc::new(db))
}

#[derive(Serialize, Deserialize)]
struct Account {
    amount: i64,
}

fn account(number: u64) -> Id {
    format!("o.Account.{number}").parse().unwrap()
}

async fn save<T: Serialize>(db: &dyn Database, id: Id, version: Version, value: &T) -> Result<()> {
    let mut batch = WriteBatch::new(Encoding::Json);
    match version {
        Version::NONE => batch.insert(id.clone(), value)?,
        version => batch.update(id.clone(), version, value)?,
    }
    let outcome = db.write(batch).await?.outcomes.remove(0);
    outcome.into_result(&id).map(drop)
}

/// Moves an amount from one account to another where the accounts are found to add up; says whether they did.
async fn transfer(db: &dyn Database, [from, to]: [u64; 2]) -> Result<bool> {
    let all = Query::new(Collection::Object, Filter::all());
    let all = db.find(all).await?.try_collect().await?;
    let amounts = all.iter().map(|document| document.decode::<Account>().unwrap().amount);
    let adds_up = amounts.sum::<i64>() == SUM;
    for (number, change) in [(from, -7), (to, 7)] {
        let found = db.get_many(&[Handle::new(account(number))]).await?.remove(0).unwrap();
        let amount = found.decode::<Account>()?.amount + change;
        save(db, found.id, found.version, &Account { amount }).await?;
        tokio::task::yield_now().await;
    }
    Ok(adds_up)
}

/// Transfers between a few accounts until so many have been made: the accounts add up for each of them, and what
/// was committed has counted the versions up.
async fn bank(way: Way, seed: u64, transactions: u64) -> Figures {
    let (_directory, db) = open();
    for number in 0..ACCOUNTS {
        let amount = SUM / ACCOUNTS.cast_signed();
        save(&*db, account(number), Version::NONE, &Account { amount }).await.unwrap();
    }
    let begun = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (db, begun) = (Arc::clone(&db), Arc::clone(&begun));
            tokio::spawn(async move {
                let mut random = Random(seed ^ task << 32);
                let mut figures = Figures::default();
                while begun.fetch_add(1, Ordering::Relaxed) < transactions && !time_is_up() {
                    figures.rounds += 1;
                    let from = random.below(ACCOUNTS);
                    let both = [from, (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS];
                    loop {
                        let done = match way {
                            Way::SingleWrites => transfer(&*db, both).await,
                            Way::Transaction => {
                                let tx = db.begin().await.unwrap();
                                match transfer(&*tx, both).await {
                                    Ok(adds_up) => tx.commit().await.map(|()| adds_up),
                                    Err(error) => Err(error),
                                }
                            }
                        };
                        match done {
                            Ok(adds_up) => {
                                figures.acknowledged += 1;
                                figures.torn += u64::from(!adds_up);
                                break;
                            }
                            // Others got ahead of a transaction. Of two writes the first may be there.
                            Err(_) if way == Way::Transaction => tokio::task::yield_now().await,
                            Err(_) => break,
                        }
                    }
                }
                figures
            })
        })
        .collect();
    let mut figures = Figures::default();
    for task in tasks {
        figures.add(&task.await.unwrap());
    }
    let all = Query::new(Collection::Object, Filter::all());
    let all = db.find(all).await.unwrap().try_collect().await.unwrap();
    let written: u64 = all.iter().map(|document| document.version.get() - 1).sum();
    let sum: i64 = all.iter().map(|document| document.decode::<Account>().unwrap().amount).sum();
    figures.lost += (figures.acknowledged * 2).abs_diff(written);
    figures.torn += u64::from(sum != SUM);
    db.close().await.unwrap();
    figures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfers_in_transactions_add_up_at_every_moment() {
    let seed = seed();
    let figures = bank(Way::Transaction, seed, rounds_of("transactions/bank", 1_000)).await;
    let control = bank(Way::SingleWrites, seed, 1_000).await;
    report("transactions/bank", seed, &figures, &[("two single writes", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.torn > 0, "{control}");
}

#[derive(Default, Serialize, Deserialize)]
struct List {
    values: Vec<u64>,
}

fn list(key: u64) -> Id {
    format!("o.List.{key}").parse().unwrap()
}

async fn read(db: &dyn Database, key: u64) -> Result<(Version, Vec<u64>)> {
    match db.get_many(&[Handle::new(list(key))]).await?.remove(0) {
        Some(found) => Ok((found.version, found.decode::<List>()?.values)),
        None => Ok((Version::NONE, Vec::new())),
    }
}

/// Reads lists and appends to lists, and notes what was done; ends with the first failure.
async fn read_and_append(
    db: &dyn Database,
    keys: &[(u64, bool)],
    values: &AtomicU64,
    steps: &mut Vec<Step>,
) -> Result<()> {
    for &(key, appends) in keys {
        let (version, mut list_of) = read(db, key).await?;
        if appends {
            let value = values.fetch_add(1, Ordering::Relaxed);
            list_of.push(value);
            save(db, list(key), version, &List { values: list_of }).await?;
            steps.push(Step::Append(key, value));
        } else {
            steps.push(Step::Read(key, list_of));
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// What transactions do that read and append at random, some of which are given up.
async fn lists(way: Way, seed: u64, transactions: u64) -> (Vec<Transaction>, Lists) {
    const KEYS: u64 = 4;
    /// After so many transactions other lists are taken, so that none grows long.
    const ROUND: u64 = 60;
    let (_directory, db) = open();
    let (begun, values) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (db, begun, values) = (Arc::clone(&db), Arc::clone(&begun), Arc::clone(&values));
            tokio::spawn(async move {
                let mut random = Random(seed ^ task << 32);
                let mut history = Vec::new();
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    if number >= transactions || time_is_up() {
                        return history;
                    }
                    let first = number / ROUND * KEYS;
                    let keys: Vec<_> = (0..2 + random.below(3))
                        .map(|_| (first + random.below(KEYS), random.one_in(2)))
                        .collect();
                    let gives_up = random.one_in(8);
                    let mut steps = Vec::new();
                    let is_committed = match way {
                        Way::SingleWrites => {
                            let part = &keys[..if gives_up { 1 } else { keys.len() }];
                            let done = read_and_append(&*db, part, &values, &mut steps).await;
                            done.is_ok() && !gives_up
                        }
                        Way::Transaction => {
                            let tx = db.begin().await.unwrap();
                            let done = read_and_append(&*tx, &keys, &values, &mut steps).await;
                            done.is_ok() && !gives_up && tx.commit().await.is_ok()
                        }
                    };
                    history.push(Transaction { steps, is_committed });
                }
            })
        })
        .collect();
    let mut history = Vec::new();
    for task in tasks {
        history.extend(task.await.unwrap());
    }
    let mut lists = Lists::new();
    for key in 0..(transactions / ROUND + 1) * KEYS {
        lists.insert(key, read(&*db, key).await.unwrap().1);
    }
    db.close().await.unwrap();
    (history, lists)
}

type Lists = BTreeMap<u64, Vec<u64>>;

async fn search_lists(way: Way, seed: u64, transactions: u64) -> Figures {
    let (history, lists) = lists(way, seed, transactions).await;
    let found = anomalies(&history, &lists);
    if wants_words() {
        say(format_args!("{way:?}: {found:?}"));
    }
    Figures {
        rounds: history.len() as u64,
        acknowledged: history.iter().filter(|transaction| transaction.is_committed).count() as u64,
        lost: u64::from(found.contains(&Anomaly::Lost)),
        torn: found.iter().filter(|anomaly| **anomaly != Anomaly::Lost).count() as u64,
        unknown: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn histories_of_transactions_have_no_anomaly() {
    let seed = seed();
    let size = rounds_of("transactions/lists", 1_000);
    let figures = search_lists(Way::Transaction, seed, size).await;
    let control = search_lists(Way::SingleWrites, seed, 1_000).await;
    report("transactions/lists", seed, &figures, &[("single writes", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.acknowledged * 5 > figures.rounds, "too few committed to tell: {figures}");
    assert!(!control.is_sound(), "{control}");
}
