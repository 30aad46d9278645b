//! Updates by MongoDB's update language.

use std::sync::Arc;

use bson::{Bson, DateTime, Document as Fields, doc};

use super::support::{fields, filter, get, link, ops, read};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::filter::Filter;
use crate::id::Collection;
use crate::update::{Returning, Update, UpdateReport, UpdateRequest};
use crate::write::{Link, WriteBatch};

/// The update of one node that matches.
pub(super) fn one(found: &Fields, update: &Fields) -> UpdateRequest {
    UpdateRequest::one(Collection::Node, filter(found), Update::parse(update).expect("an update"))
}

fn many(found: &Fields, update: &Fields) -> UpdateRequest {
    UpdateRequest::many(Collection::Node, filter(found), Update::parse(update).expect("an update"))
}

/// Matched and modified documents of an update that succeeds.
pub(super) async fn counts(db: &dyn Database, request: UpdateRequest) -> (u64, u64) {
    let UpdateReport { matched, modified, .. } = db.update(request).await.expect("an update");
    (matched, modified)
}

/// Writes nodes `n.City.a`, `n.City.b`, .. with these fields.
async fn cities(db: &dyn Database, cities: &[Fields]) {
    let mut batch = ops(db);
    for (letter, city) in ('a'..).zip(cities) {
        batch = batch.insert(&format!("n.City.{letter}"), city);
    }
    batch.done().await;
}

pub async fn an_update_of_one_changes_one_match_and_counts_its_version_up(db: Arc<dyn Database>) {
    cities(&*db, &[doc! { "n": 1 }, doc! { "n": 2 }, doc! { "n": 2 }]).await;
    let request = one(&doc! { "context.n": 2 }, &doc! { "$inc": { "context.n": 5 } });
    assert_eq!(counts(&*db, request).await, (1, 1));
    let (b, c) = (read(&*db, "n.City.b").await, read(&*db, "n.City.c").await);
    let (changed, left) = if b.0 == 2 { (b, c) } else { (c, b) };
    assert_eq!(changed, (2, doc! { "n": 7 }));
    assert_eq!(left, (1, doc! { "n": 2 }));
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 1 }));
}

pub async fn an_update_of_many_changes_each_match_once(db: Arc<dyn Database>) {
    const COUNT: usize = 1_000;
    let mut batch = ops(&*db);
    for number in 0..COUNT {
        batch = batch.insert(&format!("n.City.{number:04}"), &doc! { "n": number as i32 });
    }
    batch.insert("o.City.0000", &doc! { "n": 700 }).done().await;
    // What is changed matches again, and must not be changed again.
    let request =
        many(&doc! { "context.n": { "$gte": 500 } }, &doc! { "$inc": { "context.n": 1 } });
    assert_eq!(counts(&*db, request).await, (500, 500));
    for number in 0..COUNT {
        let changed = u64::from(number >= 500);
        let n = number as i32 + changed as i32;
        let expected = (1 + changed, doc! { "n": n });
        assert_eq!(read(&*db, &format!("n.City.{number:04}")).await, expected);
    }
    assert_eq!(read(&*db, "o.City.0000").await, (1, doc! { "n": 700 }));
}

pub async fn an_update_that_changes_nothing_writes_nothing(db: Arc<dyn Database>) {
    cities(&*db, &[doc! { "n": 1, "list": [1, 2, null] }, doc! { "n": 2, "list": [1] }]).await;
    for update in [
        doc! { "$set": { "context.n": 1 } },
        doc! { "$inc": { "context.n": 0 } },
        doc! { "$unset": { "context.x": true } },
        doc! { "$pull": { "context.list": 7 } },
        doc! { "$addToSet": { "context.list": 1 } },
        doc! { "$setOnInsert": { "context.n": 9 } },
        doc! { "$rename": { "context.x": "context.y" } },
        doc! { "$min": { "context.n": 1.0 } },
        // MongoDB counts these as modifications; here too there is nothing to write.
        doc! { "$set": { "context.n": 1_i64 } },
        doc! { "$unset": { "context.list.2": true } },
        doc! { "$push": { "context.list": { "$each": [], "$slice": 5 } } },
    ] {
        let request = one(&doc! { "_id": "n.City.a" }, &update);
        assert_eq!(counts(&*db, request).await, (1, 0), "{update}");
    }
    let request = many(&doc! {}, &doc! { "$set": { "context.n": 2 } });
    assert_eq!(counts(&*db, request).await, (2, 1));
    assert_eq!(read(&*db, "n.City.a").await, (2, doc! { "n": 2, "list": [1, 2, null] }));
    assert_eq!(read(&*db, "n.City.b").await.0, 1);
}

