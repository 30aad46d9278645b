//! Durable writes to a fresh embedded JSON database.

use std::time::Instant;

use jvspatial::Graph;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::graph::{open, runtime};
use crate::Result;
use crate::bench::Prepare;
use crate::data::{City, cities};
use crate::measure::{Contender, Sample};
use crate::setup::Setup;

/// Creates [`cities`] in one durable batch; the answer is their number.
pub(crate) const CREATE_MANY_10K: Option<Prepare> = Some(create_many_10k);

/// Creates durable documents one after another; the answer is their number.
pub(crate) const SINGLE_CREATES_2K: Option<Prepare> = Some(single_creates_2k);

/// Creates durable documents from 64 tasks; the answer is their number.
pub(crate) const GROUP_COMMIT_10K: Option<Prepare> = Some(group_commit_10k);

/// The tasks that write at the same time.
const TASKS: usize = 64;

fn create_many_10k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(setup, 10_000, async |graph, cities| {
        Ok(graph.create_many(cities).await?.len())
    })
}

fn single_creates_2k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(setup, 2_000, async |graph, cities| {
        let mut created = 0;
        for city in cities {
            graph.create(city).await?;
            created += 1;
        }
        Ok(created)
    })
}

fn group_commit_10k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(setup, 10_000, async |graph, cities| {
        let count = cities.len();
        let mut tasks = JoinSet::new();
        let mut cities = cities.into_iter();
        for task in 0..TASKS {
            let share = count * (task + 1) / TASKS - count * task / TASKS;
            let share: Vec<City> = cities.by_ref().take(share).collect();
            let graph = graph.clone();
            tasks.spawn(async move {
                let mut created = 0;
                for city in share {
                    graph.create(city).await?;
                    created += 1;
                }
                jvspatial::Result::<usize>::Ok(created)
            });
        }
        let mut created = 0;
        while let Some(task) = tasks.join_next().await {
            created += task??;
        }
        Ok(created)
    })
}

/// Times `work` over cities and a graph that is empty yet; removes the graph afterwards.
fn over_fresh_graphs(
    setup: &Setup,
    count: usize,
    work: impl AsyncFn(Graph, Vec<City>) -> Result<usize> + 'static,
) -> Result<Contender> {
    let runtime = runtime()?;
    let cities: Vec<City> = cities().take(setup.size(count)).collect();
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        runtime.block_on(async {
            let round = TempDir::new_in(directory.path())?;
            let graph = open(&round, "graph.db", "").await?;
            let cities = cities.clone();
            let start = Instant::now();
            let answer = work(graph.clone(), cities).await? as u64;
            let sample = Sample { elapsed: start.elapsed(), answer };
            graph.close().await?;
            Ok(sample)
        })
    }))
}
