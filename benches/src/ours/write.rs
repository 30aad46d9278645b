//! Durable writes to a fresh embedded JSON database.

use std::time::Instant;

use jvspatial::{Graph, Stored};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::graph::{open, runtime};
use super::indexed::create_indexes;
use crate::Result;
#[cfg(feature = "peers")]
use crate::data::{BATCH, random_keys};
use crate::data::{City, cities};
use crate::measure::{Contender, Sample};
use crate::setup::Setup;

/// The tasks that write at the same time.
const TASKS: usize = 64;

/// Creates [`cities`] in one durable batch; the answer is their number.
pub(crate) fn create_many_10k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(first_cities(setup, 10_000), async |graph, cities| {
        Ok(graph.create_many(cities).await?)
    })
}

/// Creates [`cities`] under [`random_keys`] in one durable batch; the answer is their number.
#[cfg(feature = "peers")]
pub(crate) fn create_many_random_10k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(random_documents(setup, 10_000), async |graph, documents| {
        Ok(graph.create_many_with_keys(documents).await?)
    })
}

/// The same with an index on two fields and a unique one on a third.
pub(crate) fn create_many_10k_indexed(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs_with(first_cities(setup, 10_000), true, async |graph, cities| {
        Ok(graph.create_many(cities).await?.len())
    })
}

/// Creates [`cities`] in durable batches of 100, one after another; the answer is their number.
#[cfg(feature = "peers")]
pub(crate) fn batches_100x100(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(first_cities(setup, 100 * BATCH), async |graph, cities| {
        let mut created = Vec::with_capacity(cities.len());
        let mut cities = cities.into_iter();
        while cities.len() > 0 {
            created.push(graph.create_many(cities.by_ref().take(BATCH)).await?);
        }
        Ok(created)
    })
}

/// As [`batches_100x100`], under [`random_keys`].
#[cfg(feature = "peers")]
pub(crate) fn batches_random_100x100(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(random_documents(setup, 100 * BATCH), async |graph, documents| {
        let mut created = Vec::with_capacity(documents.len());
        let mut documents = documents.into_iter();
        while documents.len() > 0 {
            let batch = documents.by_ref().take(BATCH);
            created.push(graph.create_many_with_keys(batch).await?);
        }
        Ok(created)
    })
}

/// Creates durable documents one after another; the answer is their number.
pub(crate) fn single_creates_2k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(first_cities(setup, 2_000), async |graph, cities| {
        let mut created = 0;
        for city in cities {
            graph.create(city).await?;
            created += 1;
        }
        Ok(created)
    })
}

/// Creates durable documents from 64 tasks; the answer is their number.
pub(crate) fn group_commit_10k(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(first_cities(setup, 10_000), async |graph, cities| {
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

/// What a round has made: dropping it is the caller's business and is not timed.
trait Made {
    fn count(&self) -> usize;
}

impl Made for usize {
    fn count(&self) -> usize {
        *self
    }
}

impl Made for Stored<City> {
    fn count(&self) -> usize {
        1
    }
}

impl<T: Made> Made for Vec<T> {
    fn count(&self) -> usize {
        self.iter().map(T::count).sum()
    }
}

fn first_cities(setup: &Setup, count: usize) -> (&Setup, Vec<City>) {
    (setup, cities().take(setup.size(count)).collect())
}

/// The first cities with their keys, which a peer is given ready made as well.
#[cfg(feature = "peers")]
fn random_documents(setup: &Setup, count: usize) -> (&Setup, Vec<(String, City)>) {
    (setup, random_keys().zip(cities()).take(setup.size(count)).collect())
}

/// Times `work` over documents and a graph that is empty yet; removes the graph afterwards.
fn over_fresh_graphs<D: Clone + 'static, M: Made>(
    first: (&Setup, Vec<D>),
    work: impl AsyncFn(Graph, Vec<D>) -> Result<M> + 'static,
) -> Result<Contender> {
    over_fresh_graphs_with(first, false, work)
}

/// The same, with indexes if `indexed` says so.
fn over_fresh_graphs_with<D: Clone + 'static, M: Made>(
    (setup, documents): (&Setup, Vec<D>),
    indexed: bool,
    work: impl AsyncFn(Graph, Vec<D>) -> Result<M> + 'static,
) -> Result<Contender> {
    let runtime = runtime()?;
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        runtime.block_on(async {
            let round = TempDir::new_in(directory.path())?;
            let graph = open(&round.path().join("graph.db"), "").await?;
            if indexed {
                create_indexes(&graph, true).await?;
            }
            let documents = documents.clone();
            let start = Instant::now();
            let made = work(graph.clone(), documents).await?;
            let sample = Sample { elapsed: start.elapsed(), answer: made.count() as u64 };
            graph.close().await?;
            Ok(sample)
        })
    }))
}
