//! Reads by id from an embedded JSON database whose files are in the page cache.

use super::graph::{create_cities, open, runtime};
use crate::Result;
use crate::bench::Prepare;
use crate::data::{City, drawn};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// Gets cities in the order of [`drawn`].
///
/// The answer is the sum of [`City::check`](crate::data::City::check) over the cities got.
pub(crate) const GET_HOT_10K: Option<Prepare> = Some(|setup| get_hot(setup, 10_000));

/// The same from a hundred times as many.
pub(crate) const GET_HOT_1M: Option<Prepare> = Some(|setup| get_hot(setup, 1_000_000));

fn get_hot(setup: &Setup, documents: usize) -> Result<Contender> {
    let count = setup.size(documents);
    let reads = setup.size(crate::floor::read::READS);
    let runtime = runtime()?;
    let directory = setup.temporary_directory()?;
    let graph = runtime.block_on(open(&directory, "graph.db", "?durability=os"))?;
    let ids = runtime.block_on(create_cities(&graph, count))?;
    Ok(Box::new(move || {
        let _kept = &directory;
        timed(|| {
            runtime.block_on(async {
                let mut check = 0_u64;
                for number in drawn(count).take(reads) {
                    let city = graph.get::<City>(&ids[number]).await?.ok_or("a city is missing")?;
                    check = check.wrapping_add(city.check());
                }
                Ok(check)
            })
        })
    }))
}
