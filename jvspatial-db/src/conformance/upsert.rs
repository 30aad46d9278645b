//! Updates that make a document when none matches.

use std::sync::Arc;

use bson::{Document as Fields, doc};

use super::support::{filter, get, id, link, ops, read};
use super::update::{counts, one};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::id::Collection;
use crate::update::{Returning, Update, UpdateRequest, Upsert};

/// The upsert of a node, with `n.City.new` for an id unless the filter names one.
fn upsert(found: &Fields, update: &Fields) -> UpdateRequest {
    one(found, update).upsert(Upsert::new(id("n.City.new")))
}

fn upsert_road(found: &Fields) -> UpdateRequest {
    let update = Update::parse(&doc! { "$set": { "context.km": 3 } }).expect("an update");
    let request = UpdateRequest::one(Collection::Edge, filter(found), update);
    request.upsert(Upsert::new(id("e.Road.new")).schema(2))
}

pub async fn an_upsert_makes_a_document_of_its_filter_and_update(db: Arc<dyn Database>) {
    let found = doc! {
        "entity": "City",
        "context.name": "Oslo",
        "context.at.lat": { "$eq": 59.9 },
        "$and": [{ "context.at.long": 10.7 }, { "context.people": { "$gt": 5 } }],
        "context.kind": { "$in": ["capital"] },
        "context.tags": { "$ne": "old" },
    };
    let update = doc! {
        "$set": { "context.name": "Kristiania" },
        "$inc": { "context.visits": 1 },
        "$setOnInsert": { "context.since": 1048 },
        "$unset": { "context.kind": true },
        "$push": { "context.names": "Oslo" },
    };
    let report = db.update(upsert(&found, &update).returning(Returning::After)).await;
    let report = report.expect("an upsert");
    assert_eq!((report.matched, report.modified), (0, 0));
    assert_eq!(report.inserted, Some(id("n.City.new")));
    let expected = doc! {
        "at": { "lat": 59.9, "long": 10.7 }, "name": "Kristiania",
        "names": ["Oslo"], "since": 1048, "visits": 1,
    };
    assert_eq!(read(&*db, "n.City.new").await, (1, expected.clone()));
    let returned = report.document.expect("the document");
    assert_eq!((returned.version.get(), super::support::fields(&returned)), (1, expected));
}

pub async fn an_upsert_changes_what_matches(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! { "n": 1 }).done().await;
    let update = doc! { "$inc": { "context.n": 1 }, "$setOnInsert": { "context.made": true } };
    let report = db.update(upsert(&doc! { "context.n": 1 }, &update)).await.expect("an upsert");
    assert_eq!((report.matched, report.modified, report.inserted), (1, 1, None));
    assert_eq!(read(&*db, "n.City.a").await, (2, doc! { "n": 2 }));
    assert!(get(&*db, "n.City.new").await.is_none());
}

pub async fn an_upsert_returns_nothing_of_before(db: Arc<dyn Database>) {
    let request = upsert(&doc! { "context.n": 1 }, &doc! { "$inc": { "context.n": 1 } });
    let report = db.update(request.returning(Returning::Before)).await.expect("an upsert");
    assert!(report.document.is_none() && report.inserted.is_some());
    assert_eq!(read(&*db, "n.City.new").await, (1, doc! { "n": 2 }));
}

pub async fn an_upsert_takes_its_id_from_the_filter(db: Arc<dyn Database>) {
    let request = || {
        let update = doc! { "$inc": { "context.n": 1 } };
        let found = doc! { "_id": "n.City.chosen", "entity": "City" };
        let mut request = upsert(&found, &update);
        request.many = true;
        request
    };
    let report = db.update(request()).await.expect("an upsert");
    assert_eq!(report.inserted, Some(id("n.City.chosen")));
    assert_eq!(counts(&*db, request()).await, (1, 1));
    assert_eq!(read(&*db, "n.City.chosen").await, (2, doc! { "n": 2 }));
    assert!(get(&*db, "n.City.new").await.is_none());
}

pub async fn an_upserted_edge_joins_what_its_filter_says(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    let found = doc! { "source": "n.City.a", "target": "n.City.b", "bidirectional": true };
    let report = db.update(upsert_road(&found)).await.expect("an upsert");
    assert_eq!(report.inserted, Some(id("e.Road.new")));
    let edge = get(&*db, "e.Road.new").await.expect("an edge");
    let mut expected = link("n.City.a", "n.City.b").ends;
    expected.bidirectional = true;
    assert_eq!((edge.ends, edge.schema), (Some(expected), 2));
    let again = db.update(upsert_road(&found)).await.expect("an upsert");
    assert_eq!((again.matched, again.modified, again.inserted), (1, 0, None));
}

pub async fn an_upserted_edge_needs_both_its_ends(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a"]).done().await;
    let found = doc! { "source": "n.City.a" };
    let error = db.update(upsert_road(&found)).await.expect_err("no target");
    assert_eq!((error.kind(), error.context("field")), (ErrorKind::Invalid, Some("target")));
    let found = doc! { "source": "n.City.a", "target": "n.City.gone" };
    let error = db.update(upsert_road(&found)).await.expect_err("a missing end");
    assert_eq!((error.kind(), error.context("end")), (ErrorKind::NotFound, Some("n.City.gone")));
}

pub async fn an_upsert_that_no_document_can_be_is_refused(db: Arc<dyn Database>) {
    let update = doc! { "$set": { "context.x": 1 } };
    for (found, field) in [
        (doc! { "_version": 3 }, "_version"),
        (doc! { "_v": 2 }, "_v"),
        (doc! { "entity": "Town" }, "entity"),
        (doc! { "_id": "n.Town.a" }, "_id"),
        (doc! { "source": "n.City.a" }, "source"),
        (doc! { "name": "Oslo" }, "name"),
        (doc! { "context": 3 }, "context"),
        (doc! { "context.a": { "b": 1 }, "context.a.b": 1 }, "context.a.b"),
    ] {
        let error = db.update(upsert(&found, &update)).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.context("field"), Some(field), "{error}");
    }
    let error = db.update(upsert(&doc! { "context.x": 2 }, &doc! { "$set": { "context.x.y": 1 } }));
    assert_eq!(error.await.expect_err("refused").kind(), ErrorKind::Invalid);
    let object = one(&doc! {}, &update).upsert(Upsert::new(id("o.City.new")));
    assert_eq!(db.update(object).await.expect_err("refused").kind(), ErrorKind::Invalid);
    assert!(super::support::find_all(&*db, Collection::Node).await.is_empty());
}

pub async fn an_upsert_whose_id_another_document_has_is_a_duplicate(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! { "n": 1 }).done().await;
    let found = doc! { "_id": "n.City.a", "context.n": 2 };
    let error = db.update(upsert(&found, &doc! { "$inc": { "context.n": 1 } })).await;
    let error = error.expect_err("a duplicate");
    assert_eq!((error.kind(), error.context("index")), (ErrorKind::Duplicate, Some("_id")));
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 1 }));
}
