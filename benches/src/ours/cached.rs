//! What a graph has kept: documents by their ids, and answers of cached queries.

use std::hint::black_box;
use std::sync::Arc;

#[cfg(feature = "peers")]
use jvspatial::CacheOptions;
use jvspatial::{Graph, Id, Stored, cached_query};

#[cfg(feature = "peers")]
use super::graph::runtime;
use super::graph::{Opened, create_cities};
use super::indexed::create_indexes;
use crate::Result;
use crate::data::City;
#[cfg(feature = "peers")]
use crate::data::drawn;
use crate::floor::indexed::question;
use crate::measure::{Contender, alone, timed};
use crate::setup::Setup;

/// The documents that are kept.
#[cfg(feature = "peers")]
pub(crate) const KEPT: usize = 10_000;

/// The reads of one round.
#[cfg(feature = "peers")]
pub(crate) const READS: usize = 200_000;

/// The lists that there are, of some 100 documents each.
pub(crate) const LISTS: usize = 8;

/// The calls of one round for such a list.
pub(crate) const CALLS: usize = 5_000;

/// Gets 200,000 cities, all of which are kept; the answer is the sum of [`City::check`] over them.
#[cfg(feature = "peers")]
pub(crate) fn get_kept(setup: &Setup) -> Result<Contender> {
    on_threads(setup, 1)
}

/// The same by two threads, each of which gets half as many.
#[cfg(feature = "peers")]
pub(crate) fn get_kept_by_two(setup: &Setup) -> Result<Contender> {
    on_threads(setup, 2)
}

#[cfg(feature = "peers")]
fn on_threads(setup: &Setup, threads: usize) -> Result<Contender> {
    let (kept, reads) = (setup.size(KEPT), setup.size(READS) / threads);
    let (graph, ids) = runtime()?.block_on(async {
        let cache = CacheOptions::new().entity_bytes(256 << 20);
        let graph = Graph::builder().url("memory:").cache(cache).open().await?;
        let ids = create_cities(&graph, kept).await?;
        graph.get_many::<City>(&ids).await?;
        Result::<_>::Ok((graph, ids))
    })?;
    Ok(Box::new(move || {
        let before = graph.cache_statistics().entities.hits;
        let sample = timed(|| {
            by_threads(threads, |thread| {
                runtime()?.block_on(async {
                    let mut check = 0_u64;
                    for number in drawn(kept).skip(thread * reads).take(reads) {
                        let got = graph.get::<City>(&ids[number]).await?;
                        check = check.wrapping_add(got.ok_or("a city is missing")?.check());
                    }
                    Ok(check)
                })
            })
        });
        let hits = graph.cache_statistics().entities.hits - before;
        if hits != (threads * reads) as u64 {
            return Err(format!(
                "of {} reads {hits} were answered by what is kept",
                threads * reads
            )
            .into());
        }
        sample
    }))
}

/// Runs `work` once in each of so many threads at the same time; the answer is the sum of theirs.
#[cfg(feature = "peers")]
pub(crate) fn by_threads(
    threads: usize,
    work: impl Fn(usize) -> Result<u64> + Sync,
) -> Result<u64> {
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let mut sum = work(0)?;
        for other in others {
            sum = sum.wrapping_add(other.join().map_err(|_| "a thread panicked")??);
        }
        Ok(sum)
    })
}

/// Functions on a graph of cities.
pub(crate) struct Cities {
    pub(crate) graph: Graph,
}

impl Cities {
    /// Answers in a list that each caller has for itself. `call` only tells calls apart.
    #[cached_query]
    pub(crate) async fn list(
        &self,
        number: usize,
        call: u64,
    ) -> jvspatial::Result<Vec<Stored<City>>> {
        // So that a plain call and one that is kept have the same to do.
        black_box(call);
        self.found(number).await
    }

    /// Answers in one list for all callers.
    #[cached_query]
    async fn shared(&self, number: usize) -> jvspatial::Result<Arc<[Stored<City>]>> {
        Ok(self.found(number).await?.into())
    }

