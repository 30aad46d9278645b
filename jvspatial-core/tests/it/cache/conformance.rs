//! Every case of the conformance suite on a database behind a cache.

use std::sync::Arc;

use jvspatial_core::{CacheOptions, Graph};
use jvspatial_db::conformance::Harness;
use jvspatial_db::{Database, JsonDb, JsonDbOptions, MemoryDb, Result, conformance_tests};

use super::roomy;

async fn behind(database: Arc<dyn Database>, options: CacheOptions) -> Result<Arc<dyn Database>> {
    let graph = Graph::builder().database(database).cache(options).open().await.unwrap();
    Ok(Arc::clone(graph.database()))
}

fn open_cached_memory() -> Harness {
    Harness::new(|| behind(Arc::new(MemoryDb::new()), roomy()))
}

/// So little room that most of what is kept is soon gone again.
fn open_json_behind_a_small_cache() -> Harness {
    let directory = tempfile::tempdir().unwrap();
    Harness::new(move || {
        let path = directory.path().join("db");
        async move {
            let db = JsonDb::open(path, JsonDbOptions::new()).await?;
            behind(Arc::new(db), CacheOptions::new().entity_bytes(4096)).await
        }
    })
}

conformance_tests!(cached_memory, open_cached_memory);
conformance_tests!(json_behind_a_small_cache, open_json_behind_a_small_cache);
