//! A node with a million edges.

use jvspatial::Id;
use tempfile::TempDir;

use super::graph::{Opened, Road, create_cities, open, runtime};
use crate::Result;
use crate::measure::{Contender, timed};
use crate::network_store::NetworkStore;
use crate::setup::Setup;

/// The edges of the hub.
const EDGES: usize = 1_000_000;
/// How many edges are added one after the other.
const ADDED: usize = 2_000;
/// How many edges go into one call while the hub is built.
const BATCH: usize = 50_000;

/// A store with a city from which roads lead to all others, and the ids of those.
fn build(directory: TempDir, edges: usize) -> Result<(NetworkStore, Vec<Id>)> {
    let path = NetworkStore::path_in(&directory);
    let (hub, others) = runtime()?.block_on(async {
        let graph = open(&path, "?durability=os").await?;
        let mut ids = create_cities(&graph, edges + 1).await?;
        let hub = ids.remove(0);
        for some in ids.chunks(BATCH) {
            let roads = some.iter().map(|city| (&hub, city, Road { lanes: 1 }));
            graph.connect_many_ids(roads).await?.into_result()?;
        }
        graph.close().await?;
        Result::<_>::Ok((hub, ids))
    })?;
    Ok((NetworkStore::new(directory, hub, (2 * edges + 1) as u64), others))
}

/// A store with a hub, to be walked over.
pub(crate) fn store(setup: &Setup) -> Result<NetworkStore> {
    Ok(build(setup.temporary_directory()?, setup.size(EDGES))?.0)
}

/// Adds edges to a hub one after the other; the answer is their number.
pub(crate) fn connect_hub(setup: &Setup) -> Result<Contender> {
    connect(setup, true)
}

/// Adds as many edges, each to another leaf of the same graph.
pub(crate) fn connect_leaf(setup: &Setup) -> Result<Contender> {
    connect(setup, false)
}

fn connect(setup: &Setup, to_hub: bool) -> Result<Contender> {
    let (store, leaves) = build(setup.temporary_directory()?, setup.size(EDGES))?;
    let opened = Opened::new(&store.path(), "?durability=os")?;
    let added = setup.size(ADDED);
    Ok(Box::new(move || {
        // What is named first is let go first, and the graph is closed in its directory.
        let Opened { runtime, graph, .. } = &opened;
        timed(|| {
            runtime.block_on(async {
                for pair in leaves.windows(2).take(added) {
                    let from = if to_hub { &store.start } else { &pair[0] };
                    graph.connect_ids(from, &pair[1], Road { lanes: 2 }).await?;
                }
                Ok(added as u64)
            })
        })
    }))
}
