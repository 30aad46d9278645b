//! A MongoDB server through ours, beside its driver alone, which is used as well as its interface allows.
//!
//! The server is the one that `JVSPATIAL_TEST_MONGODB_URI` names; both sides ask it for acknowledgement by a majority.

pub(crate) mod cached;
pub(crate) mod driver;
pub(crate) mod ours;

use jvspatial::{Graph, Id, Stored};
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::data::{City, Network, OUT_DEGREE, cities};
use crate::operations::{Operation, creates, operations};
use crate::ours::graph::Road;
use crate::setup::Setup;

/// The engine as a row names it.
pub(crate) const DRIVER: &str = "mongodb driver";

/// How many tasks do mixed operations at once.
const TASKS: usize = 64;

/// How many nodes of a walk are asked for at once.
const CHUNK: usize = 1_000;

/// Two threads, as the driver has work of its own beside the tasks.
fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The URL of a database on the server.
fn url(name: &str) -> Result<String> {
    let uri = std::env::var(crate::MONGODB.variable).map_err(|_| "no server is named")?;
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    Ok(format!("{}/jvspatial_bench_{name}?{query}", server.trim_end_matches('/')))
}

/// A database of the server as the driver has it.
async fn database(name: &str) -> Result<mongodb::Database> {
    let client = mongodb::Client::with_uri_str(url(name)?).await?;
    client.default_database().ok_or_else(|| "the URL names no database".into())
}

/// The database, empty.
async fn empty(name: &str) -> Result<mongodb::Database> {
    let database = database(name).await?;
    database.drop().await?;
    Ok(database)
}

/// The operations that each task does on cities of its own, and those cities.
fn shares(setup: &Setup) -> Vec<(Vec<Operation>, Vec<City>)> {
    let operations = operations(setup.size(10_000) / TASKS);
    let mut cities = cities();
    let fresh = creates(&operations);
    (0..TASKS).map(|_| (operations.clone(), cities.by_ref().take(fresh).collect())).collect()
}

/// Makes a graph of cities and the edges of a [`Network`] between them; the id of city 0.
async fn network(setup: &Setup, name: &str) -> Result<Id> {
    let count = setup.size(10_000);
    drop(empty(name).await?);
    let graph = Graph::open(&url(name)?).await?;
    let created: Vec<Stored<City>> = graph.create_many(cities().take(count)).await?;
    let network = Network::new(count)?;
    let roads = network.targets.iter().enumerate().map(|(edge, target)| {
        let road = Road { lanes: (edge % 8) as u32 };
        (created[edge / OUT_DEGREE].id(), created[*target as usize].id(), road)
    });
    graph.connect_many_ids(roads.collect::<Vec<_>>()).await?.into_result()?;
    let start = created.first().ok_or("a network has no city")?.id().clone();
    graph.close().await?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Prepare;

    #[test]
    #[ignore = "needs a MongoDB server"]
    fn each_side_comes_to_the_same_in_every_round() {
        let setup = Setup::new(true, None, None).unwrap();
        let pairs: [(Prepare, Prepare); 5] = [
            (ours::save_many_10k, driver::update_10k),
            (ours::mixed_10k, driver::mixed_10k),
            (ours::walk_10k, driver::walk_10k),
            (cached::call_list, cached::call_body),
            (cached::call_unkept, cached::call_body),
        ];
        for (ours, driver) in pairs {
            let (mut ours, mut driver) = (ours(&setup).unwrap(), driver(&setup).unwrap());
            let expected = driver().unwrap().answer;
            assert_eq!(ours().unwrap().answer, expected);
            assert_eq!(ours().unwrap().answer, expected, "a second round");
            assert_eq!(driver().unwrap().answer, expected, "a second round");
        }
    }
}
