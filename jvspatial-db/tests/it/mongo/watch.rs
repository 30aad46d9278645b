//! The change feed when the server fails, and what other programs write.

use std::time::Duration;

use bson::doc;
use jvspatial_db::{
    ChangeEvent, ChangeKind, ChangeStream, Database, DocumentChange, Encoding, EntityName,
    ErrorKind, MongoDb, MongoDbOptions, Version, WatchOptions, WriteBatch,
};

use super::{raw_database, url};

/// A database of its own, whose calls a fail point can tell from those of other tests.
async fn open(name: &str) -> MongoDb {
    raw_database(name).await.drop().await.unwrap();
    open_again(name).await
}

async fn open_again(name: &str) -> MongoDb {
    let url = url(name);
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}appName={name}");
    MongoDb::open(&url, MongoDbOptions::new()).await.unwrap()
}

/// Has the server fail the next calls of `command` in this database's name, as `data` says. There is one fail point
/// for all tests, so it may be set to something else at any moment.
async fn fail(name: &str, command: &str, times: i32, data: bson::Document) {
    let mut all = doc! { "failCommands": [command], "appName": name };
    all.extend(data);
    let point =
        doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": all };
    let client = raw_database("admin").await.client().clone();
    client.database("admin").run_command(point).await.unwrap();
}

async fn insert(db: &MongoDb, number: usize) {
    let mut batch = WriteBatch::new(Encoding::Bson);
    batch.insert(format!("o.Note.{number}").parse().unwrap(), &doc! { "n": 1 }).unwrap();
    assert!(db.write(batch).await.unwrap().is_complete());
}

async fn event(changes: &mut ChangeStream) -> ChangeEvent {
    let event = tokio::time::timeout(Duration::from_secs(30), changes.try_next());
    event.await.expect("an event in time").unwrap().unwrap()
}

async fn change(changes: &mut ChangeStream) -> DocumentChange {
    match event(changes).await {
        ChangeEvent::Changed(change) => change,
        ChangeEvent::Lost(lost) => panic!("lost: {}", lost.reason),
        _ => unreachable!(),
    }
}

