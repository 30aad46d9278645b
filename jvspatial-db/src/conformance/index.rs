//! Indexes: what they refuse, how long they last, and that they change no answer.

use std::sync::Arc;

use bson::{Bson, Document as Fields, doc};

use super::support::{duplicate, entity, filter, missing, ops, replaced, written};
use crate::database::Database;
use crate::entity_name::EntityName;
use crate::error::ErrorKind;
use crate::filter::FieldPath;
use crate::id::Collection;
use crate::indexes::{IndexKey, IndexSpec, Stage};
use crate::query::Query;

/// An index as a document says it.
pub(super) fn spec(document: &Fields) -> IndexSpec {
    IndexSpec::parse(document).expect("a declaration")
}

pub(super) async fn create(db: &dyn Database, of: Option<EntityName>, key: &Fields, unique: bool) {
    let spec = spec(&doc! { "key": key, "unique": unique });
    db.create_index(Collection::Node, of, spec).await.expect("an index");
}

/// The ids of the nodes that match, in order.
pub(super) async fn found(db: &dyn Database, asked: &Fields) -> Vec<String> {
    let cursor = db.find(Query::new(Collection::Node, filter(asked))).await.expect("find");
    let documents = cursor.try_collect().await.expect("documents");
    let mut ids: Vec<String> = documents.into_iter().map(|found| found.id.to_string()).collect();
    ids.sort_unstable();
    ids
}

pub(super) async fn hundred(db: &dyn Database) {
    let mut ops = ops(db);
    for n in 0..100 {
        let state = ["AK", "AL", "AR", "AZ"][n as usize % 4];
        ops = ops.insert(&format!("n.City.c{n:03}"), &doc! { "state": state, "latitude": n / 2 });
    }
    assert!(ops.write().await.is_complete());
}

pub async fn an_index_answers_what_a_scan_answers(db: Arc<dyn Database>) {
    hundred(&*db).await;
    let questions = [
        doc! { "entity": "City", "context.state": "AK", "context.latitude": { "$gte": 40 } },
        doc! { "context.state": { "$in": ["AK", "AZ", "ZZ"] }, "context.latitude": 7 },
        doc! { "context.latitude": { "$gt": 3.5, "$lte": 6 } },
        doc! { "context.latitude": { "$gte": 10 }, "context.state": { "$lt": "AL" } },
        doc! { "context.state": "AK", "_version": 1, "context.none": null },
        doc! { "context.state": null },
        doc! { "context.state": { "$gte": null } },
        doc! { "$or": [{ "context.state": "AK" }, { "context.latitude": 3 }] },
    ];
    let mut scanned = Vec::new();
    for question in &questions {
        scanned.push(found(&*db, question).await);
    }
    create(&*db, None, &doc! { "context.state": 1, "context.latitude": -1 }, false).await;
    create(&*db, Some(entity("City")), &doc! { "context.latitude": 1 }, false).await;
    for (question, expected) in questions.iter().zip(&scanned) {
        assert_eq!(found(&*db, question).await, *expected, "{question}");
        let count = db.count(Collection::Node, &filter(question)).await.expect("a count");
        assert_eq!(count, expected.len() as u64, "{question}");
    }
}

