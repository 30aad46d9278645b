//! Walking a whole graph from the embedded JSON database.

use jvspatial::prelude::*;

use super::graph::{Road, network, runtime};
use crate::bench::Prepare;
use crate::data::City;
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// Visits every city of a [`Network`](crate::data::Network) from city 0 with a typed hook, once.
///
/// The answer is the sum of [`City::check`](crate::data::City::check) over the visited cities.
pub(crate) const WALK_1M: Option<Prepare> = Some(walk_1m);

#[derive(Debug, Default)]
struct Sum {
    check: u64,
}

#[walker]
impl Sum {
    #[on_visit]
    async fn city(&mut self, here: &Stored<City>, walk: &mut Walk<Self>) -> Result<()> {
        self.check = self.check.wrapping_add(here.check());
        walk.follow(out::<Road>());
        Ok(())
    }
}

fn walk_1m(setup: &Setup) -> crate::Result<Contender> {
    let runtime = runtime()?;
    let directory = setup.temporary_directory()?;
    let (graph, ids) = runtime.block_on(network(setup, &directory, 1_000_000))?;
    Ok(Box::new(move || {
        let _kept = &directory;
        timed(|| {
            let walk = graph.walk(Sum::default()).from(&ids[0]);
            Ok(runtime.block_on(walk.run())?.walker.check)
        })
    }))
}
