//! Reads by id from an embedded JSON database whose files are in the page cache.

use super::graph::{Opened, create_cities};
use crate::Result;
use crate::data::{City, drawn};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// Gets 100,000 cities of 10,000 in the order of [`drawn`].
///
/// The answer is the sum of [`City::check`] over the cities got.
pub(crate) fn get_hot_10k(setup: &Setup) -> Result<Contender> {
    get_hot(setup, 10_000)
}

/// The same from a hundred times as many.
pub(crate) fn get_hot_1m(setup: &Setup) -> Result<Contender> {
    get_hot(setup, 1_000_000)
}

fn get_hot(setup: &Setup, documents: usize) -> Result<Contender> {
    let count = setup.size(documents);
    let reads = setup.size(crate::floor::read::READS);
    let opened = Opened::in_directory(setup.temporary_directory()?, "?durability=os")?;
    let ids = opened.runtime.block_on(create_cities(&opened.graph, count))?;
    Ok(Box::new(move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut check = 0_u64;
                for number in drawn(count).take(reads) {
                    let got = opened.graph.get::<City>(&ids[number]).await?;
                    check = check.wrapping_add(got.ok_or("a city is missing")?.check());
                }
                Ok(check)
            })
        })
    }))
}
