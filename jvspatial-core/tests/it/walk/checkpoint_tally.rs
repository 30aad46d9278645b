//! A walker that counts every city exactly once, if its walk keeps what it promises, and ways to stop it.

use jvspatial_core::{
    Control, Ended, ErrorKind, Fork, Graph, Here, HookError, Outcome, ParallelWalker, Stored, Walk,
    WalkBuilder, Walker,
};
use jvspatial_db::Collection;
use serde::{Deserialize, Serialize};

use super::support::*;
use crate::model::City;
use crate::parallel::documents;
use crate::trap::Trap;

/// Counts every city that it visits, in itself and in the city, which notes the number of the visit too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tallies<const VERSION: u32> {
    pub(super) cities: u64,
    pub(super) exits: Vec<String>,
    pub(super) fails_at: Option<u64>,
}

pub(super) type Tally = Tallies<1>;

impl<const VERSION: u32> Tallies<VERSION> {
    fn count(here: &Here, walk: &mut Walk<Self>) -> Result<(), HookError> {
        let mut city: Stored<City> = here.decode()?;
        city.visits += 1;
        city.tags.push(walk.step().to_string());
        walk.save(&mut city);
        walk.report(city.name.parse().unwrap());
        walk.follow(roads());
        Ok(())
    }
}

impl<const VERSION: u32> Walker for Tallies<VERSION> {
    type Report = u32;
    const NAME: &'static str = "Tally";
    const VERSION: u32 = VERSION;

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        if self.fails_at == Some(walk.step()) {
            return Err(refusal().into());
        }
        self.cities += 1;
        Self::count(here, walk)?;
        Ok(Control::Continue)
    }

    async fn exit(&mut self, ended: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.exits.push(ended.to_string());
        let sum = self.cities;
        walk.create(City { visits: sum, ..City::new("sum") });
        Ok(())
    }
}

impl ParallelWalker for Tally {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        Self::count(here, walk)?;
        Ok(Control::Continue)
    }
}

impl Fork for Tally {
    fn fork(&self) -> Self {
        Self { cities: 0, ..self.clone() }
    }

    fn merge(&mut self, part: Self) {
        self.cities += part.cities;
    }
}

/// The documents of checkpoints.
pub(super) async fn kept(graph: &Graph) -> usize {
    documents(graph, Collection::System).await.len()
}

/// Five cities in a star and a line behind one of them.
pub(super) async fn world(graph: &Graph) -> World {
    World::new(graph, 9, &[(0, 1), (0, 2), (0, 3), (0, 4), (4, 5), (5, 6), (6, 7), (7, 8)]).await
}

pub(super) fn tally(graph: &Graph, world: &World) -> WalkBuilder<Tally> {
    graph.walk(Tally::default()).from(world.id(0)).chunk_size(2)
}

/// Goes on with the walk called `name`, or begins it.
pub(super) async fn resume_or(
    graph: &Graph,
    name: &str,
    walk: WalkBuilder<Tally>,
) -> WalkBuilder<Tally> {
    match graph.resume::<Tally>(name).await {
        Ok(resumed) => resumed,
        Err(error) if error.kind() == ErrorKind::NotFound => walk.checkpoint(name, 1),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a walk with a checkpoint after each chunk until write number `left` is under way.
pub(super) async fn stop_at(
    graph: &Graph,
    world: &World,
    left: usize,
    after: bool,
) -> Option<Outcome<Tally>> {
    let trap = Trap::new(graph, left, after);
    let walk = tally(&trap.graph(), world).checkpoint("tally", 1);
    trap.watch(run(walk)).await
}

/// The number of each city's visits, and how many of them it tells of.
pub(super) async fn told(world: &World) -> Vec<(u64, usize)> {
    let found = world.graph.get_many::<City>(&world.cities).await.unwrap();
    found.into_iter().flatten().map(|city| (city.visits, city.tags.len())).collect()
}

/// What the `on_exit` hooks have stored.
pub(super) async fn sums(graph: &Graph) -> Vec<u64> {
    let found = graph.nodes::<City>().filter(|city| city.name.eq("sum")).all().await.unwrap();
    found.into_iter().map(|city| city.visits).collect()
}
