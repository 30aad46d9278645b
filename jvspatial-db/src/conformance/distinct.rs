//! The values of a field, each once.

use std::sync::Arc;

use bson::{Bson, Document, doc};

use super::support::{filter, ops};
use crate::database::Database;
use crate::filter::{FieldPath, Filter};
use crate::id::Collection;

async fn store(db: &dyn Database, values: impl IntoIterator<Item = Document>) {
    let mut batch = ops(db);
    for (number, value) in values.into_iter().enumerate() {
        batch = batch.insert(&format!("o.Value.{number:02}"), &value);
    }
    batch.done().await;
}

async fn distinct(db: &dyn Database, path: &str) -> Vec<Bson> {
    let path = FieldPath::parse(path).expect("a path");
    db.distinct(Collection::Object, &path, &Filter::all()).await.expect("values")
}

fn array(document: &Document) -> Vec<Bson> {
    document.get_array("v").expect("an array").clone()
}

pub async fn each_value_comes_once_in_order(db: Arc<dyn Database>) {
    let values = ["b", "a", "b", "c", "a"].map(|value| doc! { "v": value });
    store(&*db, values.into_iter().chain([doc! { "v": 7 }, doc! { "v": Bson::Null }, doc! {}]))
        .await;
    assert_eq!(
        distinct(&*db, "context.v").await,
        array(&doc! { "v": [Bson::Null, 7, "a", "b", "c"] })
    );
    assert_eq!(distinct(&*db, "context.nothing").await, []);
    assert_eq!(distinct(&*db, "entity").await, array(&doc! { "v": ["Value"] }));
}

pub async fn equal_numbers_of_different_types_are_one_value(db: Arc<dyn Database>) {
    store(&*db, [doc! { "v": 1.0 }, doc! { "v": 1 }, doc! { "v": 2 }, doc! { "v": 2.0 }]).await;
    let found = distinct(&*db, "context.v").await;
    assert_eq!(found, [Bson::Double(1.0), Bson::Double(2.0)], "the same one on every backend");
}

pub async fn elements_stand_for_their_array(db: Arc<dyn Database>) {
    let values = [doc! { "v": [3, [1], 2] }, doc! { "v": [] }, doc! { "v": 3 }];
    store(&*db, values).await;
    assert_eq!(distinct(&*db, "context.v").await, array(&doc! { "v": [2, 3, [1]] }));
    assert_eq!(distinct(&*db, "context.v.0").await, array(&doc! { "v": [3] }));
}

pub async fn a_path_goes_through_arrays(db: Arc<dyn Database>) {
    let values = [
        doc! { "v": [{ "a": 1 }, { "a": [2, 3] }, { "b": 9 }, 4] },
        doc! { "v": { "a": 5 } },
        doc! { "v": [[{ "a": 6 }]] },
    ];
    store(&*db, values).await;
    assert_eq!(distinct(&*db, "context.v.a").await, array(&doc! { "v": [1, 2, 3, 5] }));
}

pub async fn only_matches_are_looked_at(db: Arc<dyn Database>) {
    store(&*db, (0..9).map(|number| doc! { "v": number, "w": number % 3 })).await;
    let path = FieldPath::parse("context.v").expect("a path");
    let condition = filter(&doc! { "context.w": 1 });
    let found = db.distinct(Collection::Object, &path, &condition).await.expect("values");
    assert_eq!(found, array(&doc! { "v": [1, 4, 7] }));
    let found = db.distinct(Collection::Node, &path, &condition).await.expect("values");
    assert_eq!(found, []);
}
