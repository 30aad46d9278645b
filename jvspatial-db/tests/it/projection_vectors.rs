//! Replays projections of a MongoDB 6.0.5 server on both backends.

use bson::{Bson, Document};
use jvspatial_db::{Collection, Filter, Projection, Query, Sort};
use serde::Deserialize;

use crate::sort_vectors::backends;

#[derive(Deserialize)]
struct Vectors {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    documents: Vec<Bson>,
    /// A projection and what the server returned of each document; none where it refuses.
    cases: Vec<(Document, Option<Vec<Bson>>)>,
}

async fn replay(text: &str) -> usize {
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for (index, group) in vectors.groups.iter().enumerate() {
        for (_, db) in backends(&group.documents).await {
            for (source, expected) in &group.cases {
                checked += 1;
                let projection = match (Projection::parse(source), expected) {
                    (Ok(projection), Some(_)) => projection,
                    (Err(_), None) => continue,
                    (parsed, _) => {
                        wrong.push(format!("group {index}, {source}: {parsed:?}"));
                        continue;
                    }
                };
                assert_eq!(Projection::parse(&projection.to_document()).unwrap(), projection);
                let query = Query::new(Collection::Object, Filter::all())
                    .sort(Sort::by_id())
                    .project(projection.clone());
                let found = db.find(query).await.unwrap().try_collect().await.unwrap();
                let stored = |document: &jvspatial_db::Document| {
                    let mut whole = document.to_bson().unwrap();
                    whole.remove("_version");
                    Bson::Document(projection.apply(&whole))
                };
                let answer: Vec<Bson> = found.iter().map(stored).collect();
                let expected = expected.as_ref().unwrap();
                // As text, which tells the order of fields.
                if Bson::from(answer.clone()).to_string()
                    != Bson::from(expected.clone()).to_string()
                {
                    wrong.push(format!("group {index}, {source}: {answer:?}, server {expected:?}"));
                }
            }
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "wrong answers:\n{}", wrong.join("\n"));
    checked
}

#[tokio::test]
async fn every_recorded_projection_returns_what_the_server_did() {
    let checked = replay(include_str!("../data/projection_vectors.json")).await;
    assert!(checked > 900, "only {checked} projections were replayed");
}