pub async fn an_update_that_matches_nothing_changes_nothing(db: Arc<dyn Database>) {
    cities(&*db, &[doc! { "n": 1 }]).await;
    ops(&*db).insert("o.City.a", &doc! { "n": 1 }).done().await;
    let update = doc! { "$set": { "context.n": 3 } };
    for found in [
        doc! { "context.n": 2 },
        doc! { "_id": "n.City.b" },
        doc! { "_id": "o.City.a" },
        doc! { "_id": "no id" },
        doc! { "_id": 1 },
        doc! { "_id": "n.City.a", "context.n": 2 },
    ] {
        assert_eq!(counts(&*db, one(&found, &update)).await, (0, 0), "{found}");
        assert_eq!(counts(&*db, many(&found, &update)).await, (0, 0), "{found}");
    }
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 1 }));
    assert_eq!(read(&*db, "o.City.a").await, (1, doc! { "n": 1 }));
}

pub async fn every_operator_stores_its_result(db: Arc<dyn Database>) {
    let before = doc! {
        "name": "Oslo", "old": 1, "n": 2_147_483_647, "f": 2, "low": 5, "high": 5,
        "tags": ["b", "a"], "seen": [1, 2, 3, 2], "scores": [{ "v": 3 }, { "v": 1 }],
        "queue": [1, 2], "from": { "here": true },
    };
    cities(&*db, &[before]).await;
    let update = doc! {
        "$set": { "context.name": "Bergen", "context.place.grid.0": "x" },
        "$unset": { "context.old": true },
        "$inc": { "context.n": 1, "context.fresh": -3 },
        "$mul": { "context.f": 1.5 },
        "$min": { "context.low": 4 },
        "$max": { "context.high": 6 },
        "$addToSet": { "context.tags": { "$each": ["a", "c"] } },
        "$pull": { "context.seen": { "$lte": 2 } },
        "$push": { "context.scores": { "$each": [{ "v": 2 }], "$sort": { "v": -1 }, "$slice": 2 } },
        "$pop": { "context.queue": -1 },
        "$rename": { "context.from.here": "context.to" },
        "$currentDate": { "context.at": true, "context.stamp": { "$type": "timestamp" } },
        "$setOnInsert": { "context.never": 1 },
    };
    let time = DateTime::from_millis(1_700_000_000_123);
    let request = one(&doc! { "_id": "n.City.a" }, &update).at(time);
    assert_eq!(counts(&*db, request).await, (1, 1));
    let expected = doc! {
        "name": "Bergen", "n": 2_147_483_648_i64, "f": 3.0, "low": 4, "high": 6,
        "tags": ["b", "a", "c"], "seen": [3], "scores": [{ "v": 3 }, { "v": 2 }],
        "queue": [2], "from": {}, "at": time, "fresh": -3,
        "place": { "grid": { "0": "x" } },
        "stamp": Bson::Timestamp(bson::Timestamp { time: 1_700_000_000, increment: 1 }), "to": true,
    };
    assert_eq!(read(&*db, "n.City.a").await, (2, expected));
}

pub async fn an_update_returns_the_document_before_or_after(db: Arc<dyn Database>) {
    cities(&*db, &[doc! { "n": 1 }]).await;
    let request = || one(&doc! { "_id": "n.City.a" }, &doc! { "$inc": { "context.n": 1 } });
    let shown = |report: UpdateReport| {
        report.document.map(|document| (document.version.get(), fields(&document)))
    };
    let report = db.update(request().returning(Returning::Before)).await.expect("an update");
    assert_eq!(shown(report), Some((1, doc! { "n": 1 })));
    let report = db.update(request().returning(Returning::After)).await.expect("an update");
    assert_eq!(shown(report), Some((3, doc! { "n": 3 })));
    let report = db.update(request()).await.expect("an update");
    assert_eq!(shown(report), None);
    let unchanged = one(&doc! { "_id": "n.City.a" }, &doc! { "$set": { "context.n": 4 } });
    let report = db.update(unchanged.returning(Returning::After)).await.expect("an update");
    assert_eq!((report.matched, report.modified), (1, 0));
    assert_eq!(shown(report), Some((4, doc! { "n": 4 })));
    let missing = one(&doc! { "context.n": 9 }, &doc! { "$inc": { "context.n": 1 } });
    let report = db.update(missing.returning(Returning::After)).await.expect("an update");
    assert_eq!((report.matched, shown(report)), (0, None));
}

