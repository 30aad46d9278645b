use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use jvspatial_db::{
    Collection, Database, Ends, EntityName, ErrorKind, Filter, Handle, Id, IndexSpec, Link,
    MongoDb, MongoDbOptions, Outcome, Query, Version, WriteBatch,
};

use super::proxy::Proxy;
use super::{database_with, raw_database, url};

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn city(key: &str, version: i64) -> Document {
    doc! { "_id": format!("n.City.{key}"), "_version": version, "entity": "City", "context": {} }
}

fn batch(db: &MongoDb) -> WriteBatch {
    WriteBatch::new(db.capabilities().encoding)
}

fn conflict(expected: u64, found: u64) -> Outcome {
    Outcome::Conflict { expected: Version::new(expected), found: Version::new(found) }
}

async fn stored(name: &str, id: &str) -> Document {
    let collection = raw_database(name).await.collection::<Document>("node");
    collection.find_one(doc! { "_id": id }).await.unwrap().unwrap()
}

/// A batch with every outcome, five times over, and what is to become of it. The documents that it needs have
/// version `version`.
fn mixed(db: &MongoDb, version: u64) -> (WriteBatch, Vec<Outcome>) {
    let mut batch = batch(db);
    let mut expected = Vec::new();
    for n in 0..200 {
        let (own, outcome) = match n % 5 {
            0 => (format!("n.City.kept{n}"), Outcome::Written(Version::new(version + 1))),
            1 => (format!("n.City.stale{n}"), conflict(3, 7)),
            2 => (format!("n.City.none{n}"), Outcome::Missing(id(&format!("n.City.none{n}")))),
            3 => (format!("n.City.new{version}.{n}"), Outcome::Written(Version::FIRST)),
            _ => {
                let taken = format!("n.City.taken{n}");
                (taken.clone(), Outcome::duplicate("_id", id(&taken)))
            }
        };
        match n % 5 {
            0 => batch.update(id(&own), Version::new(version), &doc! { "n": n }).unwrap(),
            1 => batch.update(id(&own), Version::new(3), &doc! { "n": n }).unwrap(),
            2 => batch.update(id(&own), Version::NONE, &doc! { "n": n }).unwrap(),
            _ => batch.insert(id(&own), &doc! { "n": n }).unwrap(),
        }
        expected.push(outcome);
    }
    (batch, expected)
}

