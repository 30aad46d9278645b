//! Filters mean on this backend what they mean on every other.

use std::sync::Arc;

use bson::{Bson, Document, doc};

use super::support::{filter, find, ops};
use crate::database::Database;
use crate::id::Collection;
use crate::query::Query;

/// Stores one document for each value, called by its place.
async fn store(db: &dyn Database, values: impl IntoIterator<Item = Document>) {
    let mut batch = ops(db);
    for (number, value) in values.into_iter().enumerate() {
        batch = batch.insert(&format!("o.Value.{number:02}"), &value);
    }
    batch.done().await;
}

/// The places of the values that pass.
async fn passing(db: &dyn Database, condition: Document) -> Vec<usize> {
    let query = Query::new(Collection::Object, filter(&condition));
    let count = db.count(Collection::Object, &query.filter).await.expect("count");
    let found = find(db, query).await;
    assert_eq!(count, found.len() as u64, "{condition}");
    found.iter().map(|id| id["o.Value.".len()..].parse().expect("a number")).collect()
}

pub async fn comparisons_take_every_numeric_type_alike(db: Arc<dyn Database>) {
    let large = 1_i64 << 53;
    store(
        &*db,
        [
            doc! { "v": 3 },
            doc! { "v": 3.0 },
            doc! { "v": 3.5 },
            doc! { "v": large },
            doc! { "v": large + 1 },
            doc! { "v": -0.0 },
            doc! { "v": f64::NAN },
            doc! { "v": f64::INFINITY },
        ],
    )
    .await;
    assert_eq!(passing(&*db, doc! { "context.v": 3 }).await, [0, 1]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$gt": 3.0 } }).await, [2, 3, 4, 7]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$lte": 3_i64 } }).await, [0, 1, 5]);
    assert_eq!(passing(&*db, doc! { "context.v": large + 1 }).await, [4]);
    assert_eq!(passing(&*db, doc! { "context.v": large as f64 }).await, [3]);
    assert_eq!(passing(&*db, doc! { "context.v": 0 }).await, [5]);
    assert_eq!(passing(&*db, doc! { "context.v": f64::NAN }).await, [6]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$gte": 3, "$lt": 4 } }).await, [0, 1, 2]);
}

pub async fn comparisons_never_cross_types(db: Arc<dyn Database>) {
    let date = bson::DateTime::from_millis(1_000);
    store(
        &*db,
        [
            doc! { "v": 5 },
            doc! { "v": "5" },
            doc! { "v": true },
            doc! { "v": date },
            doc! { "v": { "a": 1 } },
            doc! { "v": null },
            doc! {},
        ],
    )
    .await;
    assert_eq!(passing(&*db, doc! { "context.v": { "$gte": 0 } }).await, [0]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$gte": "" } }).await, [1]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$gte": false } }).await, [2]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$lte": date } }).await, [3]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$gte": {} } }).await, [4]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$ne": 5 } }).await, [1, 2, 3, 4, 5, 6]);
}

pub async fn null_is_also_a_missing_field(db: Arc<dyn Database>) {
    store(&*db, [doc! { "v": null }, doc! {}, doc! { "v": 0 }, doc! { "v": [null] }]).await;
    assert_eq!(passing(&*db, doc! { "context.v": null }).await, [0, 1, 3]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$ne": null } }).await, [2]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$in": [null, 0] } }).await, [0, 1, 2, 3]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$gte": null } }).await, [0, 1, 3]);
}