pub async fn an_update_keeps_the_schema_and_the_ends(db: Arc<dyn Database>) {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.insert("n.City.a".parse().expect("an id"), &doc! {}).expect("an insert");
    let road = "e.Road.ab".parse().expect("an id");
    let link = Link { unique: true, ..link("n.City.a", "n.City.a") };
    batch.insert_with(road, &doc! { "km": 3 }, 7, Some(link)).expect("an edge");
    assert!(db.write(batch).await.expect("a batch").is_complete());
    let before = get(&*db, "e.Road.ab").await.expect("an edge");
    let update = Update::parse(&doc! { "$inc": { "context.km": 1 } }).expect("an update");
    let found = filter(&doc! { "source": "n.City.a" });
    let request = UpdateRequest::one(Collection::Edge, found, update);
    let report = db.update(request.returning(Returning::After)).await.expect("an update");
    let returned = report.document.expect("the edge");
    let after = get(&*db, "e.Road.ab").await.expect("an edge");
    for document in [returned, after] {
        assert_eq!((document.schema, document.version.get()), (7, 2));
        assert_eq!(document.ends, before.ends);
        assert_eq!(fields(&document), doc! { "km": 4 });
    }
}

pub async fn an_operator_that_does_not_suit_names_the_document_and_leaves_it(
    db: Arc<dyn Database>,
) {
    cities(&*db, &[doc! { "n": "one", "list": 3, "big": i64::MAX }]).await;
    for update in [
        doc! { "$inc": { "context.n": 1 } },
        doc! { "$inc": { "context.big": 1 } },
        doc! { "$mul": { "context.big": 2 } },
        doc! { "$push": { "context.list": 1 } },
        doc! { "$set": { "context.n.x": 1 } },
        doc! { "$set": { "context.a": 1, "context.n.x": 1 } },
        doc! { "$rename": { "context.n.x": "context.y" } },
    ] {
        for request in [one(&doc! {}, &update), many(&doc! {}, &update)] {
            let error = db.update(request).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert_eq!(error.context("id"), Some("n.City.a"), "{error}");
            assert!(error.context("field").is_some_and(|field| field.starts_with("context.")));
        }
    }
    assert_eq!(read(&*db, "n.City.a").await.0, 1);
}

pub async fn an_update_that_makes_a_document_too_deep_or_too_large_is_refused(
    db: Arc<dyn Database>,
) {
    cities(&*db, &[doc! { "list": [] }]).await;
    let deep = (0..60).fold(doc! {}, |inner, _| doc! { "d": inner });
    let path = format!("context{}", ".d".repeat(60));
    let by_id = doc! { "_id": "n.City.a" };
    let error = db.update(one(&by_id, &doc! { "$set": { path: deep } })).await;
    assert_eq!(error.expect_err("too deep").kind(), ErrorKind::Limit);
    let block = "x".repeat(6 << 20);
    let push = doc! { "$push": { "context.list": &block } };
    for _ in 0..2 {
        assert_eq!(counts(&*db, one(&by_id, &push)).await, (1, 1));
    }
    let error = db.update(one(&by_id, &push)).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(read(&*db, "n.City.a").await.0, 3);
}

pub async fn an_update_of_many_returns_no_document(db: Arc<dyn Database>) {
    cities(&*db, &[doc! { "n": 1 }]).await;
    let request = many(&doc! {}, &doc! { "$inc": { "context.n": 1 } });
    let error = db.update(request.returning(Returning::After)).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 1 }));
}

pub async fn a_document_without_a_version_gains_one(db: Arc<dyn Database>) {
    ops(&*db).insert_at("n.City.a", 0, &doc! { "n": 1 }).done().await;
    let request = UpdateRequest::many(
        Collection::Node,
        Filter::all(),
        Update::parse(&doc! { "$inc": { "context.n": 1 } }).expect("an update"),
    );
    assert_eq!(counts(&*db, request).await, (1, 1));
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 2 }));
}
