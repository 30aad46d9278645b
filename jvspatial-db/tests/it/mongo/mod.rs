//! The MongoDB backend on a real server, whose URL `cargo xtask services up mongodb` prints. They are run by
//! `cargo test -p jvspatial-db --features mongodb --test it mongo:: -- --include-ignored`.

mod backfill;
mod conformance;
mod find;
mod history;
mod neighbors;
mod open;
mod proxy;
mod read;
mod shared;
mod transaction;
mod watch;
mod write;

use bson::Document;
use jvspatial_db::{Collection, MongoDb, MongoDbOptions};

/// The connection string of `database` on the server of the tests.
///
/// # Panics
/// Without a server: a test that could not look at one must not pass.
fn url(database: &str) -> String {
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI")
        .expect("JVSPATIAL_TEST_MONGODB_URI names a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    format!("{}/{database}?{query}", server.trim_end_matches('/'))
}

/// A database that is empty but for `documents`, written by the driver alone, and the same through ours.
async fn database_with(name: &str, documents: &[Document]) -> MongoDb {
    let database = raw_database(name).await;
    database.drop().await.unwrap();
    for collection in Collection::ALL {
        let of_collection = |document: &&Document| {
            document.get_str("_id").is_ok_and(|id| id.starts_with(collection.letter()))
        };
        let own: Vec<&Document> = documents.iter().filter(of_collection).collect();
        if !own.is_empty() {
            let collection = database.collection::<Document>(collection.name());
            collection.insert_many(own).await.unwrap();
        }
    }
    MongoDb::open(&url(name), MongoDbOptions::new()).await.unwrap()
}

/// The database as the driver alone sees it.
async fn raw_database(name: &str) -> mongodb::Database {
    mongodb::Client::with_uri_str(&url(name)).await.unwrap().database(name)
}
