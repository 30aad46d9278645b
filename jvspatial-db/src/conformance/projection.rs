//! Only the fields that are asked for are returned.

use std::sync::Arc;

use bson::{Document, doc};

use super::support::{fields, filter, ops};
use crate::database::Database;
use crate::filter::Filter;
use crate::id::Collection;
use crate::projection::Projection;
use crate::query::Query;
use crate::sort::Sort;

async fn store(db: &dyn Database) {
    let first = doc! {
        "name": "Oslo",
        "address": { "city": "Gardermoen", "zip": "2060" },
        "runways": [{ "length": 3_600, "width": 45 }, { "width": 30 }, "closed"],
    };
    let batch = ops(db).insert("n.Airport.a", &first).insert("n.Airport.b", &doc! { "name": "b" });
    batch.edge("e.Flight.a", "n.Airport.a", "n.Airport.b").done().await;
}

/// The bodies that a projection leaves of the nodes, by id.
async fn project(db: &dyn Database, projection: &Document) -> Vec<Document> {
    let projection = Projection::parse(projection).expect("a projection");
    let query = Query::new(Collection::Node, Filter::all()).sort(Sort::by_id()).project(projection);
    let found = db.find(query).await.expect("find").try_collect().await.expect("documents");
    found.iter().map(fields).collect()
}

pub async fn an_inclusion_returns_the_named_fields(db: Arc<dyn Database>) {
    store(&*db).await;
    let found = project(&*db, &doc! { "context.name": 1, "context.address.city": 1 }).await;
    let first = doc! { "name": "Oslo", "address": { "city": "Gardermoen" } };
    assert_eq!(found, [first, doc! { "name": "b" }]);
    assert_eq!(project(&*db, &doc! { "context.nothing": 1 }).await, [doc! {}, doc! {}]);
}

pub async fn an_exclusion_returns_the_others(db: Arc<dyn Database>) {
    store(&*db).await;
    let found = project(&*db, &doc! { "context.runways": 0, "context.address.city": 0 }).await;
    let first = doc! { "name": "Oslo", "address": { "zip": "2060" } };
    assert_eq!(found, [first, doc! { "name": "b" }]);
    assert_eq!(project(&*db, &doc! { "context": 0 }).await, [doc! {}, doc! {}]);
}

pub async fn a_projection_goes_through_arrays(db: Arc<dyn Database>) {
    store(&*db).await;
    let found = project(&*db, &doc! { "context.runways.length": 1 }).await;
    assert_eq!(found[0], doc! { "runways": [{ "length": 3_600 }, {}] });
    let found = project(&*db, &doc! { "context.runways.length": 0 }).await;
    let left = found[0].get_array("runways").expect("an array");
    assert_eq!(
        left,
        doc! { "r": [{ "width": 45 }, { "width": 30 }, "closed"] }.get_array("r").expect("r")
    );
}

pub async fn the_envelope_is_whole_whatever_is_projected(db: Arc<dyn Database>) {
    store(&*db).await;
    for projection in [doc! { "_id": 1 }, doc! { "_id": 0, "context": 0 }, doc! { "context.x": 1 }]
    {
        let projection = Projection::parse(&projection).expect("a projection");
        let query = Query::new(Collection::Edge, Filter::all()).project(projection);
        let found = db.find(query).await.expect("find").try_collect().await.expect("documents");
        let ends = found[0].ends.clone().expect("ends");
        assert_eq!((found[0].id.to_string().as_str(), found[0].version.get()), ("e.Flight.a", 1));
        assert_eq!(
            (ends.source.to_string(), ends.target.to_string()),
            ("n.Airport.a".into(), "n.Airport.b".into())
        );
        assert_eq!(fields(&found[0]), doc! {});
    }
}

pub async fn filters_and_sorts_see_what_is_not_returned(db: Arc<dyn Database>) {
    let values = [3, 1, 2].map(|n| (format!("o.Value.{n}"), doc! { "n": n, "m": -n }));
    let batch = values.iter().fold(ops(&*db), |batch, (id, value)| batch.insert(id, value));
    batch.done().await;
    let projection = Projection::parse(&doc! { "context.n": 1 }).expect("a projection");
    let query = Query::new(Collection::Object, filter(&doc! { "context.m": { "$lt": -1 } }));
    let query =
        query.sort(Sort::parse(&doc! { "context.m": 1 }).expect("a sort")).project(projection);
    let found = db.find(query).await.expect("find").try_collect().await.expect("documents");
    assert_eq!(found.iter().map(fields).collect::<Vec<_>>(), [doc! { "n": 3 }, doc! { "n": 2 }]);
}
