//! What is there after the store was closed and opened again.
//!
//! Each case also runs on backends that keep nothing: there it checks that a new store is empty.

use std::sync::Arc;

use bson::{Document, doc};

use super::harness::{Harness, Picture};
use super::index::{create, found, hundred, spec};
use super::support::{duplicate, entity, followed, get, id, link, ops, reached, read, written};
use crate::codec;
use crate::database::Database;
use crate::expansion::Direction;
use crate::id::{Collection, Id};
use crate::id_generator::IdGenerator;
use crate::indexes::IndexInfo;
use crate::version::Version;
use crate::write::WriteBatch;

const A: &str = "n.City.a";
const B: &str = "n.City.b";
const C: &str = "n.City.c";

/// Opens the store again; `None` when the backend keeps nothing, after a check that it did not.
async fn again(harness: &Harness, db: Arc<dyn Database>) -> Option<Arc<dyn Database>> {
    let db = harness.reopen_and_compare(db).await;
    if db.capabilities().persistent {
        return Some(db);
    }
    db.close().await.expect("closed");
    None
}

pub async fn documents_with_versions_and_schemas_survive(harness: Harness) {
    let db = harness.open().await;
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.insert_with(id(A), &doc! { "n": 1 }, 3, None).expect("an insert");
    assert!(db.write(batch).await.expect("a report").is_complete());
    let mut fields = Vec::new();
    codec::encode(db.capabilities().encoding, &doc! { "n": 2 }, &mut fields).expect("fields");
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.update_encoded(id(A), Version::FIRST, &fields, 4).expect("an update");
    assert!(db.write(batch).await.expect("a report").is_complete());
    let batch = ops(&*db).insert("o.Note.1", &doc! { "deep": [{ "er": f64::NAN }] });
    batch.nodes(&["j.Checkpoint.1"]).done().await;
    let Some(db) = again(&harness, db).await else { return };
    assert_eq!(read(&*db, A).await, (2, doc! { "n": 2 }));
    assert_eq!(get(&*db, A).await.expect("a document").schema, 4);
    assert!(get(&*db, "j.Checkpoint.1").await.is_some());
    db.close().await.expect("closed");
}

pub async fn edges_survive_in_their_order(harness: Harness) {
    let db = harness.open().await;
    let keys = IdGenerator::fixed(7).reserve(30);
    let edges: Vec<String> = keys
        .zip(["Road", "Air", "Zip"].into_iter().cycle())
        .map(|(key, name)| Id::generated(Collection::Edge, entity(name), key))
        .map(|id| id.to_string())
        .chain(["e.Road.a".into(), "e.Road.b".into()])
        .collect();
    ops(&*db).nodes(&[A, B]).done().await;
    for edge in edges.iter().rev() {
        ops(&*db).edge(edge, A, B).done().await;
    }
    ops(&*db).update(&edges[4], 1, &doc! { "km": 1 }).done().await;
    ops(&*db).undirected_edge("e.Road.c", B, A).done().await;
    let Some(db) = again(&harness, db).await else { return };
    let expected: Vec<String> = edges.into_iter().chain(["e.Road.c".into()]).collect();
    assert_eq!(followed(&*db, A, Direction::Out).await, expected);
    let ends = get(&*db, &expected[4]).await.expect("an edge").ends;
    assert_eq!(ends, Some(link(A, B).ends));
    db.close().await.expect("closed");
}

pub async fn deletes_survive(harness: Harness) {
    let db = harness.open().await;
    let batch = ops(&*db).nodes(&[A, B, C, "o.Note.1"]).edge("e.Road.1", A, B);
    batch.edge("e.Road.2", B, C).edge("e.Road.3", C, A).done().await;
    ops(&*db).detach(A).delete("o.Note.1").insert("o.Note.1", &doc! { "n": 2 }).done().await;
    ops(&*db).delete("e.Road.2").edge("e.Road.2", C, B).done().await;
    let Some(db) = again(&harness, db).await else { return };
    assert!(get(&*db, A).await.is_none() && get(&*db, "e.Road.3").await.is_none());
    assert_eq!(read(&*db, "o.Note.1").await, (1, doc! { "n": 2 }));
    assert_eq!(reached(&*db, C, Direction::Out).await, ["b"]);
    assert_eq!(ops(&*db).nodes(&[A]).outcomes().await, [written(1)]);
    assert_eq!(reached(&*db, A, Direction::Both).await, [""; 0]);
    db.close().await.expect("closed");
}

pub async fn edges_without_their_node_survive_and_find_it_when_it_is_made_again(harness: Harness) {
    let db = harness.open().await;
    ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B).delete(B).done().await;
    let Some(db) = again(&harness, db).await else { return };
    ops(&*db).nodes(&["n.City.x", "n.City.y"]).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, [""; 0]);
    let db = harness.reopen_and_compare(db).await;
    ops(&*db).nodes(&[B]).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    let db = harness.reopen_and_compare(db).await;
    assert_eq!(reached(&*db, B, Direction::In).await, ["a"]);
    db.close().await.expect("closed");
}

