//! Through ours.

use jvspatial::{Graph, Stored};
use tokio::task::JoinSet;

use super::{CHUNK, empty, network, runtime, shares, url};
use crate::Result as BenchResult;
use crate::data::{City, cities};
use crate::measure::{Contender, timed};
use crate::ours::mixed::mixed;
use crate::ours::walk::Sum;
use crate::setup::Setup;

/// Saves 10,000 changed cities, each under its version check, in one call; the answer is how many were saved.
pub(crate) fn save_many_10k(setup: &Setup) -> BenchResult<Contender> {
    const NAME: &str = "ours_save";
    let runtime = runtime()?;
    let count = setup.size(10_000);
    let (graph, mut stored) = runtime.block_on(async {
        drop(empty(NAME).await?);
        let graph = Graph::open(&url(NAME)?).await?;
        let stored: Vec<Stored<City>> = graph.create_many(cities().take(count)).await?;
        BenchResult::<_>::Ok((graph, stored))
    })?;
    Ok(Box::new(move || {
        stored.iter_mut().for_each(|city| city.population += 1);
        timed(|| {
            let report = runtime.block_on(graph.save_many(&mut stored))?;
            Ok(report.written() as u64)
        })
    }))
}

/// 10,000 operations by 64 tasks; the answer is the sum of [`City::check`] over the cities got.
pub(crate) fn mixed_10k(setup: &Setup) -> BenchResult<Contender> {
    const NAME: &str = "ours_mixed";
    let runtime = runtime()?;
    let shares = shares(setup);
    Ok(Box::new(move || {
        let graph = runtime.block_on(async {
            drop(empty(NAME).await?);
            BenchResult::<_>::Ok(Graph::open(&url(NAME)?).await?)
        })?;
        let shares = shares.clone();
        let sample = timed(|| {
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for (operations, fresh) in shares {
                    let graph = graph.clone();
                    tasks.spawn(async move { mixed(&graph, fresh, &operations).await });
                }
                let mut check = 0_u64;
                while let Some(task) = tasks.join_next().await {
                    check = check.wrapping_add(task??);
                }
                Ok(check)
            })
        });
        runtime.block_on(graph.close())?;
        sample
    }))
}

/// Visits 10,000 cities along 30,000 edges in chunks; the answer is the sum of [`City::check`] over them.
///
/// Fails when a chunk takes more than two queries.
pub(crate) fn walk_10k(setup: &Setup) -> BenchResult<Contender> {
    const NAME: &str = "ours_walk";
    let runtime = runtime()?;
    let (graph, start) = runtime.block_on(async {
        let start = network(setup, NAME).await?;
        BenchResult::<_>::Ok((Graph::open(&url(NAME)?).await?, start))
    })?;
    Ok(Box::new(move || {
        timed(|| {
            let walk = graph.walk(Sum::default()).from(&start).chunk_size(CHUNK);
            let outcome = runtime.block_on(walk.run())?;
            if outcome.stats.queries > 2 * outcome.stats.chunks {
                return Err(
                    format!("a chunk took more than two queries: {:?}", outcome.stats).into()
                );
            }
            Ok(outcome.walker.check)
        })
    }))
}