pub async fn an_array_matches_by_its_elements(db: Arc<dyn Database>) {
    store(
        &*db,
        [
            doc! { "v": [1, 5] },
            doc! { "v": [] },
            doc! { "v": 5 },
            doc! { "v": [[5]] },
            doc! { "v": ["a", 9] },
        ],
    )
    .await;
    assert_eq!(passing(&*db, doc! { "context.v": 5 }).await, [0, 2]);
    assert_eq!(passing(&*db, doc! { "context.v": [5] }).await, [3]);
    assert_eq!(passing(&*db, doc! { "context.v": [] }).await, [1]);
    // Each bound may be met by another element.
    assert_eq!(passing(&*db, doc! { "context.v": { "$lt": 2, "$gt": 4 } }).await, [0]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$ne": 5 } }).await, [1, 3, 4]);
}

pub async fn dotted_paths_lead_into_documents_and_arrays(db: Arc<dyn Database>) {
    store(
        &*db,
        [
            doc! { "a": { "b": 1 } },
            doc! { "a": [{ "b": 1 }, { "b": 2 }] },
            doc! { "a": [5, 1] },
            doc! { "a": { "b": { "c": [1, { "d": 7 }] } } },
            doc! { "b": 1 },
            doc! { "a": { "1": 1 } },
        ],
    )
    .await;
    assert_eq!(passing(&*db, doc! { "context.a.b": 1 }).await, [0, 1]);
    assert_eq!(passing(&*db, doc! { "context.a.1": 1 }).await, [2, 5]);
    assert_eq!(passing(&*db, doc! { "context.a.b.c.d": 7 }).await, [3]);
    assert_eq!(passing(&*db, doc! { "context.a.b": null }).await, [4, 5]);
    assert_eq!(passing(&*db, doc! { "a.b": 1 }).await, [0; 0]);
}

pub async fn lists_of_values_match_any_or_none(db: Arc<dyn Database>) {
    store(&*db, [doc! { "v": 1 }, doc! { "v": "x" }, doc! { "v": [2, 3] }, doc! {}]).await;
    assert_eq!(passing(&*db, doc! { "context.v": { "$in": [1, "x"] } }).await, [0, 1]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$in": [3] } }).await, [2]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$in": [] } }).await, [0; 0]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$nin": [1, 2] } }).await, [1, 3]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$nin": [] } }).await, [0, 1, 2, 3]);
}

pub async fn exists_and_type_ask_about_the_field(db: Arc<dyn Database>) {
    store(
        &*db,
        [
            doc! { "v": null },
            doc! {},
            doc! { "v": "x" },
            doc! { "v": 3_000_000_000_i64 },
            doc! { "v": [1, "y"] },
        ],
    )
    .await;
    assert_eq!(passing(&*db, doc! { "context.v": { "$exists": true } }).await, [0, 2, 3, 4]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$exists": false } }).await, [1]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$type": "string" } }).await, [2, 4]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$type": "number" } }).await, [3, 4]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$type": "long" } }).await, [3]);
    assert_eq!(passing(&*db, doc! { "context.v": { "$type": "null" } }).await, [0]);
}

pub async fn logical_operators_combine(db: Arc<dyn Database>) {
    store(&*db, (0..8).map(|n| doc! { "a": n & 1, "b": n & 2, "c": n & 4 })).await;
    let or = doc! { "$or": [{ "context.a": 1 }, { "context.b": 2 }] };
    assert_eq!(passing(&*db, or.clone()).await, [1, 2, 3, 5, 6, 7]);
    assert_eq!(passing(&*db, doc! { "$nor": [or.clone()] }).await, [0, 4]);
    assert_eq!(passing(&*db, doc! { "$and": [or, { "context.c": 0 }] }).await, [1, 2, 3]);
    assert_eq!(passing(&*db, doc! { "context.a": { "$not": { "$gt": 0 } } }).await, [0, 2, 4, 6]);
    assert_eq!(passing(&*db, doc! {}).await, [0, 1, 2, 3, 4, 5, 6, 7]);
}

pub async fn text_compares_byte_by_byte(db: Arc<dyn Database>) {
    let texts = ["", "A", "a", "aa", "e\u{301}", "é", "ﬀ", "😀"];
    store(&*db, texts.map(|text| doc! { "v": text })).await;
    let above = passing(&*db, doc! { "context.v": { "$gt": "a" } }).await;
    assert_eq!(above, [3, 4, 5, 6, 7]);
    assert_eq!(passing(&*db, doc! { "context.v": "é" }).await, [5]);
    // By code point: UTF-16 would put the surrogates of the last before the one before it.
    assert_eq!(passing(&*db, doc! { "context.v": { "$gt": "ﬀ" } }).await, [7]);
    let all = passing(&*db, doc! { "context.v": { "$gte": Bson::from("") } }).await;
    assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
}