    /// The same, which is kept only if `keep` says so.
    #[cached_query(skip(keep), condition = keep)]
    async fn list_if(&self, number: usize, keep: bool) -> jvspatial::Result<Vec<Stored<City>>> {
        self.found(number).await
    }

    /// The same as [`list`](Self::list), never kept.
    pub(crate) async fn found(&self, number: usize) -> jvspatial::Result<Vec<Stored<City>>> {
        let (country, low, high) = question(number, 0.08);
        let cities = self.graph.nodes::<City>().filter(|city| {
            city.country.eq(country).and(city.latitude.gte(low)).and(city.latitude.lt(high))
        });
        cities.all().await
    }
}

/// What a call comes to, without looking at each document.
pub(crate) fn check_list(list: &[Stored<City>]) -> u64 {
    let last = list.last().map_or(0, |city| city.check());
    last.wrapping_add(list.len() as u64)
}

/// The seconds that a call takes whose answer is kept, and handed out as an `Arc`.
pub(crate) fn call_shared(setup: &Setup) -> Result<f64> {
    let (opened, cities) = in_directory(setup)?;
    let calls = setup.size(200_000);
    let ask = move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut sum = 0_u64;
                for call in 0..calls {
                    let answer = cities.shared(call % LISTS).await?;
                    sum = sum.wrapping_add(answer.len() as u64);
                }
                Ok(sum)
            })
        })
    };
    let time = alone(setup.rounds, setup.warm_up, Box::new(ask))?;
    Ok(time.as_secs_f64() / calls as f64)
}

/// Calls 5,000 times for lists of some 100 cities that are kept; the answer is the sum of [`check_list`].
pub(crate) fn call_list(setup: &Setup) -> Result<Contender> {
    over_lists(setup, async |cities, number| Ok(check_list(&cities.list(number, 0).await?)))
}

/// Clones such lists as often.
pub(crate) fn clone_list(setup: &Setup) -> Result<Contender> {
    let (opened, cities) = in_directory(setup)?;
    let calls = setup.size(CALLS);
    let mut lists = Vec::new();
    for number in 0..LISTS {
        lists.push(opened.runtime.block_on(cities.found(number))?);
    }
    Ok(Box::new(move || {
        timed(|| {
            let lists = (0..calls).map(|call| black_box(&lists[call % lists.len()]).clone());
            Ok(lists.map(|list| check_list(&list)).fold(0, u64::wrapping_add))
        })
    }))
}

/// Calls 5,000 times for lists that are found by an index, and not kept.
pub(crate) fn call_uncached(setup: &Setup) -> Result<Contender> {
    over_lists(setup, async |cities, number| {
        Ok(check_list(&cities.list_if(number, black_box(false)).await?))
    })
}

/// The same by the bare body of the function.
pub(crate) fn call_body(setup: &Setup) -> Result<Contender> {
    over_lists(setup, async |cities, number| Ok(check_list(&cities.found(number).await?)))
}

fn over_lists(
    setup: &Setup,
    mut ask: impl AsyncFnMut(&Cities, usize) -> Result<u64> + 'static,
) -> Result<Contender> {
    let (opened, cities) = in_directory(setup)?;
    let calls = setup.size(CALLS);
    Ok(Box::new(move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut sum = 0_u64;
                for call in 0..calls {
                    let answer = ask(&cities, call % LISTS).await?;
                    sum = sum.wrapping_add(answer);
                }
                Ok(sum)
            })
        })
    }))
}

/// 10,000 cities with an index in an embedded database.
fn in_directory(setup: &Setup) -> Result<(Opened, Cities)> {
    let opened = Opened::in_directory(setup.temporary_directory()?, "?durability=os")?;
    opened.runtime.block_on(fill(&opened.graph))?;
    let cities = Cities { graph: opened.graph.clone() };
    Ok((opened, cities))
}

/// Makes 10,000 cities and an index on their countries, also in a quick run: a list is to be full.
pub(crate) async fn fill(graph: &Graph) -> Result<Vec<Id>> {
    create_indexes(graph, false).await?;
    create_cities(graph, 10_000).await
}
