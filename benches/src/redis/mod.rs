//! Documents in Redis through ours, beside the command that reads their bytes.
//!
//! The server is the one that `JVSPATIAL_TEST_REDIS_URL` names.

pub(crate) mod bare;
pub(crate) mod ours;

use std::time::{Duration, Instant};

use jvspatial::{CacheOptions, Graph, Id, RedisOptions};
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::data::City;
use crate::ours::graph::create_cities;

/// The engine as a row names it.
pub(crate) const GET: &str = "redis GET";

/// For how long Redis may have something else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The documents that are kept.
const KEPT: usize = 1_000;

/// The reads of one round.
const READS: usize = 10_000;

/// One thread, so that a read is not passed from one to another.
fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn url() -> Result<String> {
    Ok(std::env::var(crate::REDIS.variable).map_err(|_| "no server is named")?)
}

/// The name of what this run keeps for `side`.
fn namespace(side: &str) -> String {
    format!("bench-{side}-{}", std::process::id())
}

/// A graph without documents of its own, which keeps what it reads in Redis only: it has no room in memory.
async fn empty(side: &str) -> Result<Graph> {
    let redis = RedisOptions::new(&url()?)?.namespace(namespace(side));
    let cache = CacheOptions::new().entity_bytes(1).redis(redis);
    Ok(Graph::builder().url("memory:").cache(cache).open().await?)
}

/// Has Redis keep the first cities for `side`, and returns their ids.
async fn fill(side: &str, count: usize) -> Result<Vec<Id>> {
    let graph = empty(side).await?;
    let ids = create_cities(&graph, count).await?;
    let probe = empty(side).await?;
    let start = Instant::now();
    // Nothing goes to Redis or comes from there before its messages are heard.
    while probe.get::<City>(&ids[0]).await?.is_none() {
        if start.elapsed() > PATIENCE {
            return Err("nothing is read from Redis".into());
        }
        graph.get_many::<City>(&ids).await?;
    }
    probe.close().await?;
    graph.close().await?;
    Ok(ids)
}
