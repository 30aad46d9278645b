//! What transactions of a server do beyond what every backend's do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use jvspatial_db::conformance::Picture;
use jvspatial_db::{
    Collection, Database, EntityName, ErrorKind, Filter, Handle, Id, IndexSpec, MemoryDb, MongoDb,
    MongoDbOptions, Outcome, Query, Sort, Transaction, Version, WriteBatch, WriteReport,
};

use super::proxy::Proxy;
use super::{database_with, raw_database, url};
use crate::serializable::{Call, Random, make};

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn user(key: &str, mail: &str) -> Document {
    doc! { "_id": format!("n.User.{key}"), "_version": 1, "entity": "User", "context": { "mail": mail } }
}

/// What is to be done to a document.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Insert(&'a str, &'a str),
    Save(&'a str, u64, &'a str),
    Delete(&'a str),
}

async fn write(db: &dyn Database, wishes: &[Wish<'_>]) -> jvspatial_db::Result<WriteReport> {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    for wish in wishes {
        match *wish {
            Wish::Insert(own, mail) => batch.insert(id(own), &doc! { "mail": mail })?,
            Wish::Save(own, version, mail) => {
                batch.update(id(own), Version::new(version), &doc! { "mail": mail })?;
            }
            Wish::Delete(own) => batch.delete(id(own), None, true)?,
        }
    }
    db.write(batch).await
}

