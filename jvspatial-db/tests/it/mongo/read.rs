use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, ErrorKind, FieldPath, Filter, Handle, Id, Version};

use super::database_with;

fn city(key: &str, context: Document) -> Document {
    doc! { "_id": format!("n.City.{key}"), "_version": 2, "entity": "City", "context": context }
}

fn handle(id: &str) -> Handle {
    Handle::new(id.parse().unwrap())
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn documents_of_every_collection_come_in_the_order_of_the_handles() {
    let stored = [
        city("oslo", doc! { "name": "Oslo" }),
        doc! { "_id": "o.Note.a", "entity": "Note", "context": { "text": "b" } },
        doc! {
            "_id": "e.Road.a", "_version": 1_i64, "entity": "Road", "context": {},
            "source": "n.City.oslo", "target": "n.City.oslo", "bidirectional": true,
        },
    ];
    let db = database_with("get_many", &stored).await;
    let asked = ["e.Road.a", "n.City.none", "n.City.oslo", "o.Note.a", "n.City.oslo"];
    let found = db.get_many(&asked.map(handle)).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|found| found.as_ref().map(|found| found.to_bson().unwrap())).collect();
    let [oslo, note, road] = stored.map(|mut stored| {
        if let Ok(version) = stored.get_i32("_version") {
            stored.insert("_version", i64::from(version));
        }
        Some(stored)
    });
    assert_eq!(found, [road, None, oslo.clone(), note, oslo]);
    assert!(db.get_many(&[]).await.unwrap().is_empty());
    db.close().await.unwrap();
    assert_eq!(db.get_many(&[handle("o.Note.a")]).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn more_documents_than_one_command_and_one_reply_hold_are_read_whole() {
    let text = "x".repeat(2_000);
    let stored: Vec<Document> =
        (0..12_000).map(|n| city(&n.to_string(), doc! { "n": n, "text": &text })).collect();
    let db = database_with("get_many_large", &stored).await;
    let asked: Vec<Handle> = (0..12_000).rev().map(|n| handle(&format!("n.City.{n}"))).collect();
    let found = db.get_many(&asked).await.unwrap();
    for (found, asked) in found.iter().zip(&asked) {
        let found = found.as_ref().unwrap();
        assert_eq!((&found.id, found.version), (asked.id(), Version::new(2)));
    }
    assert_eq!(db.count(Collection::Node, &Filter::all()).await.unwrap(), 12_000);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_document_that_is_not_ours_is_named() {
    let db = database_with("not_ours", &[doc! { "_id": "n.City.a", "context": 7 }]).await;
    let error = db.get_many(&[handle("n.City.a")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let facts = ["field", "expected", "found", "collection", "id"].map(|fact| error.context(fact));
    let expected = ["context", "a document", "Int32", "node", "\"n.City.a\""];
    assert_eq!(facts, expected.map(Some));
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_count_is_of_those_that_match() {
    let stored: Vec<Document> = (0..10).map(|n| city(&n.to_string(), doc! { "n": n })).collect();
    let db = database_with("count", &stored).await;
    for (filter, expected) in [
        (doc! {}, 10),
        (doc! { "context.n": { "$gte": 7 } }, 3),
        (doc! { "_id": "n.City.3" }, 1),
        (doc! { "context.n": { "$in": [] } }, 0),
    ] {
        let filter = Filter::parse(&filter).unwrap();
        assert_eq!(db.count(Collection::Node, &filter).await.unwrap(), expected, "{filter:?}");
    }
    assert_eq!(db.count(Collection::Object, &Filter::all()).await.unwrap(), 0);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn distinct_values_come_once_in_order_also_from_arrays_and_places_in_them() {
    let stored = [
        city("a", doc! { "n": 2.0, "legs": [{ "km": 3 }, { "km": 1 }] }),
        city("b", doc! { "n": [1_i64, 2], "legs": [7, { "km": 1 }] }),
        city("c", doc! { "n": "x" }),
    ];
    let db = database_with("distinct", &stored).await;
    for (path, expected) in [
        ("context.n", vec![Bson::Int64(1), Bson::Double(2.0), Bson::from("x")]),
        ("context.legs.km", vec![Bson::Int32(1), Bson::Int32(3)]),
        ("context.legs.1.km", vec![Bson::Int32(1)]),
        ("_id", ["n.City.a", "n.City.b", "n.City.c"].map(Bson::from).to_vec()),
        ("context.none", vec![]),
    ] {
        let path = FieldPath::parse(path).unwrap();
        let found = db.distinct(Collection::Node, &path, &Filter::all()).await.unwrap();
        assert_eq!(found, expected, "{path}");
    }
    let one = Filter::parse(&doc! { "_id": "n.City.c" }).unwrap();
    let path = FieldPath::parse("context.n").unwrap();
    let found = db.distinct(Collection::Node, &path, &one).await.unwrap();
    assert_eq!(found, [Bson::from("x")]);
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_call_that_was_dropped_leaves_the_database_usable() {
    let db = database_with("dropped", &[city("a", doc! {})]).await;
    let asked = [handle("n.City.a")];
    for _ in 0..50 {
        let call = db.get_many(&asked);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(200), call).await;
    }
    let found = db.get_many(&asked).await.unwrap();
    assert_eq!(found[0].as_ref().map(|found| &found.id), Some(&"n.City.a".parse::<Id>().unwrap()));
    db.close().await.unwrap();
}
