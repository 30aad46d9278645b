//! What is done to whole stores keeps their indexes, or says that it does not.

use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database as _, Encoding, Filter, IndexSpec, JsonDb, Outcome, Query, Version,
    WriteBatch, doc,
};

use super::story::{contents_of, id, open, runtime};

/// A store of several segments with garbage in them, two indexes, and two hundred documents.
async fn indexed(disk: &SimulatedDisk) -> JsonDb {
    let db = open(disk);
    for key in [doc! { "key": { "context.group": 1, "context.rank": -1 } }, serial()] {
        let spec = IndexSpec::parse(&key).unwrap();
        db.create_index(Collection::Node, None, spec).await.unwrap();
    }
    for round in 0..4_u64 {
        for n in 0..200 {
            let mut batch = WriteBatch::new(Encoding::Json);
            let node = id(&format!("n.City.c{n:03}"));
            let fields = doc! { "group": n % 7, "rank": n + round as i32, "serial": n };
            match round {
                0 => batch.insert(node, &fields).unwrap(),
                round => batch.update(node, Version::new(round), &fields).unwrap(),
            }
            assert!(db.write(batch).await.unwrap().is_complete());
        }
    }
    db
}

fn serial() -> bson::Document {
    doc! { "key": { "context.serial": 1 }, "unique": true }
}

/// Makes sure that a store has the indexes and answers by them as its documents say.
async fn check(db: &JsonDb) {
    let names: Vec<_> =
        db.indexes(Collection::Node).await.unwrap().iter().map(|of| of.spec.name()).collect();
    assert_eq!(names, ["context.group_1_context.rank_-1", "context.serial_1"]);
    let asked = doc! { "context.group": 3, "context.rank": { "$gte": 50 } };
    let query = Query::new(Collection::Node, Filter::parse(&asked).unwrap());
    let plan = db.explain(query.clone()).await.unwrap();
    assert_eq!(plan.index.as_deref(), Some("context.group_1_context.rank_-1"));
    let all = Query::new(Collection::Node, Filter::all());
    let all = db.find(all).await.unwrap().try_collect().await.unwrap();
    let expected = all.iter().filter(|of| query.filter.matches(&of.to_bson().unwrap())).count();
    assert!(expected > 10);
    assert_eq!((plan.returned, plan.keys_examined), (expected as u64, expected as u64));
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert(id("n.City.other"), &doc! { "serial": 7 }).unwrap();
    let outcome = db.write(batch).await.unwrap().outcomes.remove(0);
    match outcome {
        Outcome::Duplicate(duplicate) => assert_eq!(duplicate.id, id("n.City.c007")),
        other => panic!("a taken key was given away: {other:?}"),
    }
}

#[test]
fn a_backup_and_what_is_restored_of_it_have_the_indexes() {
    runtime().block_on(async {
        let db = indexed(&SimulatedDisk::new()).await;
        let (copy, restored) = (SimulatedDisk::new(), SimulatedDisk::new());
        db.backup_to(Arc::new(copy.clone())).await.unwrap();
        check(&db).await;
        db.close().await.unwrap();
        JsonDb::restore_on(&copy, Arc::new(restored.clone())).unwrap();
        for disk in [copy, restored] {
            let db = open(&disk);
            check(&db).await;
            db.close().await.unwrap();
            assert!(JsonDb::verify_on(&disk).unwrap().is_sound());
        }
    });
}

#[test]
fn compaction_changes_no_answer_of_an_index() {
    runtime().block_on(async {
        let disk = SimulatedDisk::new();
        let db = indexed(&disk).await;
        let before = db.stats().await.unwrap();
        db.compact().await.unwrap();
        let after = db.stats().await.unwrap();
        assert!(after.dead_bytes < before.dead_bytes, "{before:?} {after:?}");
        check(&db).await;
        db.close().await.unwrap();
        let db = open(&disk);
        check(&db).await;
        db.close().await.unwrap();
    });
}

#[test]
fn salvage_says_which_indexes_are_to_be_created_again() {
    let disk = SimulatedDisk::new();
    runtime().block_on(async { indexed(&disk).await.close().await.unwrap() });
    let target = SimulatedDisk::new();
    let report = JsonDb::salvage_on(&disk, Arc::new(target.clone())).unwrap();
    assert_eq!(contents_of(&target), contents_of(&disk));
    runtime().block_on(async {
        let db = open(&target);
        assert!(db.indexes(Collection::Node).await.unwrap().is_empty());
        assert_eq!(report.dropped_indexes.total(), 2);
        for index in report.dropped_indexes.first() {
            db.create_index(index.collection, index.entity, index.spec.clone()).await.unwrap();
        }
        check(&db).await;
        db.close().await.unwrap();
    });
}

#[test]
fn a_scan_for_one_match_ends_soon_after_it() {
    runtime().block_on(async {
        let db = JsonDb::open_on(Arc::new(SimulatedDisk::new()), super::story::options()).unwrap();
        let mut batch = WriteBatch::new(Encoding::Json);
        for n in 0..4_000 {
            batch.insert(id(&format!("o.Row.{n:04}")), &doc! { "n": n }).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
        let examined = async |least: i32, limit: Option<u64>| {
            let filter = Filter::parse(&doc! { "context.n": { "$gte": least } }).unwrap();
            let mut query = Query::new(Collection::Object, filter);
            query.limit = limit;
            let plan = db.explain(query).await.unwrap();
            (plan.documents_examined, plan.returned)
        };
        assert_eq!(examined(0, None).await, (4_000, 4_000));
        let (first, returned) = examined(5, Some(1)).await;
        assert!(first <= 256 && returned == 1, "{first}");
        let (late, returned) = examined(3_000, Some(1)).await;
        assert!((3_000..=4_000).contains(&late) && returned == 1, "{late}");
        db.close().await.unwrap();
    });
}
