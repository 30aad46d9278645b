//! A walk whose future is dropped at any await point: every batch is there whole or not at all, later calls work, and
//! nothing is left behind.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use jvspatial_core::__private::guard;
use jvspatial_core::{
    Control, Fork, Graph, Here, HookError, ParallelWalker, Result, Stored, Walk, WalkBuilder,
    Walker, WriteMode, out,
};
use jvspatial_db::{
    Adjacent, Bson, Capabilities, Collection, Cursor, Database, Document, Expansion, FieldPath,
    Filter, Handle, Id, OrdinalPin, OrdinalSet, Query, Transaction, WriteBatch, WriteReport,
};
use tempfile::TempDir;
use tokio::task::yield_now;

use crate::model::{City, Road};

/// A database every call of which can be dropped before and after it is made.
#[derive(Debug)]
struct Paced {
    inner: Arc<dyn Database>,
    under_way: AtomicUsize,
}

/// A call under way.
struct Call<'a>(&'a AtomicUsize);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Paced {
    async fn pace<T>(&self, call: impl Future<Output = T>) -> T {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let _call = Call(&self.under_way);
        yield_now().await;
        let answer = call.await;
        yield_now().await;
        answer
    }
}

type Answer<T> = jvspatial_db::Result<T>;

#[async_trait]
impl Database for Paced {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Answer<Vec<Option<Document>>> {
        self.pace(self.inner.get_many(handles)).await
    }

    async fn write(&self, batch: WriteBatch) -> Answer<WriteReport> {
        self.pace(self.inner.write(batch)).await
    }

    async fn find(&self, query: Query) -> Answer<Cursor> {
        self.pace(self.inner.find(query)).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Answer<u64> {
        self.pace(self.inner.count(collection, filter)).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Answer<Vec<Bson>> {
        self.pace(self.inner.distinct(collection, field, filter)).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Answer<Vec<Adjacent>> {
        self.pace(self.inner.neighbors(from, expansion)).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Answer<Vec<Adjacent>> {
        self.pace(self.inner.neighbors_except(from, expansion, known)).await
    }

    async fn begin(&self) -> Answer<Arc<dyn Transaction>> {
        self.pace(self.inner.begin()).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.inner.pin_ordinals()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.inner.handle(id)
    }

    async fn close(&self) -> Answer<()> {
        self.inner.close().await
    }
}

/// Counts up every city that roads lead to.
#[derive(Clone, Debug, Default)]
struct Tour {
    visited: u64,
    /// Has an inner walk count each city too.
    spawns: bool,
    /// Takes hold of the queue at each city.
    queues: bool,
}

impl Tour {
    async fn city(&self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        let mut city = here.decode::<City>()?;
        let answer = guard(async {
            yield_now().await;
            walk.follow(out::<Road>());
            if self.queues {
                assert!(walk.queue().await?.len() < 100);
            }
            if self.spawns {
                drop(Box::pin(walk.spawn(Look).max_depth(1).run()).await?);
            }
            city.visits += 1;
            walk.save(&mut city);
            walk.report(city.name.clone());
            Result::<_>::Ok(Control::Continue)
        });
        let answer = answer.await;
        walk.answered("city", answer)
    }
}

impl Walker for Tour {
    type Report = String;
    const NAME: &'static str = "Tour";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.visited += 1;
        self.city(here, walk).await
    }
}

impl ParallelWalker for Tour {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.city(here, walk).await
    }
}

impl Fork for Tour {
    fn fork(&self) -> Self {
        self.clone()
    }

    fn merge(&mut self, part: Self) {
        self.visited += part.visited;
    }
}

/// Visits what roads lead to.
struct Look;

impl Walker for Look {
    type Report = String;
    const NAME: &'static str = "Look";

    async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

const CITIES: usize = 10;
/// How many saves go together.
const BATCH: usize = 3;

/// A database with cities in a tree.
struct World {
    paced: Arc<Paced>,
    root: Stored<City>,
    cities: Vec<Id>,
    _directory: Option<TempDir>,
}

/// The databases to be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Memory,
    Json,
    #[cfg(feature = "mongodb")]
    Mongo,
}

impl World {
    async fn new(kind: Kind) -> Self {
        let mut directory = None;
        let inner = match kind {
            Kind::Memory => jvspatial_db::open("memory:").await.unwrap(),
            Kind::Json => {
                let directory = directory.insert(TempDir::new().unwrap());
                let path = directory.path().join("db");
                let url = format!("json:{}?durability=os", path.display());
                jvspatial_db::open(&url).await.unwrap()
            }
            #[cfg(feature = "mongodb")]
            Kind::Mongo => Arc::clone(crate::mongo::another_graph().await.database()),
        };
        let paced = Arc::new(Paced { inner, under_way: AtomicUsize::new(0) });
        let graph = Graph::with_database(Arc::clone(&paced) as _);
        let cities = (0..CITIES).map(|number| City::new(&number.to_string()));
        let cities: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
        let roads = (1..CITIES).map(|at| (&cities[(at - 1) / 3], &cities[at], Road { km: 1 }));
        graph.connect_many(roads).await.unwrap().into_result().unwrap();
        let ids = cities.iter().map(|city| city.id().clone()).collect();
        let root = cities.into_iter().next().unwrap();
        Self { paced, root, cities: ids, _directory: directory }
    }

    fn graph(&self) -> Graph {
        Graph::with_database(Arc::clone(&self.paced) as _)
    }

    /// How often each city was counted, in the order in which they are visited.
    async fn visits(&self) -> Vec<u64> {
        let graph = self.graph();
        let cities = graph.get_many::<City>(&self.cities).await.unwrap();
        cities.into_iter().map(|city| city.unwrap().visits).collect()
    }

    /// Waits until nobody else holds the database.
    async fn settle(&self, case: &str) {
        for _ in 0..20_000 {
            let alone = Arc::strong_count(&self.paced) == 1;
            if alone && self.paced.under_way.load(Ordering::Relaxed) == 0 {
                return;
            }
            yield_now().await;
            if !alone {
                tokio::time::sleep(std::time::Duration::from_micros(100)).await;
            }
        }
        panic!("{case}: {} still hold the database", Arc::strong_count(&self.paced) - 1);
    }
}

/// Polls a future `polls` times and drops it; whether it was done by then.
async fn polled(polls: usize, future: impl Future<Output = ()>) -> bool {
    let mut future: Pin<Box<_>> = Box::pin(future);
    let mut left = polls;
    let done = std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            // It is not polled before it asks for it, but dropped at once after the last.
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    });
    done.await
}

