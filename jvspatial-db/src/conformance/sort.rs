//! Answers come in the order that is asked for.

use std::sync::Arc;

use bson::{Bson, Document, doc};

use super::support::{filter, ops};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::filter::Filter;
use crate::id::Collection;
use crate::query::Query;
use crate::sort::{Position, Sort};

/// Stores one document for each value, called by its place.
async fn store(db: &dyn Database, values: impl IntoIterator<Item = Document>) {
    let mut batch = ops(db);
    for (number, value) in values.into_iter().enumerate() {
        batch = batch.insert(&format!("o.Value.{number:04}"), &value);
    }
    batch.done().await;
}

fn all(sort: &Document) -> Query {
    Query::new(Collection::Object, Filter::all()).sort(Sort::parse(sort).expect("a sort"))
}

/// The places of what a query finds, as they come.
async fn order(db: &dyn Database, query: Query) -> Vec<usize> {
    let found = db.find(query).await.expect("find").try_collect().await.expect("documents");
    let place = |id: String| id["o.Value.".len()..].parse().expect("a number");
    found.iter().map(|document| place(document.id.to_string())).collect()
}

pub async fn types_come_in_their_order(db: Arc<dyn Database>) {
    let values = [
        Bson::MaxKey,
        Bson::Boolean(false),
        Bson::DateTime(bson::DateTime::from_millis(0)),
        Bson::ObjectId(bson::oid::ObjectId::from_bytes([0; 12])),
        Bson::Array(vec![Bson::Array(Vec::new())]),
        Bson::Document(doc! {}),
        Bson::String(String::new()),
        Bson::Int32(i32::MIN),
        Bson::Null,
        Bson::Array(Vec::new()),
        Bson::MinKey,
    ];
    let expected: Vec<usize> = vec![10, 9, 8, 7, 6, 5, 4, 3, 1, 2, 0];
    store(&*db, values.map(|value| doc! { "v": value })).await;
    assert_eq!(order(&*db, all(&doc! { "context.v": 1 })).await, expected);
    let backward: Vec<usize> = expected.into_iter().rev().collect();
    assert_eq!(order(&*db, all(&doc! { "context.v": -1 })).await, backward);
}

pub async fn what_is_missing_stands_with_null(db: Arc<dyn Database>) {
    store(&*db, [doc! { "v": 1 }, doc! { "v": Bson::Null }, doc! {}, doc! { "v": -1 }]).await;
    assert_eq!(order(&*db, all(&doc! { "context.v": 1 })).await, [1, 2, 3, 0]);
    assert_eq!(order(&*db, all(&doc! { "context.v": -1 })).await, [0, 3, 1, 2]);
    assert_eq!(order(&*db, all(&doc! { "context.v.w": 1 })).await, [0, 1, 2, 3]);
}

pub async fn numbers_of_all_types_stand_on_one_line(db: Arc<dyn Database>) {
    let large = 1_i64 << 53;
    let values: [Bson; 7] = [
        (large + 1).into(),
        (large as f64).into(),
        0.5.into(),
        f64::NAN.into(),
        Bson::Decimal128("0.25".parse().expect("a decimal")),
        f64::NEG_INFINITY.into(),
        (-1).into(),
    ];
    store(&*db, values.map(|value| doc! { "v": value })).await;
    assert_eq!(order(&*db, all(&doc! { "context.v": 1 })).await, [3, 5, 6, 4, 2, 1, 0]);
}

pub async fn an_array_stands_where_its_smallest_or_largest_element_does(db: Arc<dyn Database>) {
    let values = [doc! { "v": [5, 1] }, doc! { "v": 2 }, doc! { "v": [4, 3] }, doc! { "v": [] }];
    store(&*db, values).await;
    assert_eq!(order(&*db, all(&doc! { "context.v": 1 })).await, [3, 0, 1, 2]);
    assert_eq!(order(&*db, all(&doc! { "context.v": -1 })).await, [0, 2, 1, 3]);
}

pub async fn keys_decide_one_after_the_other(db: Arc<dyn Database>) {
    let values = [(2, 1), (1, 1), (2, 3), (1, 2), (2, 2)];
    store(&*db, values.map(|(a, b)| doc! { "a": a, "b": { "c": b } })).await;
    let sort = doc! { "context.a": 1, "context.b.c": -1 };
    assert_eq!(order(&*db, all(&sort)).await, [3, 1, 2, 4, 0]);
}

pub async fn ties_come_in_the_order_of_ids(db: Arc<dyn Database>) {
    store(&*db, (0..20).map(|number| doc! { "v": number % 2 })).await;
    let expected: Vec<usize> = (0..20).step_by(2).chain((1..20).step_by(2)).collect();
    assert_eq!(order(&*db, all(&doc! { "context.v": 1 })).await, expected);
    let expected: Vec<usize> = (1..20).step_by(2).chain((0..20).step_by(2)).collect();
    assert_eq!(order(&*db, all(&doc! { "context.v": -1 })).await, expected);
    let expected: Vec<usize> = (0..20).rev().collect();
    assert_eq!(order(&*db, all(&doc! { "_id": -1, "context.v": 1 })).await, expected);
}