async fn expect(changes: &mut ChangeStream, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(change(changes).await.id.to_string(), format!("o.Note.{number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_stream_that_breaks_off_goes_on_where_it_was() {
    let name = "watch_broken";
    let db = open(name).await;
    let mut changes = db.watch(WatchOptions::new()).await.unwrap();
    let broken = [
        doc! { "closeConnection": true },
        doc! { "errorCode": 10107, "errorLabels": ["ResumableChangeStreamError"] },
        doc! { "errorCode": 43 },
        doc! { "errorCode": 91, "errorLabels": ["ResumableChangeStreamError"] },
    ];
    let mut number = 0;
    for data in broken {
        for command in ["getMore", "aggregate"] {
            fail(name, command, 3, data.clone()).await;
        }
        for _ in 0..5 {
            insert(&db, number).await;
            number += 1;
        }
        expect(&mut changes, number - 5..number).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_place_that_the_log_no_longer_holds_is_told_as_lost() {
    let name = "watch_lost";
    let db = open(name).await;
    let mut changes = db.watch(WatchOptions::new()).await.unwrap();
    insert(&db, 0).await;
    let token = change(&mut changes).await.token;
    for code in [286, 280] {
        let data = doc! { "errorCode": code };
        // While it is read, and when it is gone on with.
        let lost = loop {
            fail(name, "getMore", 1, data.clone()).await;
            let told = tokio::time::timeout(Duration::from_secs(2), changes.try_next()).await;
            if let Ok(told) = told {
                break told.unwrap().unwrap();
            }
        };
        let ChangeEvent::Lost(lost) = lost else { panic!("nothing lost") };
        assert_eq!(changes.token(), &lost.token);
        let mut again = loop {
            fail(name, "aggregate", 1, data.clone()).await;
            let mut again = db.watch(WatchOptions::new().after(token.clone())).await.unwrap();
            let told = tokio::time::timeout(Duration::from_secs(2), again.try_next()).await;
            if matches!(told, Ok(Ok(Some(ChangeEvent::Lost(_))))) {
                break again;
            }
        };
        let number = usize::try_from(code).unwrap();
        insert(&db, number).await;
        for changes in [&mut changes, &mut again] {
            expect(changes, number..number + 1).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_collection_that_is_dropped_is_lost_history_and_the_watch_goes_on() {
    let name = "watch_dropped";
    let db = open(name).await;
    insert(&db, 0).await;
    let mut changes = db.watch(WatchOptions::new()).await.unwrap();
    let raw = raw_database(name).await;
    raw.collection::<bson::Document>("object").drop().await.unwrap();
    assert!(matches!(event(&mut changes).await, ChangeEvent::Lost(_)));
    insert(&db, 1).await;
    expect(&mut changes, 1..2).await;
    raw.drop().await.unwrap();
    let ChangeEvent::Lost(lost) = event(&mut changes).await else { panic!("nothing lost") };
    insert(&db, 2).await;
    let mut again = db.watch(WatchOptions::new().after(lost.token)).await.unwrap();
    for changes in [&mut changes, &mut again] {
        loop {
            match event(changes).await {
                ChangeEvent::Lost(_) => {}
                ChangeEvent::Changed(change) => {
                    break assert_eq!(change.id.to_string(), "o.Note.2");
                }
                _ => unreachable!(),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn what_other_programs_write_is_told_as_far_as_it_is_ours() {
    let name = "watch_foreign";
    let db = open(name).await;
    let mut changes = db.watch(WatchOptions::new()).await.unwrap();
    let nodes = raw_database(name).await.collection::<bson::Document>("node");
    nodes.insert_one(doc! { "_id": 7 }).await.unwrap();
    nodes.insert_one(doc! { "_id": "e.Road.a" }).await.unwrap();
    let city = doc! { "_id": "n.City.a", "entity": "City", "context": { "n": 1 } };
    nodes.insert_one(&city).await.unwrap();
    let only = doc! { "_id": "n.City.a" };
    nodes.update_one(only.clone(), doc! { "$set": { "context.n": 2 } }).await.unwrap();
    nodes.replace_one(only.clone(), &city).await.unwrap();
    nodes.delete_one(only).await.unwrap();
    let expected = [
        (ChangeKind::Created, Some(Version::NONE)),
        (ChangeKind::Updated, None),
        (ChangeKind::Created, Some(Version::NONE)),
        (ChangeKind::Deleted, None),
    ];
    for (kind, version) in expected {
        let change = change(&mut changes).await;
        assert_eq!((change.id.to_string().as_str(), change.kind), ("n.City.a", kind));
        assert_eq!(change.version, version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_token_of_another_database_is_refused() {
    let (one, two) = (open("watch_one").await, open("watch_two").await);
    let changes = one.watch(WatchOptions::new()).await.unwrap();
    let other = WatchOptions::new().after(changes.token().clone());
    assert_eq!(two.watch(other).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_watch_of_what_is_rare_moves_on_with_what_is_not_told() {
    let db = open("watch_rare").await;
    let rare = WatchOptions::new().entity(EntityName::new("Rare").unwrap());
    let mut changes = db.watch(rare).await.unwrap();
    let start = changes.token().clone();
    insert(&db, 0).await;
    for _ in 0..40 {
        let waited = tokio::time::timeout(Duration::from_millis(500), changes.try_next()).await;
        assert!(waited.is_err());
        if *changes.token() != start {
            return;
        }
    }
    panic!("the place did not move");
}

/// Promise R21. It steps the primary down under every other test, so it is run alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn nothing_is_missed_or_told_twice_while_the_primary_steps_down() {
    if std::env::var_os("JVSPATIAL_TEST_STEPDOWN").is_none() {
        return println!("skipped: it needs a server of its own (JVSPATIAL_TEST_STEPDOWN=1)");
    }
    const ROUNDS: usize = 6;
    let name = "watch_failover";
    let db = open(name).await;
    let mut changes = db.watch(WatchOptions::new()).await.unwrap();
    let start = changes.token().clone();
    let reading = tokio::spawn(async move {
        let mut told = Vec::new();
        loop {
            let change = change(&mut changes).await;
            let id = change.id.to_string();
            if id == "o.End.1" {
                return told;
            }
            told.push(id);
        }
    });
    let mut written = Vec::new();
    let admin = raw_database("admin").await;
    for round in 0..ROUNDS {
        let step = doc! { "replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 1, "force": true };
        let begun = std::time::Instant::now();
        let _ = admin.run_command(step).await;
        while begun.elapsed() < Duration::from_secs(5) {
            let id = format!("o.Note.{round}x{}", written.len());
            let mut batch = WriteBatch::new(Encoding::Bson);
            batch.insert(id.parse().unwrap(), &doc! {}).unwrap();
            match db.write(batch).await {
                Ok(report) if report.is_complete() => written.push(id),
                other => println!("not acknowledged: {other:?}"),
            }
        }
    }
    let mut batch = WriteBatch::new(Encoding::Bson);
    batch.insert("o.End.1".parse().unwrap(), &doc! {}).unwrap();
    assert!(db.write(batch).await.unwrap().is_complete());
    let told = reading.await.unwrap();
    let count = told.len();
    let unique: std::collections::BTreeSet<_> = told.iter().collect();
    assert_eq!(unique.len(), count, "told twice");
    let missed = written.iter().filter(|id| !unique.contains(id)).count();
    println!("rounds {ROUNDS} acknowledged {} told {count} missed {missed}", written.len());
    assert_eq!(missed, 0);
    // The control: a watch that begins anew misses all of it, one from the first token nothing.
    let mut again = db.watch(WatchOptions::new().after(start)).await.unwrap();
    for id in &told {
        assert_eq!(&change(&mut again).await.id.to_string(), id);
    }
    let mut anew = db.watch(WatchOptions::new()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(2), anew.try_next()).await.is_err());
}