type Walking<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn walk(graph: &Graph, root: &Stored<City>, walker: Tour) -> WalkBuilder<Tour> {
    graph.walk(walker).from(root).chunk_size(BATCH).batch_size(BATCH)
}

/// Drops what `begin` begins after any number of polls. `unit` saves are there together or not at all.
async fn at_every_point(
    kind: Kind,
    stride: usize,
    name: &str,
    unit: usize,
    begin: fn(Graph, Stored<City>) -> Walking<'static>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for polls in (0..).step_by(stride) {
        let case = format!("{name} on {kind:?} dropped after {polls} polls");
        assert!(polls < 5_000, "{case}");
        let world = World::new(kind).await;
        world.settle(&case).await;
        let done = polled(polls, begin(world.graph(), world.root.clone())).await;
        world.settle(&case).await;
        // A batch that was handed over may be on its way; the next write finds it settled.
        world.graph().create(City::new("later")).await.unwrap();
        let visits = world.visits().await;
        let saved = visits.iter().filter(|visits| **visits > 0).count();
        seen.insert(saved);
        assert!(visits.is_sorted_by(|before, after| before >= after), "{case}: {visits:?}");
        assert!(visits.iter().all(|visits| *visits <= 1), "{case}: {visits:?}");
        assert!(saved % unit == 0 || saved == CITIES, "{case}: {visits:?}");
        assert!(!done || saved == CITIES, "{case}: {visits:?}");
        // What comes later works as if nothing had been.
        let again = walk(&world.graph(), &world.root, Tour::default()).run().await.unwrap();
        assert_eq!(again.reports.len(), CITIES, "{case}");
        let visits = world.visits().await;
        assert_eq!(visits.iter().sum::<u64>(), (CITIES + saved) as u64, "{case}");
        world.settle(&case).await;
        if done {
            assert!(seen.contains(&0), "{name}: nothing was dropped before the first batch");
            return;
        }
    }
}

