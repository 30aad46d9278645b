//! A parallel walk comes to the same as a sequential one: visits, reports, errors and what is stored.

use std::collections::BTreeMap;

use jvspatial_core::__private::{guard, guard_sync};
use jvspatial_core::{
    Control, Ended, Fork, Graph, Here, HookError, OnConflict, OnError, Outcome, ParallelWalker,
    Result, Stats, Stored, Uniqueness, Walk, WalkBuilder, Walker, WriteMode, both, out,
};
use jvspatial_db::{Collection, Filter, Id, Query};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::backends::graphs;
use crate::model::{City, Road};

/// Cities by number, joined by roads, and what the hooks do in each.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    cities: usize,
    roads: Vec<(usize, usize)>,
    deeds: Vec<Vec<Deed>>,
    settings: Settings,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    chunk_size: usize,
    batch_size: usize,
    uniqueness: Uniqueness,
    on_conflict: OnConflict,
    on_error: OnError,
    mode: WriteMode,
    max_steps: u64,
    max_visits: Option<u32>,
    max_writes: u64,
    max_reports: u64,
}

/// What a hook does at a city; the number is that of another.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Follow,
    FollowBack,
    FollowEdges,
    Save,
    SaveOther(usize),
    Visit(usize),
    Revisit(usize),
    Next(usize),
    Dequeue(usize),
    Clear,
    Delete(usize),
    Found,
    Join(usize),
    Part(usize),
    Yield,
    Skip,
    Fail,
    Panic,
    Pause,
    Disengage,
}

