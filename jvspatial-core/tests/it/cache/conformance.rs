//! Every case of the conformance suite on a database behind a cache.

use std::sync::Arc;

use jvspatial_core::{CacheOptions, Graph};
use jvspatial_db::conformance::Harness;
use jvspatial_db::{MemoryDb, conformance_tests};

/// So little room that much of what is kept is soon gone again.
fn open_cached() -> Harness {
    Harness::new(|| async {
        let options = CacheOptions::new().entity_bytes(8 << 10);
        let graph = Graph::builder().database(Arc::new(MemoryDb::new())).cache(options);
        let graph = graph.open().await.expect("a database that is open already");
        Ok(Arc::clone(graph.database()))
    })
}

conformance_tests!(cached, open_cached);
