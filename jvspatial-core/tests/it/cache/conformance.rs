//! Every case of the conformance suite on a database behind a cache.

use std::sync::Arc;

use jvspatial_core::{CacheOptions, Graph, Strategy, WriteBehind};
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

/// So little room that writers often wait.
fn open_behind() -> Harness {
    Harness::new(|| async {
        let behind = WriteBehind::new().operations(20).bytes(4 << 10);
        let options = CacheOptions::new().entity_bytes(8 << 10);
        let options = options.strategy(Strategy::WriteBehind(behind));
        let graph = Graph::builder().database(Arc::new(MemoryDb::new())).cache(options);
        let graph = graph.open().await.expect("a database that is open already");
        Ok(Arc::clone(graph.database()))
    })
}

conformance_tests!(behind, open_behind);