fn deed(cities: usize) -> impl Strategy<Value = Deed> {
    let other = 0..cities;
    prop_oneof![
        30 => Just(Deed::Follow),
        5 => Just(Deed::FollowBack),
        5 => Just(Deed::FollowEdges),
        10 => Just(Deed::Save),
        3 => other.clone().prop_map(Deed::SaveOther),
        4 => other.clone().prop_map(Deed::Visit),
        2 => other.clone().prop_map(Deed::Revisit),
        1 => other.clone().prop_map(Deed::Next),
        1 => other.clone().prop_map(Deed::Dequeue),
        1 => Just(Deed::Clear),
        1 => other.clone().prop_map(Deed::Delete),
        2 => Just(Deed::Found),
        2 => other.clone().prop_map(Deed::Join),
        1 => other.prop_map(Deed::Part),
        5 => Just(Deed::Yield),
        1 => Just(Deed::Skip),
        1 => Just(Deed::Fail),
        1 => Just(Deed::Panic),
        1 => Just(Deed::Pause),
        1 => Just(Deed::Disengage),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let sizes = (prop_oneof![1..6_usize, Just(1_000)], prop_oneof![1..6_usize, Just(500)]);
    let uniqueness = prop_oneof![
        4 => Just(Uniqueness::NodeOnce),
        1 => Just(Uniqueness::EdgeOnce),
        1 => Just(Uniqueness::PathOnce),
        1 => Just(Uniqueness::Unlimited),
    ];
    let on_conflict =
        prop_oneof![Just(OnConflict::Report), Just(OnConflict::Fail), Just(OnConflict::Revisit(2))];
    let on_error = prop_oneof![Just(OnError::Collect), Just(OnError::Skip), Just(OnError::Fail)];
    let mode = prop_oneof![
        4 => Just(WriteMode::Batched),
        1 => Just(WriteMode::Immediate),
        1 => Just(WriteMode::Atomic),
    ];
    let most = || prop_oneof![3 => Just(60_u64), 1 => 0..40_u64];
    let max_visits = prop_oneof![3 => Just(None), 1 => (1..4_u32).prop_map(Some)];
    let most = (most(), most(), most(), max_visits);
    (sizes, uniqueness, on_conflict, on_error, mode, most).prop_map(
        |((chunk_size, batch_size), uniqueness, on_conflict, on_error, mode, most)| Settings {
            chunk_size,
            batch_size,
            uniqueness,
            on_conflict,
            on_error,
            mode,
            max_steps: most.0,
            max_visits: most.3,
            max_writes: most.1,
            max_reports: most.2,
        },
    )
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    (1..20_usize).prop_flat_map(|cities| {
        let roads = proptest::collection::vec((0..cities, 0..cities), 0..50);
        let deeds =
            proptest::collection::vec(proptest::collection::vec(deed(cities), 0..4), cities);
        (roads, deeds, settings()).prop_map(move |(roads, deeds, settings)| Plan {
            cities,
            roads,
            deeds,
            settings,
        })
    })
}

impl Plan {
    /// The same without visits of nodes by their ids: where nodes have ordinals, one met by an edge before is not known by its id
    /// again, and where they have none it is.
    pub(crate) fn without_names(mut self) -> Self {
        for deeds in &mut self.deeds {
            deeds.retain(|deed| !matches!(deed, Deed::Visit(_) | Deed::Next(_) | Deed::Found));
        }
        self
    }
}

/// Does at each city what the plan says, and reports what it saw there.
pub(crate) struct Wander {
    deeds: Vec<Vec<Deed>>,
    /// The cities as they were before the walk.
    cities: Vec<Stored<City>>,
    exits: u32,
    /// What a fork adds up.
    sum: u64,
}

pub(crate) type Report = (String, u64, u32, u64);

impl Wander {
    async fn act(&self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        if let Some(road) = here.any_edge() {
            walk.report((
                format!("{}-{}", name(road.source()), name(road.target())),
                walk.step(),
                walk.depth(),
                0,
            ));
            let is_short = road.to::<Road>()?.is_some_and(|road| road.km % 3 == 0);
            return Ok(if is_short { Control::Skip } else { Control::Continue });
        }
        let mut city = here.decode::<City>()?;
        walk.report((city.name.clone(), walk.step(), walk.depth(), city.visits));
        let number = city.name.parse::<usize>().unwrap_or(0);
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
    ) -> Result<Control> {
        let id = |other: usize| self.cities[other].id().clone();
        match deed {
            Deed::Follow => walk.follow(out::<Road>()),
            Deed::FollowBack => walk.follow(both::<Road>()),
            Deed::FollowEdges => walk.follow_edges(out::<Road>()),
            Deed::Save => {
                city.visits += 1;
                walk.save(city);
            }
            Deed::SaveOther(other) => {
                let mut other = self.cities[other].clone();
                other.visits += 100;
                walk.save(&mut other);
            }
            Deed::Visit(other) => walk.visit(id(other)),
            Deed::Revisit(other) => walk.revisit(id(other)),
            Deed::Next(other) => {
                walk.queue().await?.visit_next([id(other)])?;
            }
            Deed::Dequeue(other) => {
                walk.queue().await?.dequeue(id(other));
            }
            Deed::Clear => {
                walk.queue().await?.clear();
            }
            Deed::Delete(other) => walk.delete(id(other)),
            Deed::Found => {
                let founded = walk.create(City::new("0"));
                walk.connect_ids(&*city, &founded, Road { km: 5 });
                walk.visit(&founded);
            }
            Deed::Join(other) => walk.connect_ids(&*city, id(other), Road { km: 7 }),
            Deed::Part(other) => walk.disconnect::<Road>(&*city, id(other)),
            Deed::Yield => tokio::task::yield_now().await,
            Deed::Skip => return Ok(Control::Skip),
            Deed::Fail => return Err(jvspatial_core::Error::application("no bridge")),
            Deed::Panic => std::panic::resume_unwind(Box::new("no road")),
            Deed::Pause => return Ok(Control::Pause),
            Deed::Disengage => return Ok(Control::Disengage),
        }
        Ok(Control::Continue)
    }
}

fn name(id: &Id) -> String {
    id.to_string()
}

impl Walker for Wander {
    type Report = Report;
    const NAME: &'static str = "Wander";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.sum += walk.step();
        self.act(here, walk).await
    }

    async fn exit(&mut self, _: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.exits += 1;
        let answer = guard_sync(|| walk.report(("exit".to_owned(), walk.step(), walk.depth(), 0)));
        walk.answered("exit", answer).map(drop)
    }
}

