use bson::{Bson, Document, doc};
use jvspatial_db::{Database, Direction, Expansion, Handle};

use super::{database_with, raw_database};

fn edges() -> Vec<Document> {
    let nodes = (0..100).map(|n| {
        doc! { "_id": format!("n.City.{n}"), "_version": 1, "entity": "City", "context": {} }
    });
    let edges = (0..1_000).map(|n| {
        let mut edge = doc! {
            "_id": format!("e.Road.{n:04}"), "_version": 1, "entity": "Road", "context": { "km": n },
            "source": format!("n.City.{}", n % 100), "target": format!("n.City.{}", n % 77),
        };
        // Those of the Python library may say nothing.
        if n % 3 > 0 {
            edge.insert("bidirectional", n % 3 == 1);
        }
        edge
    });
    nodes.chain(edges).collect()
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_frontier_is_followed_by_two_searches_that_read_only_edges_against_their_direction() {
    let db = database_with("frontier", &edges()).await;
    let raw = raw_database("frontier").await;
    raw.run_command(doc! { "profile": 2 }).await.unwrap();
    let from: Vec<Handle> =
        (0..50).map(|n| Handle::new(format!("n.City.{n}").parse().unwrap())).collect();
    let mut expansion = Expansion::new(Direction::Out);
    expansion.with_edges = true;
    let found = db.neighbors(&from, &expansion).await.unwrap();
    raw.run_command(doc! { "profile": 0 }).await.unwrap();
    // Every edge of them leads on, and of every other one that can be followed back its source.
    let along = (0..1_000).filter(|n| n % 100 < 50).count();
    let against = |n: &i32| n % 77 < 50 && n % 3 < 2;
    let back = (0..1_000).filter(|n| against(n) && n % 100 != n % 77).count();
    assert_eq!(found.len(), along + back);
    let profiled = raw.collection::<Document>("system.profile");
    let asked = doc! { "$or": [
        { "op": { "$in": ["query", "getmore"] } }, { "command.aggregate": { "$exists": true } },
    ] };
    let mut cursor = profiled.find(asked).await.unwrap();
    let mut searches = Vec::new();
    while cursor.advance().await.unwrap() {
        let told = cursor.deserialize_current().unwrap();
        let searched = told.get_str("ns").unwrap().to_owned();
        searches.push((searched, told.get("docsExamined").cloned()));
    }
    let undirected = i32::try_from((0..1_000).filter(against).count()).unwrap();
    let read = |read: i32| Some(Bson::Int32(read));
    let expected =
        [("frontier.edge".to_owned(), read(undirected)), ("frontier.node".to_owned(), read(0))];
    assert_eq!(searches, expected);
    db.close().await.unwrap();
}
