//! Every case of the conformance suite on a server, each in a database of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jvspatial_db::conformance::Harness;
use jvspatial_db::{Database, MongoDb, MongoDbOptions, conformance_tests};

use super::url;

/// A database that is dropped when its case is over.
struct Scratch(String);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(format!("case_{}_{number}", std::process::id()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let name = self.0.clone();
        // The runtime of the case may be going down, so this has one of its own.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let client = mongodb::Client::with_uri_str(&url(&name)).await.unwrap();
                client.database(&name).drop().await.unwrap();
            });
        });
        drop(dropping.join());
    }
}

fn open_mongo() -> Harness {
    let scratch = Arc::new(Scratch::new());
    Harness::new(move || {
        let scratch = Arc::clone(&scratch);
        async move {
            let db = MongoDb::open(&url(&scratch.0), MongoDbOptions::new()).await?;
            Ok(Arc::new(db) as Arc<dyn Database>)
        }
    })
}

conformance_tests!(server, open_mongo, ignore = "needs a MongoDB server");
