//! moka: documents in memory by their ids, decoded when they are read.

use foldhash::fast::RandomState;
use jvspatial::db::Document;
use jvspatial::{Graph, Id, Stored};
use moka::sync::Cache;

use crate::Result;
use crate::data::{City, drawn};
use crate::measure::{Contender, timed};
use crate::ours::cached::{KEPT, READS, by_threads};
use crate::ours::graph::{create_cities, runtime};
use crate::setup::Setup;

/// The engine as a row names it.
pub(crate) const DECODED: &str = "moka, decoded";

/// Gets 200,000 cities; the answer is the sum of [`City::check`] over them.
pub(crate) fn get(setup: &Setup) -> Result<Contender> {
    on_threads(setup, 1)
}

/// The same by two threads, each of which gets half as many.
pub(crate) fn get_by_two(setup: &Setup) -> Result<Contender> {
    on_threads(setup, 2)
}

fn on_threads(setup: &Setup, threads: usize) -> Result<Contender> {
    let (kept, reads) = (setup.size(KEPT), setup.size(READS) / threads);
    let (cache, ids) = filled(kept)?;
    Ok(Box::new(move || {
        timed(|| {
            by_threads(threads, |thread| {
                let mut check = 0_u64;
                for number in drawn(kept).skip(thread * reads).take(reads) {
                    let found = cache.get(&ids[number]).ok_or("a city is missing")?;
                    let city = Stored::<City>::from_document(found)?;
                    check = check.wrapping_add(city.check());
                }
                Ok(check)
            })
        })
    }))
}

/// The documents of the first cities as ours keeps them: by weight, each with bytes of its own.
fn filled(count: usize) -> Result<(Cache<Id, Document, RandomState>, Vec<Id>)> {
    let cache = Cache::builder()
        .max_capacity(256 << 20)
        .weigher(|_: &Id, document: &Document| document.body.as_bytes().len() as u32)
        .build_with_hasher(RandomState::default());
    let ids = runtime()?.block_on(async {
        let graph = Graph::open("memory:").await?;
        let ids = create_cities(&graph, count).await?;
        let database = graph.database();
        let handles: Vec<_> = ids.iter().map(|id| database.handle(id)).collect();
        for mut document in database.get_many(&handles).await?.into_iter().flatten() {
            document.body = document.body.detach();
            cache.insert(document.id.clone(), document);
        }
        Result::<_>::Ok(ids)
    })?;
    Ok((cache, ids))
}
