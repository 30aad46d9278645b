//! Documents of the Python library gain a version.

use bson::{Bson, doc};
use jvspatial_db::{BackfillOptions, Collection, backfill};

use super::{database_with, raw_database, url};

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn documents_gain_a_version_in_portions() {
    let name = "backfill_portions";
    raw_database(name).await.drop().await.unwrap();
    let database = jvspatial_db::open(&url(name)).await.unwrap();
    crate::backfill::story(&*database).await;
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn nothing_but_the_version_of_a_document_changes() {
    let name = "backfill_foreign";
    let node = doc! {
        "_id": "n.City.a", "entity": "City", "context": { "name": "Oslo", "at": Bson::Null },
        "edges": ["e.Road.b"], "extra": { "kept": true },
    };
    let edge = doc! {
        "_id": "e.Road.b", "entity": "Road", "context": {}, "source": "n.City.a",
        "target": "n.City.a",
    };
    let database = database_with(name, &[node.clone(), edge.clone()]).await;
    let raw = raw_database(name).await;
    for (collection, mut expected) in [(Collection::Node, node), (Collection::Edge, edge)] {
        let report = backfill(&database, collection, BackfillOptions::new()).await.unwrap();
        assert_eq!((report.versioned, report.overtaken), (1, 0));
        let stored = raw.collection::<bson::Document>(collection.name());
        let mut stored = stored.find_one(doc! {}).await.unwrap().unwrap();
        assert_eq!(stored.remove("_version"), Some(Bson::Int64(1)));
        expected.remove("_version");
        assert_eq!(stored, expected);
    }
}
