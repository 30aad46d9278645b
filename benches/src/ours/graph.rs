//! A graph for the benches: a runtime, a directory and a network in it.

use jvspatial::{Graph, Id, Stored};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::data::{City, Network, OUT_DEGREE, cities};
use crate::setup::Setup;

/// The edge of a network.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, jvspatial::Edge)]
#[edge(parallel)]
pub(crate) struct Road {
    pub(crate) lanes: u32,
}

/// How many documents go into one call while a graph is built.
const BATCH: usize = 50_000;

/// A runtime of one thread, as the floors have.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_time().build()?)
}

/// An empty graph in a new directory; `query` is what stands after the path in its URL.
pub(crate) async fn open(directory: &TempDir, name: &str, query: &str) -> Result<Graph> {
    let path = directory.path().join(name);
    Ok(Graph::open(&format!("json:{}{query}", path.display())).await?)
}

/// The first cities, created in `graph`; their ids in the order of their numbers.
pub(crate) async fn create_cities(graph: &Graph, count: usize) -> Result<Vec<Id>> {
    let mut ids = Vec::with_capacity(count);
    let mut cities = cities().take(count);
    while ids.len() < count {
        let created = graph.create_many(cities.by_ref().take(BATCH)).await?;
        ids.extend(created.iter().map(|city: &Stored<City>| city.id().clone()));
    }
    Ok(ids)
}

/// A graph of the first cities and the edges of a [`Network`] between them, opened anew.
pub(crate) async fn network(
    setup: &Setup,
    directory: &TempDir,
    count: usize,
) -> Result<(Graph, Vec<Id>)> {
    let count = setup.size(count);
    let graph = open(directory, "network.db", "?durability=os").await?;
    let ids = create_cities(&graph, count).await?;
    let network = Network::new(count)?;
    let mut roads = network.targets.iter().enumerate().map(|(edge, target)| {
        let source = &ids[edge / OUT_DEGREE];
        (source, &ids[*target as usize], Road { lanes: (edge % 8) as u32 })
    });
    loop {
        let batch: Vec<_> = roads.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        graph.connect_many_ids(batch).await?.into_result()?;
    }
    graph.close().await?;
    Ok((open(directory, "network.db", "?durability=os").await?, ids))
}