pub async fn fields_of_the_envelope_are_keys(db: Arc<dyn Database>) {
    let batch = ops(&*db).insert_at("o.B.a", 7, &doc! {}).insert_at("o.A.b", 3, &doc! {});
    batch.insert_at("o.B.c", 5, &doc! {}).done().await;
    for (sort, expected) in [
        (doc! { "_version": 1 }, ["o.A.b", "o.B.c", "o.B.a"]),
        (doc! { "entity": -1 }, ["o.B.a", "o.B.c", "o.A.b"]),
        (doc! { "_id": -1 }, ["o.B.c", "o.B.a", "o.A.b"]),
    ] {
        let found =
            db.find(all(&sort)).await.expect("find").try_collect().await.expect("documents");
        let ids: Vec<String> = found.iter().map(|document| document.id.to_string()).collect();
        assert_eq!(ids, expected, "{sort}");
        assert_eq!(found[0].version.get() % 2, 1, "the envelope is whole");
    }
}

pub async fn skip_and_limit_cut_the_order(db: Arc<dyn Database>) {
    store(&*db, (0..3_000).map(|number| doc! { "v": number * 7_919 % 3_000 })).await;
    let whole = order(&*db, all(&doc! { "context.v": 1 })).await;
    assert_eq!(whole.len(), 3_000);
    for (skip, limit) in [(0, 5), (10, 5), (2_998, 5), (5_000, 5), (0, 2_999), (7, 0)] {
        let query = all(&doc! { "context.v": 1 }).skip(skip).limit(limit);
        let expected: Vec<usize> =
            whole.iter().copied().skip(skip as usize).take(limit as usize).collect();
        assert_eq!(order(&*db, query).await, expected, "skip {skip}, limit {limit}");
    }
}

pub async fn only_matches_are_sorted(db: Arc<dyn Database>) {
    store(&*db, (0..10).map(|number| doc! { "v": -number, "w": number % 3 })).await;
    let query = Query::new(Collection::Object, filter(&doc! { "context.w": 1 }));
    let query = query.sort(Sort::parse(&doc! { "context.v": 1 }).expect("a sort"));
    assert_eq!(order(&*db, query).await, [7, 4, 1]);
}

pub async fn an_order_goes_on_from_a_position_both_ways(db: Arc<dyn Database>) {
    store(&*db, (0..30).map(|number| doc! { "v": [number % 4, 9 - number % 3] })).await;
    for sort in [doc! { "context.v": 1 }, doc! { "context.v": -1, "_id": -1 }, doc! { "_id": 1 }] {
        let whole = order(&*db, all(&sort)).await;
        let found =
            db.find(all(&sort)).await.expect("find").try_collect().await.expect("documents");
        for at in [0, 13, 29] {
            let position = Position::of(&all(&sort).sort, &found[at]).expect("a position");
            let after = all(&sort).after(position.clone());
            assert_eq!(order(&*db, after).await, whole[at + 1..], "{sort} after {at}");
            let before = all(&sort).before(position.clone());
            assert_eq!(order(&*db, before.clone()).await, whole[..at], "{sort} before {at}");
            let mut nearest = order(&*db, before.reversed().limit(5)).await;
            nearest.reverse();
            assert_eq!(nearest, whole[at.saturating_sub(5)..at], "{sort} next to {at}");
            let itself = position.inclusive(true);
            let only = order(&*db, all(&sort).after(itself.clone()).before(itself)).await;
            assert_eq!(only, [whole[at]], "{sort} at {at}");
        }
    }
}

pub async fn a_sorted_cursor_does_not_see_later_writes(db: Arc<dyn Database>) {
    store(&*db, (0..600).map(|number| doc! { "v": -number })).await;
    let mut cursor = db.find(all(&doc! { "context.v": 1 })).await.expect("find");
    let first = cursor.try_next().await.expect("a document").expect("a document");
    assert_eq!(first.id.to_string(), "o.Value.0599");
    let batch = ops(&*db).delete("o.Value.0000").update("o.Value.0001", 1, &doc! { "v": -9_999 });
    batch.insert("o.Value.9999", &doc! { "v": 1 }).done().await;
    let rest = cursor.try_collect().await.expect("documents");
    let ids: Vec<String> = rest.iter().map(|document| document.id.to_string()).collect();
    let expected: Vec<String> = (0..599).rev().map(|place| format!("o.Value.{place:04}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(rest[597].version.get(), 1);
}

pub async fn two_arrays_at_once_are_invalid(db: Arc<dyn Database>) {
    store(&*db, [doc! { "a": 1, "b": [1] }, doc! { "a": [1], "b": [1] }]).await;
    let query = all(&doc! { "context.a": 1, "context.b": 1 });
    let error = match db.find(query).await {
        Ok(cursor) => cursor.try_collect().await.expect_err("a sort by two arrays"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("id"), Some("o.Value.0001"));
}
