//! Random graphs, what hooks do in them, and ways to walk.

use jvspatial_core::__private::guard;
use jvspatial_core::{
    Control, Ended, Fork, Graph, Here, HookError, OnConflict, OnError, ParallelWalker, Stored,
    Uniqueness, Walk, WalkBuilder, Walker, both, out,
};
use jvspatial_db::Id;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::support::refusal;
use crate::model::{City, Road};

/// What a hook does at a city; the number is that of another.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Deed {
    Follow,
    FollowBack,
    FollowEdges,
    FollowLong(u32),
    FollowRanked(i32),
    Save,
    Visit(usize),
    VisitRanked(i32, usize),
    Revisit(usize),
    Next(usize),
    Dequeue(usize),
    Delete(usize),
    Found,
    Join(usize),
    Part(usize),
    Yield,
    Skip,
    Fail,
    Pause,
    Disengage,
}

pub(super) fn deed(cities: usize) -> impl Strategy<Value = Deed> {
    let other = 0..cities;
    prop_oneof![
        30 => Just(Deed::Follow),
        5 => Just(Deed::FollowBack),
        8 => Just(Deed::FollowEdges),
        4 => (0..30_u32).prop_map(Deed::FollowLong),
        4 => (-3..9).prop_map(Deed::FollowRanked),
        20 => Just(Deed::Save),
        3 => other.clone().prop_map(Deed::Visit),
        2 => (-3..9, other.clone()).prop_map(|(rank, other)| Deed::VisitRanked(rank, other)),
        2 => other.clone().prop_map(Deed::Revisit),
        1 => other.clone().prop_map(Deed::Next),
        1 => other.clone().prop_map(Deed::Dequeue),
        1 => other.clone().prop_map(Deed::Delete),
        2 => Just(Deed::Found),
        2 => other.clone().prop_map(Deed::Join),
        1 => other.prop_map(Deed::Part),
        3 => Just(Deed::Yield),
        1 => Just(Deed::Skip),
        1 => Just(Deed::Fail),
        1 => Just(Deed::Pause),
        1 => Just(Deed::Disengage),
    ]
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    BreadthFirst,
    DepthFirst,
    ByRank,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    Sequential,
    Parallel(usize),
    Forked(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    order: Order,
    uniqueness: Uniqueness,
    way: Way,
    chunk_size: usize,
    batch_size: usize,
    every: usize,
    trail: usize,
    on_error: OnError,
    max_steps: u64,
    max_visits: u32,
    max_writes: u64,
    pub(super) leaves: bool,
}

/// A graph, what the hooks do in it, and when the walk is stopped.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    cities: usize,
    roads: Vec<(usize, usize)>,
    pub(super) deeds: Vec<Vec<Deed>>,
    pub(super) settings: Settings,
    /// Before or after which write each life of the walk ends.
    pub(super) stops: Vec<(usize, bool)>,
}

pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let order = prop_oneof![
        2 => Just(Order::BreadthFirst),
        1 => Just(Order::DepthFirst),
        1 => Just(Order::ByRank),
    ];
    let uniqueness = prop_oneof![
        3 => Just(Uniqueness::NodeOnce),
        1 => Just(Uniqueness::EdgeOnce),
        1 => Just(Uniqueness::PathOnce),
        1 => Just(Uniqueness::Unlimited),
    ];
    let way = prop_oneof![
        2 => Just(Way::Sequential),
        1 => (1..5_usize).prop_map(Way::Parallel),
        1 => (1..5_usize).prop_map(Way::Forked),
    ];
    let sizes = (1..6_usize, prop_oneof![1..6_usize, Just(500)], 1..5_usize);
    let trail = prop_oneof![Just(0), Just(5), Just(1_000)];
    let on_error = prop_oneof![2 => Just(OnError::Collect), 1 => Just(OnError::Fail)];
    let most = || prop_oneof![3 => Just(60_u64), 1 => 0..40_u64];
    let limits = (most(), prop_oneof![2 => Just(100_u32), 1 => 1..4_u32], most());
    (order, uniqueness, way, sizes, trail, on_error, limits, any::<bool>()).prop_map(
        |(order, uniqueness, way, sizes, trail, on_error, limits, leaves)| Settings {
            order,
            uniqueness,
            way,
            chunk_size: sizes.0,
            batch_size: sizes.1,
            every: sizes.2,
            trail,
            on_error,
            max_steps: limits.0,
            max_visits: limits.1,
            max_writes: limits.2,
            leaves,
        },
    )
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    (1..16_usize).prop_flat_map(|cities| {
        let roads = proptest::collection::vec((0..cities, 0..cities), 0..40);
        let deeds =
            proptest::collection::vec(proptest::collection::vec(deed(cities), 0..4), cities);
        let stops = proptest::collection::vec((0..6_usize, any::<bool>()), 1..4);
        (roads, deeds, settings(), stops).prop_map(move |(roads, deeds, settings, stops)| Plan {
            cities,
            roads,
            deeds,
            settings,
            stops,
        })
    })
}

/// Does at each city what the plan says, and tells what it saw there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Roamer<const LEAVES: bool> {
    deeds: Vec<Vec<Deed>>,
    pub(super) cities: Vec<Id>,
    /// The sum of the numbers of its visits.
    pub(super) sum: u64,
    pub(super) exits: u32,
}

impl<const LEAVES: bool> Roamer<LEAVES> {
    async fn act(&self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        if here.is_edge() {
            let road: Stored<Road> = here.decode()?;
            walk.report(format!("road {} {} {}", road.km, walk.step(), walk.depth()));
            return Ok(if road.km.is_multiple_of(4) { Control::Skip } else { Control::Continue });
        }
        let mut city = here.decode::<City>()?;
        let (step, depth, ways) = (walk.step(), walk.depth(), walk.path().len());
        walk.report(format!("{} {step} {depth} {ways} {}", city.name, city.visits));
        let number = city.name.parse().unwrap_or(usize::MAX);
        for deed in self.deeds.get(number).into_iter().flatten() {
            let answer = guard(self.deed(*deed, &mut city, walk)).await;
            match walk.answered("deed", answer)? {
                Control::Continue => {}
                stop => return Ok(stop),
            }
        }
        Ok(Control::Continue)
    }

    async fn deed(
        &self,
        deed: Deed,
        city: &mut Stored<City>,
        walk: &mut Walk<Self>,
    ) -> jvspatial_core::Result<Control> {
        let id = |other: usize| &self.cities[other];
        match deed {
            Deed::Follow => walk.follow(out::<Road>()),
            Deed::FollowBack => walk.follow(both::<Road>()),
            Deed::FollowEdges => walk.follow_edges(out::<Road>()),
            Deed::FollowLong(km) => walk.follow(out::<Road>().filter(|road| road.km.gte(km))),
            Deed::FollowRanked(rank) => walk.follow_ranked(f64::from(rank), out::<Road>()),
            Deed::Save => {
                city.visits += 1;
                city.tags.push(walk.step().to_string());
                walk.save(city);
            }
            Deed::Visit(other) => walk.visit(id(other)),
            Deed::VisitRanked(rank, other) => walk.visit_ranked(f64::from(rank), id(other)),
            Deed::Revisit(other) => walk.revisit(id(other)),
            Deed::Next(other) => {
                walk.queue().await?.visit_next([id(other)])?;
            }
            Deed::Dequeue(other) => {
                walk.queue().await?.dequeue(id(other));
            }
            Deed::Delete(other) => walk.delete(id(other)),
            Deed::Found => {
                let founded = walk.create(City::new("new"));
                walk.connect_ids(&*city, &founded, Road { km: 5 });
                walk.visit(&founded);
            }
            Deed::Join(other) => walk.connect_ids(&*city, id(other), Road { km: 7 }),
            Deed::Part(other) => walk.disconnect::<Road>(&*city, id(other)),
            Deed::Yield => tokio::task::yield_now().await,
            Deed::Skip => return Ok(Control::Skip),
            Deed::Fail => return Err(refusal()),
            Deed::Pause => return Ok(Control::Pause),
            Deed::Disengage => return Ok(Control::Disengage),
        }
        Ok(Control::Continue)
    }
}