fn before_mixed() -> Vec<Document> {
    (0..200)
        .filter_map(|n| match n % 5 {
            0 => Some(city(&format!("kept{n}"), 1)),
            1 => Some(city(&format!("stale{n}"), 7)),
            4 => Some(city(&format!("taken{n}"), 1)),
            _ => None,
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn every_outcome_of_a_batch_is_told_for_its_document() {
    let db = database_with("mixed", &before_mixed()).await;
    for version in 1..5 {
        let (batch, expected) = mixed(&db, version);
        assert_eq!(db.write(batch).await.unwrap().outcomes, expected);
    }
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_write_whose_reply_is_lost_is_told_as_if_it_had_come() {
    drop(database_with("lost", &before_mixed()).await);
    let proxy = Proxy::start(&url("lost"), "txnNumber").await;
    let db = MongoDb::open(&proxy.url("lost"), MongoDbOptions::new()).await.unwrap();
    for version in 1..=20_u32 {
        proxy.swallow(1 + version % 2);
        let (batch, expected) = mixed(&db, u64::from(version));
        assert_eq!(db.write(batch).await.unwrap().outcomes, expected, "round {version}");
    }
    assert_eq!(proxy.swallowed(), 30);
    // By its own number alone a server knows a write again.
    let nodes = raw_database("lost").await.collection::<Document>("node");
    let mut resent = 0;
    for _ in 0..2 {
        let at = doc! { "_id": "n.City.kept0", "_version": 21_i64 };
        let changed = nodes.update_one(at, doc! { "$inc": { "_version": 1_i64 } }).await.unwrap();
        resent += changed.matched_count;
    }
    assert_eq!(resent, 1, "a plain resend would be told as a conflict");
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_transaction_whose_commit_is_not_answered_is_told_as_if_it_had_been() {
    drop(database_with("commit", &[city("a", 1), city("b", 1)]).await);
    let proxy = Proxy::start(&url("commit"), "commitTransaction").await;
    let db = MongoDb::open(&proxy.url("commit"), MongoDbOptions::new()).await.unwrap();
    for version in 1..=10_u64 {
        proxy.swallow(1);
        let mut batch = batch(&db).atomic(true);
        for own in ["n.City.a", "n.City.b"] {
            batch.update(id(own), Version::new(version), &doc! {}).unwrap();
        }
        let written = Outcome::Written(Version::new(version + 1));
        assert_eq!(db.write(batch).await.unwrap().outcomes, [written.clone(), written]);
    }
    assert_eq!(proxy.swallowed(), 10);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn what_no_server_answers_before_the_deadline_is_unknown() {
    drop(database_with("unknown", &[city("a", 1)]).await);
    let proxy = Proxy::start(&url("unknown"), "txnNumber").await;
    let options = MongoDbOptions::new().deadline(Duration::from_secs(1));
    let db = MongoDb::open(&proxy.url("unknown"), options).await.unwrap();
    proxy.swallow(u32::MAX);
    let mut batch = batch(&db);
    batch.update(id("n.City.a"), Version::FIRST, &doc! { "n": 1 }).unwrap();
    let start = Instant::now();
    // Of this operation, or when even that is not told in time, of the batch.
    match db.write(batch).await {
        Ok(report) => assert_eq!(report.outcomes, [Outcome::Unknown]),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unknown, "{error}"),
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // It did happen, and once.
    assert_eq!(stored("unknown", "n.City.a").await.get_i64("_version").unwrap(), 2);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn outcomes_are_exact_while_others_write_the_same_documents() {
    const WRITERS: usize = 4;
    const DOCUMENTS: usize = 60;
    const ROUNDS: usize = 25;
    let documents: Vec<Document> = (0..DOCUMENTS).map(|n| city(&n.to_string(), 0)).collect();
    let db = Arc::new(database_with("rivals", &documents).await);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let db = Arc::clone(&db);
        writers.spawn(async move {
            let mut won = vec![0_u64; DOCUMENTS];
            for _ in 0..ROUNDS {
                let handles: Vec<Handle> =
                    (0..DOCUMENTS).map(|n| Handle::new(id(&format!("n.City.{n}")))).collect();
                let read = db.get_many(&handles).await.unwrap();
                let mut batch = batch(&db);
                for document in read.iter().flatten() {
                    batch.update(document.id.clone(), document.version, &doc! {}).unwrap();
                }
                for (n, outcome) in db.write(batch).await.unwrap().outcomes.iter().enumerate() {
                    match outcome {
                        Outcome::Written(_) => won[n] += 1,
                        Outcome::Conflict { expected, found } => assert!(found > expected),
                        other => panic!("{other:?}"),
                    }
                }
            }
            won
        });
    }
    let mut won = vec![0_u64; DOCUMENTS];
    while let Some(own) = writers.join_next().await {
        won.iter_mut().zip(own.unwrap()).for_each(|(sum, own)| *sum += own);
    }
    let all = db.find(Query::new(Collection::Node, Filter::all())).await.unwrap();
    for document in all.try_collect().await.unwrap() {
        let n: usize = document.id.to_string()["n.City.".len()..].parse().unwrap();
        assert_eq!(document.version.get(), won[n], "{}", document.id);
    }
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_save_keeps_what_else_the_document_holds_and_gives_it_a_version() {
    let python = doc! {
        "_id": "n.City.a", "id": "n.City.a", "entity": "City", "context": { "old": 1 }, "edges": ["x"],
    };
    let db = database_with("python", &[python]).await;
    for (atomic, version) in [(false, 0), (true, 1)] {
        let mut batch = batch(&db).atomic(atomic);
        batch.update(id("n.City.a"), Version::new(version), &doc! { "name": "Oslo" }).unwrap();
        batch.insert(id(&format!("n.City.b{version}")), &doc! {}).unwrap();
        assert!(db.write(batch).await.unwrap().is_complete());
        let expected = doc! {
            "_id": "n.City.a", "id": "n.City.a", "entity": "City",
            "context": { "name": "Oslo" }, "edges": ["x"], "_version": version as i64 + 1,
        };
        assert_eq!(stored("python", "n.City.a").await, expected);
    }
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn values_that_look_like_expressions_are_stored_as_they_are() {
    let db = database_with("literal", &[city("a", 1)]).await;
    let fields = doc! {
        "path": "$entity", "root": "$$ROOT", "remove": "$$REMOVE", "list": ["$_id", { "deep": "$$NOW" }],
    };
    for (version, atomic) in [(1, false), (2, true)] {
        let mut batch = batch(&db).atomic(atomic);
        batch.update(id("n.City.a"), Version::new(version), &fields).unwrap();
        batch.insert(id(&format!("n.City.b{version}")), &fields).unwrap();
        assert!(db.write(batch).await.unwrap().is_complete());
        for own in ["n.City.a".to_owned(), format!("n.City.b{version}")] {
            assert_eq!(stored("literal", &own).await.get_document("context").unwrap(), &fields);
        }
    }
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn more_bytes_than_one_command_holds_are_written() {
    let db = database_with("large", &[]).await;
    let text = "x".repeat(6_000_000);
    // Nodes alone are written without a transaction; with an edge, in one that must fit into the server's memory.
    for (key, with_edge, count) in [("plain", false, 7), ("edge", true, 8)] {
        let mut batch = batch(&db);
        for n in 0..count {
            batch.insert(id(&format!("n.City.{key}{n}")), &doc! { "text": &text }).unwrap();
        }
        if with_edge {
            let (source, target) = (id("n.City.edge0"), id("n.City.edge7"));
            let ends = Ends { source, target, bidirectional: false };
            batch.insert_edge(id("e.Road.a"), &doc! {}, Link { ends, unique: true }).unwrap();
        }
        let report = db.write(batch).await.unwrap();
        assert!(report.is_complete(), "{:?}", report.outcomes);
    }
    assert_eq!(db.count(Collection::Node, &Filter::all()).await.unwrap(), 15);
    assert_eq!(db.count(Collection::Edge, &Filter::all()).await.unwrap(), 1);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn every_conflict_of_a_large_batch_names_what_was_found() {
    const COUNT: usize = 20_000;
    let documents: Vec<Document> = (0..COUNT).map(|n| city(&n.to_string(), 5)).collect();
    let db = database_with("conflicts", &documents).await;
    let mut batch = batch(&db);
    for n in 0..COUNT {
        batch.update(id(&format!("n.City.{n}")), Version::new(2), &doc! {}).unwrap();
    }
    let report = db.write(batch).await.unwrap();
    assert!(report.outcomes.iter().all(|outcome| *outcome == conflict(2, 5)));
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn an_index_of_somebody_else_is_taken_for_ours_or_reported_and_stays() {
    let db = database_with("foreign", &[city("a", 1)]).await;
    let nodes = raw_database("foreign").await.collection::<Document>("node");
    let foreign = |key: Document, unique: bool, name: &str| {
        let options = mongodb::options::IndexOptions::builder();
        let options = options.unique(unique).name(name.to_owned()).build();
        mongodb::IndexModel::builder().keys(key).options(options).build()
    };
    nodes.create_index(foreign(doc! { "context.a": 1 }, false, "theirs")).await.unwrap();
    nodes.create_index(foreign(doc! { "context.b": 1 }, true, "unique")).await.unwrap();
    nodes.create_index(foreign(doc! { "context.t": "text" }, false, "text")).await.unwrap();
    let spec = |path: &str| IndexSpec::parse(&doc! { "key": { path: 1 } }).unwrap();
    db.create_index(Collection::Node, None, spec("context.a")).await.unwrap();
    let error = db.create_index(Collection::Node, None, spec("context.b")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let listed = db.indexes(Collection::Node).await.unwrap();
    let names: Vec<String> = listed.iter().map(|index| index.spec.name()).collect();
    assert_eq!(names, ["context.a_1", "context.b_1"]);
    assert_eq!(nodes.list_index_names().await.unwrap(), ["_id_", "theirs", "unique", "text"]);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_sparse_index_of_one_type_is_listed_as_it_was_declared() {
    let db = database_with("sparse", &[]).await;
    let city = Some(EntityName::new("City").unwrap());
    let spec = doc! { "key": { "context.code": 1 }, "unique": true, "sparse": true };
    let spec = IndexSpec::parse(&spec).unwrap();
    let filtered = doc! {
        "key": { "context.code": -1 }, "partialFilterExpression": { "context.code": { "$gt": 3 } },
    };
    let filtered = IndexSpec::parse(&filtered).unwrap();
    for spec in [&spec, &filtered, &spec] {
        db.create_index(Collection::Node, city, spec.clone()).await.unwrap();
    }
    let listed = db.indexes(Collection::Node).await.unwrap();
    let specs: Vec<_> = listed.into_iter().map(|index| (index.entity, index.spec)).collect();
    assert_eq!(specs, [(city, spec), (city, filtered)]);
    let mut batch = batch(&db);
    batch.insert(id("n.City.a"), &doc! {}).unwrap();
    batch.insert(id("n.City.b"), &doc! {}).unwrap();
    batch.insert(id("n.City.c"), &doc! { "code": 1 }).unwrap();
    batch.insert(id("n.City.d"), &doc! { "code": 1 }).unwrap();
    let report = db.write(batch).await.unwrap();
    let taken = Outcome::duplicate("context.code_1", id("n.City.c"));
    assert_eq!(report.outcomes[3], taken);
    assert_eq!(report.written(), 3);
    db.close().await.unwrap();
}