pub async fn uniqueness_survives(harness: Harness) {
    let db = harness.open().await;
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).done().await;
    ops(&*db).undirected_edge("e.Rail.1", A, B).done().await;
    let Some(db) = again(&harness, db).await else { return };
    let batch = ops(&*db).unique_edge("e.Road.2", A, B).unique_edge("e.Rail.2", B, A);
    let outcomes = batch.insert(A, &doc! {}).outcomes().await;
    let expected = [
        duplicate("connection", "e.Road.1"),
        duplicate("connection", "e.Rail.1"),
        duplicate("_id", A),
    ];
    assert_eq!(outcomes, expected);
    db.close().await.expect("closed");
}

pub async fn updates_go_on_from_the_stored_version(harness: Harness) {
    let mut db = harness.open().await;
    ops(&*db).insert(A, &doc! { "n": 1 }).done().await;
    for version in 1..6 {
        let Some(reopened) = again(&harness, db).await else { return };
        db = reopened;
        let stale = ops(&*db).update(A, version - 1, &doc! {}).outcomes().await;
        assert_eq!(stale, [super::support::conflict(version - 1, version)]);
        let fields = doc! { "n": version as i32 + 1 };
        assert_eq!(ops(&*db).update(A, version, &fields).outcomes().await, [written(version + 1)]);
        assert_eq!(read(&*db, A).await, (version + 1, fields));
    }
    db.close().await.expect("closed");
}

pub async fn every_write_survives_a_reopening_after_it(harness: Harness) {
    let mut db = harness.open().await;
    let mut pictures = vec![Picture::of(&*db).await];
    for step in 0..9 {
        let batch = ops(&*db);
        let batch = match step {
            0 => batch.nodes(&[A, B]),
            1 => batch.edge("e.Road.1", A, B),
            2 => batch.update("e.Road.1", 1, &doc! { "km": 1 }),
            3 => batch.undirected_edge("e.Road.2", B, A).delete("e.Road.1"),
            4 => batch.delete(A),
            5 => batch.nodes(&[A]).edge("e.Road.1", B, A),
            6 => batch.detach(B),
            7 => batch.update("n.City.missing", 1, &doc! {}).nodes(&[C]),
            _ => batch.atomic().delete(C).delete("n.City.missing"),
        };
        let before = batch.try_write().await;
        assert!(before.is_ok() || step == 8, "{before:?}");
        pictures.push(Picture::of(&*db).await);
        let Some(reopened) = again(&harness, db).await else { return };
        db = reopened;
    }
    db.close().await.expect("closed");
    let changes = pictures.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 8, "every step but the refused one changes something");
}

pub async fn a_database_that_was_never_written_opens_again(harness: Harness) {
    for _ in 0..3 {
        let db = harness.open().await;
        assert_eq!(Picture::of(&*db).await, Picture::default());
        assert_eq!(ops(&*db).delete(A).write().await.written(), 0);
        db.close().await.expect("closed");
    }
    let db = harness.open().await;
    ops(&*db).insert(A, &Document::new()).done().await;
    harness.reopen_and_compare(db).await.close().await.expect("closed");
}

/// Indexes are there after a reopening, and go on refusing and following.
pub async fn indexes_survive(harness: Harness) {
    let db = harness.open().await;
    hundred(&*db).await;
    create(&*db, Some(entity("City")), &doc! { "context.state": 1, "context.latitude": -1 }, false)
        .await;
    let partial = doc! {
        "key": { "context.latitude": 1 },
        "unique": true,
        "partialFilterExpression": { "context.latitude": { "$gte": 100 } },
    };
    db.create_index(Collection::Node, None, spec(&partial)).await.expect("an index");
    ops(&*db).insert("n.City.last", &doc! { "state": "AK", "latitude": 100 }).done().await;
    let before = db.indexes(Collection::Node).await.expect("indexes");
    let db = harness.reopen(db).await;
    let after = db.indexes(Collection::Node).await.expect("indexes");
    if !db.capabilities().persistent {
        assert!(after.is_empty());
        return db.close().await.expect("the store closes");
    }
    let shown = |infos: &[IndexInfo]| -> Vec<_> {
        infos.iter().map(|info| (info.entity, info.spec.clone(), info.keys)).collect()
    };
    assert_eq!(shown(&after), shown(&before));
    let asked = doc! { "entity": "City", "context.state": "AK", "context.latitude": { "$gt": 47 } };
    assert_eq!(found(&*db, &asked).await, ["n.City.c096", "n.City.last"]);
    let report = ops(&*db).insert("n.City.more", &doc! { "latitude": 100 }).write().await;
    assert_eq!(report.outcomes, [duplicate("context.latitude_1", "n.City.last")]);
    assert!(db.drop_index(Collection::Node, None, "context.latitude_1").await.expect("a drop"));
    let db = harness.reopen(db).await;
    assert_eq!(db.indexes(Collection::Node).await.expect("indexes").len(), 1);
    assert_eq!(found(&*db, &asked).await, ["n.City.c096", "n.City.last"]);
    db.close().await.expect("the store closes");
}