async fn outcomes(db: &dyn Database, wishes: &[Wish<'_>]) -> Vec<Outcome> {
    write(db, wishes).await.unwrap().outcomes
}

fn written(version: u64) -> Outcome {
    Outcome::Written(Version::new(version))
}

fn taken(owner: &str) -> Outcome {
    Outcome::duplicate("context.mail_1", id(owner))
}

/// A database of users, no two of one address.
async fn users(name: &str, documents: &[Document]) -> MongoDb {
    let db = database_with(name, documents).await;
    let spec = IndexSpec::parse(&doc! { "key": { "context.mail": 1 } }).unwrap().unique(true);
    let of_users = Some(EntityName::new("User").unwrap());
    db.create_index(Collection::Node, of_users, spec).await.unwrap();
    db
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_unique_key_that_is_taken_is_told_with_its_owner_and_does_not_end_the_transaction() {
    let db = users("tx_unique", &[user("a", "a@x"), user("b", "b@x")]).await;
    let tx = db.begin().await.unwrap();
    // By a stored document, by one of the batch, by one of the batch that was refused itself.
    let told = outcomes(
        &*tx,
        &[
            Wish::Insert("n.User.c", "a@x"),
            Wish::Insert("n.User.d", "d@x"),
            Wish::Insert("n.User.e", "d@x"),
            Wish::Save("n.User.b", 1, "a@x"),
            Wish::Insert("n.User.f", "f@x"),
            Wish::Insert("n.User.f", "g@x"),
            Wish::Insert("n.User.g", "g@x"),
        ],
    )
    .await;
    let expected = [
        taken("n.User.a"),
        written(1),
        taken("n.User.d"),
        taken("n.User.a"),
        written(1),
        Outcome::duplicate("_id", id("n.User.f")),
        written(1),
    ];
    assert_eq!(told, expected);
    // What was let go of is free: in the same batch, and in a later one.
    let told = outcomes(
        &*tx,
        &[
            Wish::Save("n.User.a", 1, "new@x"),
            Wish::Insert("n.User.h", "a@x"),
            Wish::Delete("n.User.d"),
            Wish::Insert("n.User.i", "d@x"),
            Wish::Insert("n.User.j", "b@x"),
        ],
    )
    .await;
    assert_eq!(told, [written(2), written(1), written(2), written(1), taken("n.User.b")]);
    let told =
        outcomes(&*tx, &[Wish::Save("n.User.b", 1, "b2@x"), Wish::Insert("n.User.j", "h@x")]);
    assert_eq!(told.await, [written(2), written(1)]);
    assert_eq!(outcomes(&*tx, &[Wish::Insert("n.User.k", "b@x")]).await, [written(1)]);
    tx.commit().await.unwrap();
    assert_eq!(db.count(Collection::Node, &Filter::all()).await.unwrap(), 8);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn keys_of_arrays_and_of_several_fields_are_judged_as_the_server_does() {
    let db = database_with("tx_arrays", &[]).await;
    let unique = |key: Document| IndexSpec::parse(&doc! { "key": key }).unwrap().unique(true);
    let pair = doc! { "context.a": 1, "context.b": -1 };
    db.create_index(Collection::Object, None, unique(pair)).await.unwrap();
    let tags = unique(doc! { "context.tags": 1 }).sparse(true).unwrap();
    db.create_index(Collection::Object, None, tags).await.unwrap();
    let tx = db.begin().await.unwrap();
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    for (own, fields) in [
        ("o.Note.1", doc! { "a": 1, "b": "x" }),
        ("o.Note.2", doc! { "a": 1.0, "b": "x" }),
        ("o.Note.3", doc! { "a": 1, "b": "y" }),
        ("o.Note.4", doc! { "a": 2, "tags": ["p", "q"] }),
        ("o.Note.5", doc! { "a": 3, "tags": ["q"] }),
        ("o.Note.6", doc! { "a": 4, "tags": [] }),
        ("o.Note.7", doc! { "a": 2 }),
        (
            "o.Note.8",
            doc! { "a": 5, "b": bson::Regex { pattern: bson::cstr!("x").into(), options: bson::cstr!("").into() } },
        ),
    ] {
        batch.insert(id(own), &fields).unwrap();
    }
    let first = tx.write(batch).await.unwrap().outcomes;
    let pair = "context.a_1_context.b_-1";
    let expected = [
        written(1),
        Outcome::duplicate(pair, id("o.Note.1")),
        written(1),
        written(1),
        Outcome::duplicate("context.tags_1", id("o.Note.4")),
        written(1),
        Outcome::duplicate(pair, id("o.Note.4")),
        written(1),
    ];
    assert_eq!(first, expected);
    // The same against what is stored.
    for (own, fields, expected) in [
        ("o.Note.a", doc! { "a": 1_i64, "b": "x" }, Outcome::duplicate(pair, id("o.Note.1"))),
        (
            "o.Note.b",
            doc! { "a": 6, "tags": ["z", "p"] },
            Outcome::duplicate("context.tags_1", id("o.Note.4")),
        ),
        (
            "o.Note.c",
            doc! { "a": 7, "tags": [] },
            Outcome::duplicate("context.tags_1", id("o.Note.6")),
        ),
        ("o.Note.d", doc! { "a": 5, "b": "x" }, written(1)),
        (
            "o.Note.e",
            doc! { "a": 2, "b": bson::Bson::Null },
            Outcome::duplicate(pair, id("o.Note.4")),
        ),
    ] {
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        batch.insert(id(own), &fields).unwrap();
        assert_eq!(tx.write(batch).await.unwrap().outcomes, [expected], "{own}");
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_unique_key_that_others_took_meanwhile_makes_the_transaction_outrun() {
    let db = users("tx_meanwhile", &[user("a", "a@x")]).await;
    let tx = db.begin().await.unwrap();
    assert_eq!(tx.count(Collection::Node, &Filter::all()).await.unwrap(), 1);
    assert_eq!(outcomes(&db, &[Wish::Insert("n.User.b", "b@x")]).await, [written(1)]);
    let error = write(&*tx, &[Wish::Insert("n.User.c", "b@x")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(tx.is_outrun());
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Closed);
    let tx = db.begin().await.unwrap();
    assert_eq!(outcomes(&*tx, &[Wish::Insert("n.User.c", "b@x")]).await, [taken("n.User.b")]);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn an_index_of_another_process_is_known_at_the_second_try() {
    let name = "tx_foreign";
    let db = database_with(name, &[user("a", "a@x")]).await;
    raw_database(name)
        .await
        .run_command(doc! { "createIndexes": "node", "indexes": [
            { "key": { "context.mail": 1 }, "name": "context.mail_1", "unique": true },
        ] })
        .await
        .unwrap();
    let tx = db.begin().await.unwrap();
    let error = write(&*tx, &[Wish::Insert("n.User.b", "a@x")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(tx.is_outrun());
    let tx = db.begin().await.unwrap();
    assert_eq!(outcomes(&*tx, &[Wish::Insert("n.User.b", "a@x")]).await, [taken("n.User.a")]);
    tx.commit().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_search_shows_nothing_of_what_is_written_while_it_is_read() {
    const DOCUMENTS: usize = 2_500;
    let documents: Vec<Document> =
        (0..DOCUMENTS).map(|n| user(&format!("{n:05}"), &format!("{n}@x"))).collect();
    let db = database_with("tx_cursor", &documents).await;
    let all = || Query::new(Collection::Node, Filter::all());
    let by_mail = || all().sort(Sort::parse(&doc! { "context.mail": 1 }).unwrap());
    for query in [all(), by_mail(), by_mail().reversed()] {
        let tx = db.begin().await.unwrap();
        let mut found = tx.find(query).await.unwrap();
        let first = found.try_next().await.unwrap().unwrap();
        for n in (0..DOCUMENTS).step_by(7) {
            let (own, new) = (format!("n.User.{n:05}"), format!("n.User.{n:05}x"));
            if own == first.id.to_string() {
                continue;
            }
            let wish = if n % 2 == 0 { Wish::Delete(&own) } else { Wish::Save(&own, 1, "zzz") };
            outcomes(&*tx, &[wish, Wish::Insert(&new, "aaa")]).await;
        }
        let rest = found.try_collect().await.unwrap();
        assert_eq!(rest.len(), DOCUMENTS - 1);
        assert!(rest.iter().all(|document| document.version == Version::FIRST));
        tx.close().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_search_does_not_keep_its_transaction_from_ending() {
    let documents: Vec<Document> = (0..500).map(|n| user(&n.to_string(), "x")).collect();
    let db = database_with("tx_left", &documents).await;
    let tx = db.begin().await.unwrap();
    let mut found = tx.find(Query::new(Collection::Node, Filter::all())).await.unwrap();
    found.try_next().await.unwrap().unwrap();
    drop(tx);
    let error = found.try_collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_transaction_whose_handle_is_dropped_is_soon_in_nobodys_way() {
    let db = database_with("tx_dropped", &[user("a", "a@x")]).await;
    for is_asked in [false, true] {
        let tx = db.begin().await.unwrap();
        outcomes(&*tx, &[Wish::Save("n.User.a", 1, "b@x")]).await;
        if is_asked {
            // A call is under way when the handle goes.
            let all = Filter::all();
            let asking = tx.count(Collection::Node, &all);
            let _ = tokio::time::timeout(Duration::from_micros(1), asking).await;
        }
        drop(tx);
        let start = Instant::now();
        loop {
            let tx = db.begin().await.unwrap();
            let told = write(&*tx, &[Wish::Save("n.User.a", 1, "c@x")]).await;
            tx.close().await.unwrap();
            if told.is_ok() {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(2), "the server still has it");
        }
    }
    let tx = db.begin().await.unwrap();
    outcomes(&*tx, &[Wish::Save("n.User.a", 1, "b@x")]).await;
    drop(tx);
    // A write without a transaction waits for those that are in its way.
    let told = tokio::time::timeout(
        Duration::from_secs(2),
        outcomes(&db, &[Wish::Save("n.User.a", 1, "d@x")]),
    );
    assert_eq!(told.await.unwrap(), [written(2)]);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn closing_the_database_gives_up_what_is_open() {
    let db = database_with("tx_closing", &[user("a", "a@x")]).await;
    let other = MongoDb::open(&url("tx_closing"), MongoDbOptions::new()).await.unwrap();
    let tx = db.begin().await.unwrap();
    outcomes(&*tx, &[Wish::Save("n.User.a", 1, "b@x")]).await;
    db.close().await.unwrap();
    let handles = [Handle::from(id("n.User.a"))];
    assert_eq!(tx.get_many(&handles).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(db.begin().await.unwrap_err().kind(), ErrorKind::Closed);
    let start = Instant::now();
    assert_eq!(outcomes(&other, &[Wish::Save("n.User.a", 1, "c@x")]).await, [written(2)]);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_commit_whose_reply_is_lost_is_asked_for_again() {
    drop(database_with("tx_commit", &[user("a", "0")]).await);
    let proxy = Proxy::start(&url("tx_commit"), "commitTransaction").await;
    let db = MongoDb::open(&proxy.url("tx_commit"), MongoDbOptions::new()).await.unwrap();
    for version in 1..=10_u64 {
        let tx = db.begin().await.unwrap();
        let told = outcomes(&*tx, &[Wish::Save("n.User.a", version, "x")]).await;
        assert_eq!(told, [written(version + 1)]);
        proxy.swallow(1 + u32::try_from(version % 3).unwrap());
        tx.commit().await.unwrap();
    }
    assert!(proxy.swallowed() >= 10);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_commit_that_no_server_answers_is_unknown_and_a_write_that_none_answers_is_nothing() {
    drop(database_with("tx_silent", &[user("a", "a@x")]).await);
    let options = MongoDbOptions::new().deadline(Duration::from_secs(1));
    for (mark, kind) in
        [("updates", ErrorKind::Unavailable), ("commitTransaction", ErrorKind::Unknown)]
    {
        let proxy = Proxy::start(&url("tx_silent"), mark).await;
        let db = MongoDb::open(&proxy.url("tx_silent"), options.clone()).await.unwrap();
        let tx = db.begin().await.unwrap();
        proxy.swallow(u32::MAX);
        let start = Instant::now();
        let done = async {
            let report = write(&*tx, &[Wish::Save("n.User.a", 1, "b@x")]).await?;
            assert_eq!(report.outcomes, [written(2)]);
            tx.commit().await
        };
        let error = done.await.expect_err(mark);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Closed);
        // The connection was lost on the way to an outcome, so the same may well succeed.
        assert_eq!(tx.is_outrun(), kind == ErrorKind::Unavailable);
        db.close().await.unwrap();
    }
    // The commit did happen; the other transaction came to nothing.
    let collection = raw_database("tx_silent").await.collection::<Document>("node");
    let stored = collection.find_one(doc! { "_id": "n.User.a" }).await.unwrap().unwrap();
    assert_eq!(stored.get_i64("_version").unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn all_batches_together_are_as_large_as_one_can_be() {
    let db = database_with("tx_limit", &[]).await;
    let tx = db.begin().await.unwrap();
    let deletions = || {
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        for n in 0..60_000 {
            batch.delete(id(&format!("n.User.{n}")), None, false).unwrap();
        }
        batch
    };
    assert_eq!(tx.write(deletions()).await.unwrap().written(), 0);
    let error = tx.write(deletions()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(outcomes(&*tx, &[Wish::Insert("n.User.a", "x")]).await, [written(1)]);
    tx.commit().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn every_call_of_a_transaction_is_answered_as_in_memory() {
    const STEPS: u64 = 1_500;
    let mut random = Random(11);
    let (db, model) = (database_with("tx_random", &[]).await, MemoryDb::new());
    let begin = async || {
        let both: (Arc<dyn Transaction>, Arc<dyn Transaction>) =
            (db.begin().await.unwrap(), model.begin().await.unwrap());
        both
    };
    let mut tx = begin().await;
    for step in 0..STEPS {
        let call = Call::random(&mut random);
        // Without a sort, each backend has an order of its own.
        if matches!(call, Call::Find(_) | Call::First) {
            assert_eq!(Picture::of(&*tx.0).await, Picture::of(&*tx.1).await, "step {step}");
            continue;
        }
        let told = make(&*tx.0, call).await.unwrap();
        assert_eq!(told, make(&*tx.1, call).await.unwrap(), "{call:?} in step {step}");
        if random.below(12) == 0 {
            if random.below(3) == 0 {
                tx.0.close().await.unwrap();
                tx.1.close().await.unwrap();
            } else {
                tx.0.commit().await.unwrap();
                tx.1.commit().await.unwrap();
            }
            tx = begin().await;
        }
    }
}