impl<const LEAVES: bool> Walker for Roamer<LEAVES> {
    type Report = String;
    const NAME: &'static str = "Roamer";
    const LEAVES: bool = LEAVES;

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.sum += walk.step();
        self.act(here, walk).await
    }

    async fn leave(&mut self, here: &mut Here, walk: &mut Walk<Self>) -> Result<(), HookError> {
        walk.report(format!("left {} {}", walk.step(), walk.depth()));
        if here.is_node() {
            let mut city: Stored<City> = here.decode()?;
            city.tags.push(format!("left {}", walk.step()));
            walk.save(&mut city);
        }
        Ok(())
    }

    async fn exit(&mut self, ended: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.exits += 1;
        walk.create(City { visits: self.sum, ..City::new("end") });
        walk.report(format!("{ended} {} {}", walk.step(), walk.depth()));
        Ok(())
    }
}

impl<const LEAVES: bool> ParallelWalker for Roamer<LEAVES> {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.act(here, walk).await
    }
}

impl<const LEAVES: bool> Fork for Roamer<LEAVES> {
    fn fork(&self) -> Self {
        Self { sum: 0, ..self.clone() }
    }

    fn merge(&mut self, part: Self) {
        self.sum += part.sum;
    }
}

/// Begins with nothing but the cities and their roads.
pub(super) async fn build<const LEAVES: bool>(graph: &Graph, plan: &Plan) -> Roamer<LEAVES> {
    graph.nodes::<City>().delete().await.unwrap();
    let named = (0..plan.cities).map(|number| City::new(&number.to_string()));
    let created = graph.create_many(named.collect::<Vec<_>>()).await.unwrap();
    let roads = plan.roads.iter().zip(0..);
    let roads = roads.map(|((from, to), km)| (&created[*from], &created[*to], Road { km }));
    let _ = graph.connect_many_ids(roads).await.unwrap();
    let cities = created.iter().map(|city| city.id().clone()).collect();
    Roamer { deeds: plan.deeds.clone(), cities, sum: 0, exits: 0 }
}

impl Plan {
    pub(super) fn begin<const LEAVES: bool>(
        &self,
        graph: &Graph,
        walker: Roamer<LEAVES>,
        name: &str,
    ) -> WalkBuilder<Roamer<LEAVES>> {
        let settings = self.settings;
        let start = walker.cities[0].clone();
        let walk: WalkBuilder<Roamer<LEAVES>> = graph
            .walk(walker)
            .from(start)
            .chunk_size(settings.chunk_size)
            .batch_size(settings.batch_size)
            .uniqueness(settings.uniqueness)
            .on_error(settings.on_error)
            .on_conflict(OnConflict::Report)
            .max_steps(settings.max_steps)
            .max_visits(settings.max_visits)
            .max_writes(settings.max_writes)
            .max_depth(30)
            .trail(settings.trail)
            .checkpoint(name, settings.every);
        match settings.order {
            Order::BreadthFirst => walk,
            Order::DepthFirst => walk.depth_first(),
            Order::ByRank => walk.by_rank(),
        }
    }

    /// The same walk by those who share it.
    pub(super) fn shared<const LEAVES: bool>(
        &self,
        walk: WalkBuilder<Roamer<LEAVES>>,
    ) -> WalkBuilder<Roamer<LEAVES>> {
        match self.settings.way {
            Way::Sequential => walk,
            Way::Parallel(workers) => walk.parallel(workers),
            Way::Forked(workers) => walk.parallel_forked(workers),
        }
    }
}