impl ParallelWalker for Wander {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.act(here, walk).await
    }
}

impl Fork for Wander {
    fn fork(&self) -> Self {
        Self { deeds: self.deeds.clone(), cities: self.cities.clone(), exits: 0, sum: 0 }
    }

    fn merge(&mut self, part: Self) {
        self.sum += part.sum;
    }
}

/// How a walk goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Sequential,
    Parallel { workers: usize, concurrency: usize },
    Forked { workers: usize },
}

/// All that can be seen of a walk.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    reports: Vec<Report>,
    ended: Vec<Ended>,
    error: Option<String>,
    errors: Vec<String>,
    conflicts: Vec<String>,
    stats: Vec<(&'static str, u64)>,
    trail: Vec<String>,
    exits: u32,
    stored: Vec<String>,
}

/// Begins with nothing but the cities and their roads.
async fn build(graph: &Graph, plan: &Plan) -> Vec<Stored<City>> {
    graph.nodes::<City>().delete().await.unwrap();
    let names: Vec<_> = (0..plan.cities).map(|number| City::new(&number.to_string())).collect();
    let cities = graph.create_many(names).await.unwrap();
    let roads = plan.roads.iter().zip(0..);
    let roads = roads.map(|((from, to), km)| (&cities[*from], &cities[*to], Road { km }));
    let _ = graph.connect_many_ids(roads).await.unwrap();
    cities
}

/// The walk of a plan over a graph that is made for it.
pub(crate) async fn builder(graph: &Graph, plan: &Plan, way: Way) -> WalkBuilder<Wander> {
    let cities = build(graph, plan).await;
    let start = cities[0].id().clone();
    let Settings { chunk_size, batch_size, uniqueness, on_conflict, on_error, mode, .. } =
        plan.settings;
    let walker = Wander { deeds: plan.deeds.clone(), cities, exits: 0, sum: 0 };
    let builder: WalkBuilder<Wander> = graph
        .walk(walker)
        .from(start)
        .chunk_size(chunk_size)
        .batch_size(batch_size)
        .uniqueness(uniqueness)
        .on_conflict(on_conflict)
        .on_error(on_error)
        .write_mode(mode)
        .max_steps(plan.settings.max_steps)
        .max_writes(plan.settings.max_writes)
        .max_reports(plan.settings.max_reports)
        .trail(1_000);
    let builder = match plan.settings.max_visits {
        None => builder,
        Some(visits) => builder.max_visits(visits),
    };
    match way {
        Way::Sequential => builder,
        Way::Parallel { workers, concurrency } => {
            builder.parallel(workers).concurrency(concurrency)
        }
        Way::Forked { workers } => builder.parallel_forked(workers),
    }
}

async fn walk(graph: &Graph, plan: &Plan, way: Way) -> Seen {
    let mut outcome = builder(graph, plan, way).await.outcome().await.unwrap();
    let mut ended = vec![outcome.ended];
    while outcome.ended == Ended::Paused && ended.len() < 30 {
        outcome = outcome.go_on().await;
        ended.push(outcome.ended);
    }
    seen(outcome, ended, stored(graph).await)
}

pub(crate) fn seen(outcome: Outcome<Wander>, ended: Vec<Ended>, stored: Vec<String>) -> Seen {
    let text = |errors: &[jvspatial_core::Error]| errors.iter().map(ToString::to_string).collect();
    let Stats { visited, edges, revisited, missing, added, already_visited, dropped, .. } =
        outcome.stats;
    let Stats { bytes, written, unchanged, conflicts, .. } = outcome.stats;
    let stats = vec![
        ("visited", visited),
        ("edges", edges),
        ("revisited", revisited),
        ("missing", missing),
        ("added", added),
        ("already visited", already_visited),
        ("dropped", dropped),
        ("bytes", bytes),
        ("written", written),
        ("unchanged", unchanged),
        ("conflicts", conflicts),
    ];
    let steps = outcome.trail.steps().map(|step| {
        let jvspatial_core::Step { sequence, entity, edge, parent, depth, outcome, .. } = step;
        format!("{sequence}: {entity} by {edge:?} from {parent:?} at {depth}: {outcome:?}")
    });
    let mut seen = Seen {
        reports: outcome.reports.clone(),
        ended,
        error: outcome.error.as_ref().map(ToString::to_string),
        errors: text(&outcome.errors),
        conflicts: text(&outcome.conflicts),
        stats,
        trail: steps.collect(),
        exits: outcome.walker.exits,
        stored,
    };
    seen.rename();
    seen
}

