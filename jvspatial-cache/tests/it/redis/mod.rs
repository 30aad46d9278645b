//! The cache in Redis. What needs a server is ignored unless asked for: `cargo test -p jvspatial-cache
//! --features redis --test it redis -- --include-ignored`.

use std::sync::Arc;

use jvspatial_cache::{Cache, Layered, MemoryCache, MemoryOptions, RedisCache, RedisOptions};

mod answers;
mod away;
mod bus;
mod eras;
mod foreign;
mod leases;
mod log;
mod proxy;
mod secrets;
mod server;
mod speed;
mod stopwatch;

use server::Server;

/// The options of the tests: a short bound on values, so that it is easily exceeded.
fn options(url: &str) -> RedisOptions {
    RedisOptions::new(url).unwrap().max_value(65_536)
}

async fn alone() -> (Arc<dyn Cache>, Option<Server>) {
    let (url, namespace, server) = server::any();
    let cache = RedisCache::open(options(&url).namespace(namespace)).await.unwrap();
    (Arc::new(cache), server)
}

async fn behind_memory() -> (Arc<dyn Cache>, Option<Server>) {
    let (far, server) = alone().await;
    let near = MemoryCache::new(MemoryOptions::default().max_value(65_536));
    (Arc::new(Layered::new(Arc::new(near), far)), server)
}

jvspatial_cache::conformance!(
    #[ignore = "needs a Redis server"]
    conformance,
    super::alone
);
jvspatial_cache::conformance!(
    #[ignore = "needs a Redis server"]
    conformance_behind_memory,
    super::behind_memory
);