pub async fn an_explanation_names_the_index_and_its_bounds(db: Arc<dyn Database>) {
    hundred(&*db).await;
    let asked = doc! { "context.state": "AK", "context.latitude": { "$gte": 40, "$lt": 44 } };
    let query = Query::new(Collection::Node, filter(&asked));
    let scan = db.explain(query.clone()).await.expect("an explanation");
    assert_eq!((scan.stage, scan.index, scan.returned), (Stage::CollectionScan, None, 2));
    assert_eq!((scan.documents_examined, scan.keys_examined), (100, 0));
    create(&*db, None, &doc! { "context.state": 1, "context.latitude": -1 }, false).await;
    let plan = db.explain(query.clone()).await.expect("an explanation");
    assert_eq!(plan.stage, Stage::IndexScan);
    assert_eq!(plan.index.as_deref(), Some("context.state_1_context.latitude_-1"));
    assert_eq!((plan.keys_examined, plan.documents_examined, plan.returned), (2, 2, 2));
    let bounds: Vec<_> = plan.bounds.into_iter().map(|of| (of.path, of.intervals)).collect();
    let expected = [
        ("context.state".to_owned(), vec![r#"["AK", "AK"]"#.to_owned()]),
        ("context.latitude".to_owned(), vec!["[40, 44)".to_owned()]),
    ];
    assert_eq!(bounds, expected);
    let uses = db.indexes(Collection::Node).await.expect("indexes").remove(0).uses;
    assert!(uses >= 1);
}

pub async fn a_hint_forces_an_index_and_one_that_cannot_be_followed_is_invalid(
    db: Arc<dyn Database>,
) {
    hundred(&*db).await;
    create(&*db, None, &doc! { "context.latitude": 1 }, false).await;
    create(&*db, None, &doc! { "context.state": 1 }, false).await;
    let sparse = spec(&doc! { "key": { "context.sparse": 1 }, "sparse": true });
    db.create_index(Collection::Node, None, sparse).await.expect("an index");
    let asked = filter(&doc! { "context.state": "AK", "context.latitude": 4 });
    let query = Query::new(Collection::Node, asked);
    for name in ["context.state_1", "context.latitude_1"] {
        let plan = db.explain(query.clone().hint(name)).await.expect("an explanation");
        assert_eq!((plan.index.as_deref(), plan.returned), (Some(name), 1));
    }
    for name in ["context.none_1", "context.sparse_1"] {
        let error = db.find(query.clone().hint(name)).await.expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
    }
}

pub async fn an_index_follows_every_change(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.v": 1 }, false).await;
    let asked = doc! { "context.v": { "$gte": 5 } };
    ops(&*db)
        .insert("n.City.a", &doc! { "v": 5 })
        .insert("n.City.b", &doc! { "v": 4 })
        .insert("n.City.c", &doc! { "v": [1, 9, 9.5] })
        .done()
        .await;
    assert_eq!(found(&*db, &asked).await, ["n.City.a", "n.City.c"]);
    ops(&*db)
        .update("n.City.a", 1, &doc! { "v": 1 })
        .update("n.City.b", 1, &doc! { "v": 6 })
        .done()
        .await;
    assert_eq!(found(&*db, &asked).await, ["n.City.b", "n.City.c"]);
    ops(&*db).delete("n.City.c").put("n.City.a", 7, &doc! { "v": 8 }).done().await;
    assert_eq!(found(&*db, &asked).await, ["n.City.a", "n.City.b"]);
    // Twice in one batch, and away and back.
    ops(&*db)
        .update("n.City.b", 2, &doc! { "v": 1 })
        .update("n.City.b", 3, &doc! { "v": 7 })
        .delete("n.City.a")
        .insert("n.City.a", &doc! { "v": 0 })
        .done()
        .await;
    assert_eq!(found(&*db, &asked).await, ["n.City.b"]);
    assert_eq!(db.count(Collection::Node, &filter(&asked)).await.expect("a count"), 1);
}

pub async fn an_array_is_found_by_each_element_and_once(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.v": 1 }, false).await;
    ops(&*db)
        .insert("n.City.a", &doc! { "v": [1, 5, 6] })
        .insert("n.City.b", &doc! { "v": [] })
        .insert("n.City.c", &doc! { "v": [[5]] })
        .insert("n.City.d", &doc! { "v": 2 })
        .done()
        .await;
    assert_eq!(found(&*db, &doc! { "context.v": { "$gte": 0 } }).await, ["n.City.a", "n.City.d"]);
    // Each bound may be met by another element.
    let apart = doc! { "context.v": { "$lt": 3, "$gt": 5 } };
    assert_eq!(found(&*db, &apart).await, ["n.City.a"]);
    assert_eq!(found(&*db, &doc! { "context.v": [5] }).await, ["n.City.c"]);
    assert_eq!(found(&*db, &doc! { "context.v": [] }).await, ["n.City.b"]);
    let all = filter(&doc! { "context.v": { "$gte": 0 } });
    assert_eq!(db.count(Collection::Node, &all).await.expect("a count"), 2);
    assert!(db.indexes(Collection::Node).await.expect("indexes").remove(0).is_multikey);
}

pub async fn a_taken_key_is_a_duplicate_that_names_index_and_owner(db: Arc<dyn Database>) {
    create(&*db, Some(entity("City")), &doc! { "context.code": 1 }, true).await;
    let taken = duplicate("context.code_1", "n.City.a");
    let report = ops(&*db)
        .insert("n.City.a", &doc! { "code": 1 })
        .insert("n.City.b", &doc! { "code": 1.0 })
        .insert("n.Port.c", &doc! { "code": 1 })
        .insert("n.City.d", &doc! { "code": [2, 2, 3] })
        .write()
        .await;
    assert_eq!(report.outcomes, [written(1), taken.clone(), written(1), written(1)]);
    let report = ops(&*db)
        .update("n.City.d", 1, &doc! { "code": [1, 2] })
        .put("n.City.e", 1, &doc! { "code": 1 })
        .update("n.City.a", 1, &doc! { "code": 1, "more": true })
        .put("n.City.a", 9, &doc! { "code": 1 })
        .write()
        .await;
    assert_eq!(report.outcomes, [taken.clone(), taken, written(2), replaced(9, 2)]);
}

pub async fn a_key_is_free_once_its_owner_lets_go_of_it(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.code": 1 }, true).await;
    let report = ops(&*db)
        .insert("n.City.a", &doc! { "code": 1 })
        .delete("n.City.a")
        .insert("n.City.b", &doc! { "code": 1 })
        .update("n.City.b", 1, &doc! { "code": 2 })
        .insert("n.City.c", &doc! { "code": 1 })
        .insert("n.City.d", &doc! { "code": 2 })
        .write()
        .await;
    let taken = duplicate("context.code_1", "n.City.b");
    let expected = [written(1), written(2), written(1), written(2), written(1), taken];
    assert_eq!(report.outcomes, expected);
    let report = ops(&*db).delete("n.City.b").insert("n.City.d", &doc! { "code": 2 }).write().await;
    assert_eq!(report.outcomes, [written(3), written(1)]);
}

pub async fn a_missing_field_is_null_and_unique_unless_sparse_or_partial(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.a": 1 }, true).await;
    let sparse = spec(&doc! { "key": { "context.b": 1 }, "unique": true, "sparse": true });
    db.create_index(Collection::Node, None, sparse).await.expect("an index");
    let partial = spec(&doc! {
        "key": { "context.c": 1 },
        "unique": true,
        "partialFilterExpression": { "context.c": { "$gt": 10 } },
    });
    db.create_index(Collection::Node, None, partial).await.expect("an index");
    let report = ops(&*db)
        .insert("n.City.a", &doc! { "c": 1 })
        .insert("n.City.b", &doc! { "a": null, "c": 1 })
        .insert("n.City.c", &doc! { "a": 1, "c": 11 })
        .insert("n.City.d", &doc! { "a": 2, "c": 11 })
        .insert("n.City.e", &doc! { "a": 3, "b": null })
        .insert("n.City.f", &doc! { "a": 4, "b": null })
        .write()
        .await;
    let expected = [
        written(1),
        duplicate("context.a_1", "n.City.a"),
        written(1),
        duplicate("context.c_1", "n.City.c"),
        written(1),
        duplicate("context.b_1", "n.City.e"),
    ];
    assert_eq!(report.outcomes, expected);
    // Neither may answer what it does not hold.
    assert_eq!(found(&*db, &doc! { "context.b": null }).await.len(), 3);
    assert_eq!(found(&*db, &doc! { "context.c": { "$gte": 1 } }).await, ["n.City.a", "n.City.c"]);
    assert_eq!(found(&*db, &doc! { "context.c": { "$gte": 11 } }).await, ["n.City.c"]);
}

pub async fn an_atomic_batch_that_fails_leaves_the_index_as_it_was(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.v": 1 }, true).await;
    ops(&*db).insert("n.City.a", &doc! { "v": 1 }).done().await;
    let report = ops(&*db)
        .atomic()
        .insert("n.City.b", &doc! { "v": 2 })
        .update("n.City.a", 1, &doc! { "v": 3 })
        .delete("n.City.c")
        .write()
        .await;
    assert_eq!(report.outcomes[2], missing("n.City.c"));
    assert_eq!(found(&*db, &doc! { "context.v": { "$gt": 0 } }).await, ["n.City.a"]);
    assert_eq!(found(&*db, &doc! { "context.v": 3 }).await, [""; 0]);
    let report = ops(&*db).insert("n.City.b", &doc! { "v": 3 }).write().await;
    assert!(report.is_complete());
}

pub async fn violations_of_what_is_there_are_listed_and_leave_no_index(db: Arc<dyn Database>) {
    for pair in 0..12 {
        for half in ["a", "b"] {
            ops(&*db).insert(&format!("n.City.{half}{pair:02}"), &doc! { "v": pair }).done().await;
        }
    }
    let unique = spec(&doc! { "key": { "context.v": 1 }, "unique": true });
    let error = db.create_index(Collection::Node, None, unique).await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.context("violations"), Some("12"));
    let listed = error.context("documents").expect("documents");
    assert!(listed.starts_with("n.City.a00 and n.City.b00, n.City.a01"), "{listed}");
    assert_eq!(listed.matches(" and ").count(), 10, "{listed}");
    assert!(db.indexes(Collection::Node).await.expect("indexes").is_empty());
}

pub async fn indexes_of_one_name_differ_by_collection_and_type(db: Arc<dyn Database>) {
    let plain = spec(&doc! { "key": { "context.v": 1 } });
    let unique = plain.clone().unique(true);
    for of in [None, Some(entity("City")), Some(entity("Port"))] {
        db.create_index(Collection::Node, of, plain.clone()).await.expect("an index");
        db.create_index(Collection::Node, of, plain.clone()).await.expect("the same index");
    }
    db.create_index(Collection::Object, None, unique.clone()).await.expect("an index");
    let error = db.create_index(Collection::Node, None, unique).await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(db.indexes(Collection::Node).await.expect("indexes").len(), 3);
    let city = Some(entity("City"));
    assert!(db.drop_index(Collection::Node, city, "context.v_1").await.expect("a drop"));
    assert!(!db.drop_index(Collection::Node, city, "context.v_1").await.expect("a drop"));
    let left = db.indexes(Collection::Node).await.expect("indexes");
    assert_eq!(left.iter().map(|of| of.entity).collect::<Vec<_>>(), [None, Some(entity("Port"))]);
}

pub async fn a_document_that_an_index_cannot_hold_is_refused_with_its_batch(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.a": 1, "context.b": 1 }, false).await;
    let both = doc! { "a": [1], "b": [2] };
    let batch = ops(&*db).nodes(&["n.City.a"]).insert("n.City.b", &both).into_batch();
    let error = db.write(batch).await.expect_err("a refusal");
    assert_eq!((error.kind(), error.context("id")), (ErrorKind::Invalid, Some("n.City.b")));
    let long = doc! { "a": "x".repeat(5_000) };
    let error =
        db.write(ops(&*db).insert("n.City.b", &long).into_batch()).await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(found(&*db, &doc! {}).await, [""; 0]);
}

pub async fn a_cursor_by_an_index_does_not_see_later_writes(db: Arc<dyn Database>) {
    create(&*db, None, &doc! { "context.v": 1 }, false).await;
    let mut first = ops(&*db);
    for n in 0..600 {
        first = first.insert(&format!("n.City.c{n:03}"), &doc! { "v": n });
    }
    first.done().await;
    let asked = filter(&doc! { "context.v": { "$gte": 0 } });
    let mut cursor = db.find(Query::new(Collection::Node, asked.clone())).await.expect("find");
    cursor.try_next().await.expect("a document");
    let mut second = ops(&*db);
    for n in 0..600 {
        let id = format!("n.City.c{n:03}");
        second = match n % 3 {
            0 => second.delete(&id),
            1 => second.update(&id, 1, &doc! { "v": 599 - n }),
            _ => second.insert(&format!("n.City.d{n:03}"), &doc! { "v": n }),
        };
    }
    second.done().await;
    let seen = cursor.try_collect().await.expect("documents");
    assert_eq!(seen.len(), 599);
    assert!(seen.iter().all(|document| document.version.get() == 1));
    assert_eq!(db.count(Collection::Node, &asked).await.expect("a count"), 600);
    assert_eq!(found(&*db, &doc! { "context.v": { "$gte": 0 } }).await.len(), 600);
}

pub async fn edges_are_indexed_by_their_ends(db: Arc<dyn Database>) {
    ops(&*db)
        .nodes(&["n.City.a", "n.City.b"])
        .edge("e.Road.1", "n.City.a", "n.City.b")
        .done()
        .await;
    let on_source = IndexKey::ascending(FieldPath::parse("source").expect("a path"));
    let spec = IndexSpec::new([on_source]).expect("a declaration");
    db.create_index(Collection::Edge, None, spec).await.expect("an index");
    ops(&*db)
        .update("e.Road.1", 1, &doc! { "km": 3 })
        .edge("e.Road.2", "n.City.b", "n.City.a")
        .done()
        .await;
    let from = |id: &str| filter(&doc! { "source": Bson::from(id) });
    assert_eq!(db.count(Collection::Edge, &from("n.City.a")).await.expect("a count"), 1);
    assert_eq!(db.count(Collection::Edge, &from("n.City.b")).await.expect("a count"), 1);
    ops(&*db).detach("n.City.a").done().await;
    assert_eq!(db.count(Collection::Edge, &from("n.City.a")).await.expect("a count"), 0);
    assert_eq!(db.count(Collection::Edge, &from("n.City.b")).await.expect("a count"), 0);
}

pub async fn nodes_that_are_joined_already_come_before_a_taken_key(db: Arc<dyn Database>) {
    let on_length = spec(&doc! { "key": { "context.km": 1 }, "unique": true });
    db.create_index(Collection::Edge, None, on_length).await.expect("an index");
    let (a, b) = ("n.City.a", "n.City.b");
    // None of them has a length, which counts as one.
    let report = ops(&*db)
        .nodes(&[a, b])
        .unique_edge("e.Road.1", a, b)
        .unique_edge("e.Road.2", a, b)
        .unique_edge("e.Road.3", b, a)
        .delete("e.Road.1")
        .unique_edge("e.Road.4", b, a)
        .write()
        .await;
    let expected = [
        duplicate("connection", "e.Road.1"),
        duplicate("context.km_1", "e.Road.1"),
        written(2),
        written(1),
    ];
    assert_eq!(report.outcomes[3..], expected);
}
