//! Replays orders of a MongoDB 6.0.5 server on both backends.

use std::sync::Arc;

use bson::{Bson, Document};
use jvspatial_db::{
    Collection, Database, Filter, JsonDb, JsonDbOptions, MemoryDb, Position, Query, Sort,
    WriteBatch,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    documents: Vec<Bson>,
    /// A sort and the numbers of the documents in its order; none where the server refuses.
    cases: Vec<(Document, Option<Vec<Bson>>)>,
}

/// Both backends with the documents of a group, numbered in their order.
pub(crate) async fn backends(documents: &[Bson]) -> Vec<(tempfile::TempDir, Arc<dyn Database>)> {
    let json = tempfile::tempdir().unwrap();
    let options = JsonDbOptions::new().durability(jvspatial_db::Durability::Os);
    let store = JsonDb::open(json.path().join("db"), options).await.unwrap();
    let stores: [(_, Arc<dyn Database>); 2] =
        [(tempfile::tempdir().unwrap(), Arc::new(MemoryDb::new())), (json, Arc::new(store))];
    for (_, db) in &stores {
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        for (number, document) in documents.iter().enumerate() {
            let id = format!("o.Doc.{number:04}").parse().unwrap();
            batch.insert(id, document.as_document().unwrap()).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
    }
    stores.into()
}

async fn order(db: &dyn Database, query: Query) -> jvspatial_db::Result<Vec<i64>> {
    let found = db.find(query).await?.try_collect().await?;
    let number = |id: &jvspatial_db::Id| id.to_string()["o.Doc.".len()..].parse().unwrap();
    Ok(found.iter().map(|document| number(&document.id)).collect())
}

/// Goes through the answer from a place in it, both ways, and judges the filter of the place.
async fn check_positions(
    db: &dyn Database,
    sort: &Sort,
    expected: &[i64],
    wrong: &mut Vec<String>,
) {
    let all = Query::new(Collection::Object, Filter::all()).sort(sort.clone());
    let found = db.find(all.clone()).await.unwrap().try_collect().await.unwrap();
    for at in [0, expected.len() / 2, expected.len() - 1] {
        let position = Position::of(sort, &found[at]).unwrap();
        let after = order(db, all.clone().after(position.clone())).await.unwrap();
        let before = order(db, all.clone().before(position.clone())).await.unwrap();
        let filter = position.to_filter(sort).unwrap();
        let matched =
            |document: &&jvspatial_db::Document| filter.matches(&document.to_bson().unwrap());
        let kept = found[at + 1..].iter().filter(matched).count();
        if after != expected[at + 1..] || before != expected[..at] || kept != after.len() {
            wrong.push(format!("{sort:?} from {at}: {after:?} {before:?}, filter {filter:?}"));
        }
        let backward = all.clone().reversed().before(position);
        let mut backward = order(db, backward).await.unwrap();
        backward.reverse();
        assert_eq!(backward, before, "{sort:?} backward from {at}");
    }
}

async fn replay(text: &str) -> usize {
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for (index, group) in vectors.groups.iter().enumerate() {
        for (_, db) in backends(&group.documents).await {
            for (source, expected) in &group.cases {
                let sort = Sort::parse(source).unwrap();
                assert_eq!(Sort::parse(&sort.to_document()).unwrap(), sort);
                let query = Query::new(Collection::Object, Filter::all()).sort(sort.clone());
                let answer = order(&*db, query.clone()).await.ok();
                let expected: Option<Vec<i64>> = expected.as_ref().map(|numbers| {
                    let number = |bson: &Bson| bson.as_i64().or(bson.as_i32().map(i64::from));
                    numbers.iter().map(|bson| number(bson).unwrap()).collect()
                });
                checked += 1;
                if answer != expected {
                    wrong.push(format!("group {index}, {source}: {answer:?}, server {expected:?}"));
                } else if let Some(expected) = expected {
                    let three = order(&*db, query.skip(1).limit(3)).await.unwrap();
                    assert_eq!(three, expected.iter().copied().skip(1).take(3).collect::<Vec<_>>());
                    check_positions(&*db, &sort, &expected, &mut wrong).await;
                }
            }
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "wrong answers:\n{}", wrong.join("\n"));
    checked
}

#[tokio::test]
async fn every_recorded_sort_orders_as_the_server_did() {
    let checked = replay(include_str!("../data/sort_vectors.json")).await;
    assert!(checked > 900, "only {checked} sorts were replayed");
}
