//! Writes that share commands, and large ones that are tried as transactions first.

use std::sync::Arc;

use bson::{Document, doc};
use jvspatial_db::{Database, Id, MongoDb, Outcome, Version, WriteBatch};
use tokio::task::JoinSet;

use super::{database_with, raw_database};

fn id(key: &str) -> Id {
    format!("n.City.{key}").parse().unwrap()
}

fn city(key: &str, version: i64) -> Document {
    doc! { "_id": id(key).to_string(), "_version": version, "entity": "City", "context": {} }
}

fn batch(db: &MongoDb) -> WriteBatch {
    WriteBatch::new(db.capabilities().encoding)
}

/// The outcomes of batches that are written at once, in the order in which they are given.
async fn at_once(db: &Arc<MongoDb>, batches: Vec<WriteBatch>) -> Vec<Vec<Outcome>> {
    let mut tasks = JoinSet::new();
    for (place, batch) in batches.into_iter().enumerate() {
        let db = Arc::clone(db);
        tasks.spawn(async move { (place, db.write(batch).await.unwrap().outcomes) });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcomes)| outcomes).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MongoDB server"]
async fn small_writes_of_many_callers_share_commands() {
    let db = Arc::new(database_with("shared", &[]).await);
    let raw = raw_database("shared").await;
    raw.run_command(doc! { "profile": 2 }).await.unwrap();
    let inserts = (0..400).map(|n| {
        let mut batch = batch(&db);
        batch.insert(id(&n.to_string()), &doc! { "n": n }).unwrap();
        batch
    });
    let outcomes = at_once(&db, inserts.collect()).await;
    raw.run_command(doc! { "profile": 0 }).await.unwrap();
    assert!(outcomes.iter().all(|own| *own == [Outcome::Written(Version::FIRST)]));
    let profiled = raw.collection::<Document>("system.profile");
    let commands = profiled.count_documents(doc! { "op": "insert" }).await.unwrap();
    assert!((1..200).contains(&commands), "{commands} commands for 400 documents");
    assert_eq!(raw.collection::<Document>("node").count_documents(doc! {}).await.unwrap(), 400);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MongoDB server"]
async fn each_caller_is_told_of_its_own_document_alone() {
    let before = (0..100).flat_map(|n| [city(&format!("kept{n}"), 1), city(&format!("old{n}"), 7)]);
    let db = Arc::new(database_with("told", &before.collect::<Vec<_>>()).await);
    let (mut batches, mut expected) = (Vec::new(), Vec::new());
    for n in 0..400 {
        let mut own = batch(&db);
        let place = n / 4;
        let outcome = match n % 4 {
            0 => {
                own.update(id(&format!("kept{place}")), Version::FIRST, &doc! { "n": n }).unwrap();
                Outcome::Written(Version::new(2))
            }
            1 => {
                own.update(id(&format!("old{place}")), Version::new(3), &doc! { "n": n }).unwrap();
                Outcome::Conflict { expected: Version::new(3), found: Version::new(7) }
            }
            2 => {
                let missing = id(&format!("none{place}"));
                own.update(missing.clone(), Version::FIRST, &doc! { "n": n }).unwrap();
                Outcome::Missing(missing)
            }
            _ => {
                let taken = id(&format!("old{place}"));
                own.insert(taken.clone(), &doc! { "n": n }).unwrap();
                Outcome::duplicate("_id", taken)
            }
        };
        batches.push(own);
        expected.push(vec![outcome]);
    }
    assert_eq!(at_once(&db, batches).await, expected);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MongoDB server"]
async fn of_saves_of_one_document_that_share_a_command_one_wins() {
    let db = Arc::new(database_with("same", &[city("a", 1)]).await);
    for version in 1..=10 {
        let saves = (0..64).map(|n| {
            let mut batch = batch(&db);
            batch.update(id("a"), Version::new(version), &doc! { "n": n }).unwrap();
            batch
        });
        let outcomes = at_once(&db, saves.collect()).await.concat();
        let written = outcomes.iter().filter(|outcome| outcome.is_written()).count();
        assert_eq!(written, 1, "version {version}");
        let found = Version::new(version + 1);
        let conflict = Outcome::Conflict { expected: Version::new(version), found };
        assert!(outcomes.iter().all(|own| own.is_written() || *own == conflict), "{outcomes:?}");
    }
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MongoDB server"]
async fn of_two_bulk_saves_of_the_same_documents_one_wins_for_each() {
    const CITIES: usize = 2_500;
    let before: Vec<Document> = (0..CITIES).map(|n| city(&n.to_string(), 1)).collect();
    let db = Arc::new(database_with("bulk", &before).await);
    for version in 1..=5 {
        let saves = [false, true].map(|is_reversed| {
            let mut batch = batch(&db);
            for n in 0..CITIES {
                let n = if is_reversed { CITIES - 1 - n } else { n };
                let expected = Version::new(version);
                batch.update(id(&n.to_string()), expected, &doc! { "n": n as i64 }).unwrap();
            }
            batch
        });
        let mut outcomes = at_once(&db, saves.into()).await;
        outcomes[1].reverse();
        let written = Outcome::Written(Version::new(version + 1));
        let found = Version::new(version + 1);
        let conflict = Outcome::Conflict { expected: Version::new(version), found };
        for (one, other) in outcomes[0].iter().zip(&outcomes[1]) {
            let one_wins = *one == written && *other == conflict;
            assert!(one_wins || *other == written && *one == conflict, "{one:?} {other:?}");
        }
    }
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_bulk_of_saves_tells_what_was_wrong_with_each() {
    let before: Vec<Document> = (0..300).map(|n| city(&n.to_string(), 1 + n % 2)).collect();
    let db = database_with("wrong", &before).await;
    let mut batch = batch(&db);
    let mut expected = Vec::new();
    for n in 0..400 {
        batch.update(id(&n.to_string()), Version::FIRST, &doc! { "n": n }).unwrap();
        expected.push(match n {
            300.. => Outcome::Missing(id(&n.to_string())),
            n if n % 2 == 0 => Outcome::Written(Version::new(2)),
            _ => Outcome::Conflict { expected: Version::FIRST, found: Version::new(2) },
        });
    }
    assert_eq!(db.write(batch).await.unwrap().outcomes, expected);
    let stored = raw_database("wrong").await.collection::<Document>("node");
    let changed = doc! { "_version": 2, "context.n": { "$exists": true } };
    assert_eq!(stored.count_documents(changed).await.unwrap(), 150);
    db.close().await.unwrap();
}