pub(crate) async fn documents(
    graph: &Graph,
    collection: Collection,
) -> Vec<jvspatial_db::Document> {
    let cursor = graph.database().find(Query::new(collection, Filter::all())).await.unwrap();
    cursor.try_collect().await.unwrap()
}

/// Everything that is stored.
async fn stored(graph: &Graph) -> Vec<String> {
    let mut stored = Vec::new();
    for collection in [Collection::Node, Collection::Edge] {
        for document in documents(graph, collection).await {
            stored.push(format!("{} {}", document.version, document.to_bson().unwrap()));
        }
    }
    stored
}

impl Seen {
    /// Names ids by their order, since those that a walk gives are not those of another.
    fn rename(&mut self) {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        self.each(|text| names.extend(ids(text).map(|id| (id, String::new()))));
        for (number, name) in names.values_mut().enumerate() {
            *name = format!("<{number}>");
        }
        self.each(|text| {
            for id in ids(text).collect::<Vec<_>>() {
                *text = text.replace(&id, &names[&id]);
            }
        });
        self.stored.sort();
    }

    /// Where two walks went apart.
    pub(crate) fn first_difference(&self, other: &Self) -> String {
        let lines = |seen: &Self| -> Vec<String> {
            format!("{seen:#?}").lines().map(|line| line.trim().to_owned()).collect()
        };
        let (ours, theirs) = (lines(self), lines(other));
        let place = ours.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count();
        let part = |lines: &[String]| {
            lines.iter().skip(place).take(6).cloned().collect::<Vec<_>>().join(" ")
        };
        format!("sequential {} other {}", part(&ours), part(&theirs))
    }

    fn each(&mut self, mut see: impl FnMut(&mut String)) {
        let Self { reports, errors, conflicts, error, trail, stored, .. } = self;
        let texts = reports.iter_mut().map(|report| &mut report.0);
        let texts = texts.chain(errors).chain(conflicts).chain(error).chain(trail).chain(stored);
        texts.for_each(&mut see);
    }
}

/// The ids in a text that were not chosen.
fn ids(text: &str) -> impl Iterator<Item = String> + use<> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    let words: Vec<_> = text.split(|letter| !is_part(letter)).map(str::to_owned).collect();
    words.into_iter().filter(|word| {
        word.rsplit_once('.').is_some_and(|(before, key)| {
            key.len() == 24 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) && before.len() > 2
        })
    })
}

/// How many cases there are.
const CASES: u32 = 1_000;

#[test]
fn a_parallel_walk_comes_to_the_same_as_a_sequential_one() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.unwrap();
    let graphs = runtime.block_on(graphs());
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let concurrency = prop_oneof![2 => Just(None), 1 => (1..20_usize).prop_map(Some)];
    let result = TestRunner::new(config).run(
        &(plan(), 1..=8_usize, concurrency),
        |(plan, workers, concurrency)| {
            let concurrency = concurrency.unwrap_or(workers);
            let ways = [Way::Parallel { workers, concurrency }, Way::Forked { workers }];
            for graph in &graphs {
                let sequential = runtime.block_on(walk(graph, &plan, Way::Sequential));
                for way in ways {
                    let seen = runtime.block_on(walk(graph, &plan, way));
                    let difference = || sequential.first_difference(&seen);
                    prop_assert!(sequential == seen, "{way:?}: {}", difference());
                }
            }
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
}
