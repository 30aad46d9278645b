//! Walking a whole graph from the embedded JSON database.

use std::rc::Rc;

use jvspatial::prelude::*;
use tempfile::TempDir;

use super::graph::{Opened, Road};
use crate::data::City;
use crate::floor::walk::SAVES;
use crate::measure::{Contender, Sample, timed};
use crate::network_store::NetworkStore;
use crate::setup::Setup;

/// Visits every city that it can reach, and adds up [`City::check`].
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) check: u64,
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

/// Visits every city of a [`Network`](crate::data::Network) from city 0 with a typed hook, once.
///
/// The answer is the sum of [`City::check`] over the visited cities.
pub(crate) fn walk_1m(setup: &Setup) -> crate::Result<Contender> {
    let store = setup.network_store()?;
    let opened = Opened::new(&store.path(), "?durability=os")?;
    Ok(Box::new(move || {
        timed(|| {
            let walk = opened.graph.walk(Sum::default()).from(&store.start);
            Ok(opened.runtime.block_on(walk.run())?.walker.check)
        })
    }))
}

#[derive(Debug, Default)]
struct Grow {
    check: u64,
}

#[walker]
impl Grow {
    #[on_visit]
    async fn city(&mut self, here: &mut Stored<City>, walk: &mut Walk<Self>) -> Result<()> {
        here.population += 1;
        self.check = self.check.wrapping_add(here.check());
        walk.save(here);
        walk.follow(out::<Road>());
        Ok(())
    }
}

/// The same walk, adding one to the population of every city and saving it in batches.
///
/// The answer is the sum of [`City::check`] over the changed cities and the number of the saved ones.
/// Each round begins with a new copy of the store, as the walk before left the cities in the order in
/// which it met them.
pub(crate) fn walk_update_1m(setup: &Setup) -> crate::Result<Contender> {
    let store = setup.network_store()?;
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || walk_update(&store, &directory)))
}

fn walk_update(store: &Rc<NetworkStore>, directory: &TempDir) -> crate::Result<Sample> {
    let round = TempDir::new_in(directory.path())?;
    let path = round.path().join("network.db");
    store.copy_to(&path)?;
    let opened = Opened::new(&path, "?durability=os")?;
    timed(|| {
        let walk = opened.graph.walk(Grow::default()).from(&store.start).batch_size(SAVES);
        let outcome = opened.runtime.block_on(walk.run())?;
        Ok(outcome.walker.check.wrapping_add(outcome.stats.written))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_walk_comes_to_the_same_as_its_floor_in_every_round() {
        let setup = Setup::new(true, None, None).unwrap();
        for (ours, floor) in [
            (
                walk_1m as crate::bench::Prepare,
                crate::floor::walk::walk_1m as crate::bench::Prepare,
            ),
            (walk_update_1m, crate::floor::walk::walk_update_1m),
        ] {
            let (mut ours, mut floor) = (ours(&setup).unwrap(), floor(&setup).unwrap());
            let expected = floor().unwrap().answer;
            assert_eq!(ours().unwrap().answer, expected);
            assert_eq!(ours().unwrap().answer, expected, "a second round starts afresh");
        }
    }
}