macro_rules! ways {
    ($kind:expr, $stride:expr) => {{
        let (kind, stride) = ($kind, $stride);
        at_every_point(kind, stride, "run", BATCH, |graph, root| {
            Box::pin(async move { drop(walk(&graph, &root, Tour::default()).run().await.unwrap()) })
        })
        .await;
        at_every_point(kind, stride, "a walk one by one", 1, |graph, root| {
            Box::pin(async move {
                let walk = walk(&graph, &root, Tour::default());
                drop(walk.write_mode(WriteMode::Immediate).run().await.unwrap());
            })
        })
        .await;
        at_every_point(kind, stride, "a parallel walk", BATCH, |graph, root| {
            Box::pin(async move {
                drop(walk(&graph, &root, Tour::default()).parallel(2).run().await.unwrap());
            })
        })
        .await;
        at_every_point(kind, stride, "a forked walk", BATCH, |graph, root| {
            Box::pin(async move {
                let walk = walk(&graph, &root, Tour::default()).parallel_forked(2).concurrency(4);
                drop(walk.run().await.unwrap());
            })
        })
        .await;
        // Those are tasks of their own, unless they are polled as a stream.
        at_every_point(kind, stride, "a parallel stream", BATCH, |graph, root| {
            Box::pin(async move {
                let mut stream = walk(&graph, &root, Tour::default()).parallel(2).stream();
                while stream.try_next().await.unwrap().is_some() {}
            })
        })
        .await;
        at_every_point(kind, stride, "a forked stream", BATCH, |graph, root| {
            Box::pin(async move {
                let walk = walk(&graph, &root, Tour::default()).parallel_forked(2).concurrency(4);
                let mut stream = walk.stream();
                while stream.try_next().await.unwrap().is_some() {}
            })
        })
        .await;
        at_every_point(kind, stride, "a stream", BATCH, |graph, root| {
            Box::pin(async move {
                let mut stream = walk(&graph, &root, Tour::default()).report_room(1).stream();
                while stream.try_next().await.unwrap().is_some() {
                    yield_now().await;
                }
            })
        })
        .await;
        at_every_point(kind, stride, "an outer walk", 1, |graph, root| {
            Box::pin(async move {
                let walker = Tour { spawns: true, ..Tour::default() };
                drop(walk(&graph, &root, walker).run().await.unwrap());
            })
        })
        .await;
        at_every_point(kind, stride, "a walk that holds its queue", 1, |graph, root| {
            Box::pin(async move {
                let walker = Tour { queues: true, ..Tour::default() };
                drop(walk(&graph, &root, walker).run().await.unwrap());
            })
        })
        .await;
        at_every_point(kind, stride, "steps", 1, |graph, root| {
            Box::pin(async move {
                let mut steps = walk(&graph, &root, Tour::default()).stepper();
                while steps.step().await.unwrap() {}
            })
        })
        .await;
        at_every_point(kind, stride, "an atomic walk", CITIES, |graph, root| {
            Box::pin(async move {
                let walk = walk(&graph, &root, Tour::default());
                drop(walk.write_mode(WriteMode::Atomic).run().await.unwrap());
            })
        })
        .await;
        at_every_point(kind, stride, "a dry run and its changes", CITIES, |graph, root| {
            Box::pin(async move {
                let dry = walk(&graph, &root, Tour::default()).dry_run().await.unwrap();
                dry.apply().await.unwrap();
            })
        })
        .await;
    }};
}

#[tokio::test]
async fn a_walk_dropped_anywhere_leaves_whole_batches_and_nothing_else_in_memory() {
    ways!(Kind::Memory, 1);
}

#[cfg(feature = "json")]
#[tokio::test]
async fn a_walk_dropped_anywhere_leaves_whole_batches_and_nothing_else_in_json() {
    ways!(Kind::Json, 1);
}

#[cfg(feature = "mongodb")]
#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_walk_dropped_anywhere_leaves_nothing_in_the_way_on_mongodb() {
    ways!(Kind::Mongo, 17);
}

#[tokio::test]
async fn a_step_that_is_dropped_loses_its_walk_alone() {
    for polls in 1..6 {
        let world = World::new(Kind::Memory).await;
        let mut steps = walk(&world.graph(), &world.root, Tour::default()).stepper();
        assert!(steps.step().await.unwrap());
        let done = polled(polls, async {
            steps.step().await.unwrap();
        });
        if !done.await {
            assert!(!steps.step().await.unwrap(), "{polls}");
            assert!(steps.outcome().is_none(), "{polls}");
        }
        drop(steps);
        world.settle("a lost step").await;
    }
}
