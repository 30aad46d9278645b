//! Graphs for the benches: a runtime, a store and a network in it.

use std::path::Path;

use jvspatial::{Graph, Id, Stored};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::data::{City, Network, OUT_DEGREE, cities};
use crate::network_store::NetworkStore;

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

/// The graph in the directory `path`; `query` is what stands after the path in its URL.
pub(crate) async fn open(path: &Path, query: &str) -> Result<Graph> {
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

/// Builds a store of the first cities and the edges of a [`Network`] between them, and closes it.
pub(crate) fn build_network(directory: TempDir, count: usize) -> Result<NetworkStore> {
    let path = NetworkStore::path_in(&directory);
    let start = runtime()?.block_on(fill(&path, count))?;
    Ok(NetworkStore::new(directory, start, (count + count * OUT_DEGREE) as u64))
}

/// The id of city 0.
async fn fill(path: &Path, count: usize) -> Result<Id> {
    let graph = open(path, "?durability=os").await?;
    let ids = create_cities(&graph, count).await?;
    connect(&graph, &ids).await?;
    graph.close().await?;
    Ok(ids.into_iter().next().ok_or("a network has no city")?)
}

async fn connect(graph: &Graph, ids: &[Id]) -> Result<()> {
    let network = Network::new(ids.len())?;
    let mut roads = network.targets.iter().enumerate().map(|(edge, target)| {
        let source = &ids[edge / OUT_DEGREE];
        (source, &ids[*target as usize], Road { lanes: (edge % 8) as u32 })
    });
    loop {
        let batch: Vec<_> = roads.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        graph.connect_many_ids(batch).await?.into_result()?;
    }
}

/// An open graph, closed when dropped, so that the next opening finds a clean close.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) runtime: Runtime,
    pub(crate) graph: Graph,
    /// A directory that goes when the graph is closed.
    directory: Option<TempDir>,
}

impl Opened {
    pub(crate) fn new(path: &Path, query: &str) -> Result<Self> {
        let runtime = runtime()?;
        let graph = runtime.block_on(open(path, query))?;
        Ok(Self { runtime, graph, directory: None })
    }

    /// A new graph in a directory of its own, which goes with it.
    pub(crate) fn in_directory(directory: TempDir, query: &str) -> Result<Self> {
        let mut opened = Self::new(&directory.path().join("graph.db"), query)?;
        opened.directory = Some(directory);
        Ok(opened)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Err(error) = self.runtime.block_on(self.graph.close()) {
            eprintln!("warning: a graph could not be closed: {error}");
        }
    }
}
