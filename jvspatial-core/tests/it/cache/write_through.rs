//! Documents that are kept as they were written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jvspatial_core::{ErrorKind, Graph, Strategy};
use jvspatial_db::{Database, Id, WriteBatch};

use super::fickle::{Fault, Fickle};
use super::roomy;
use crate::model::{City, Road};
use crate::spy::Spy;

async fn open(database: Arc<dyn Database>) -> Graph {
    let options = roomy().strategy(Strategy::WriteThrough);
    Graph::builder().database(database).cache(options).open().await.unwrap()
}

struct World {
    graph: Graph,
    spy: Arc<Spy>,
}

impl World {
    async fn open() -> Self {
        let spy = Arc::new(Spy::default());
        Self { graph: open(spy.clone()).await, spy }
    }

    async fn visits(&self, id: &Id) -> Option<u64> {
        self.graph.get::<City>(id).await.unwrap().map(|city| city.visits)
    }

    /// How often the database was read since this was asked last.
    fn reads(&self) -> usize {
        self.spy.reads.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_read_after_a_write_costs_no_load() {
    let world = World::open().await;
    let mut oslo = world.graph.create(City::new("Oslo")).await.unwrap();
    let created = world.graph.get::<City>(oslo.id()).await.unwrap().unwrap();
    assert_eq!((created.name.as_str(), created.version()), ("Oslo", oslo.version()));
    for visits in 1..4 {
        oslo.visits = visits;
        world.graph.save(&mut oslo).await.unwrap();
        let read = world.graph.get::<City>(oslo.id()).await.unwrap().unwrap();
        assert_eq!((read.visits, read.version()), (visits, oslo.version()));
    }
    assert_eq!(world.reads(), 0);
    // What is kept can be saved again.
    let mut read = world.graph.get::<City>(oslo.id()).await.unwrap().unwrap();
    read.visits = 9;
    world.graph.save(&mut read).await.unwrap();
    assert_eq!(world.visits(oslo.id()).await, Some(9));
    assert_eq!(world.reads(), 0);
}

#[tokio::test]
async fn without_it_a_read_after_a_write_is_a_load() {
    let spy = Arc::new(Spy::default());
    let graph = Graph::builder().database(spy.clone()).cache(roomy()).open().await.unwrap();
    let oslo = graph.create(City::new("Oslo")).await.unwrap();
    graph.get::<City>(oslo.id()).await.unwrap();
    assert_eq!(spy.reads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_was_refused_is_not_kept() {
    let world = World::open().await;
    let mut first = world.graph.create(City::new("Oslo")).await.unwrap();
    let mut second = world.graph.get::<City>(first.id()).await.unwrap().unwrap();
    first.visits = 1;
    world.graph.save(&mut first).await.unwrap();
    second.visits = 2;
    assert!(world.graph.save(&mut second).await.is_err());
    assert_eq!(world.visits(first.id()).await, Some(1));
}

#[tokio::test]
async fn the_last_operation_on_an_id_decides() {
    let world = World::open().await;
    let oslo = world.graph.create(City::new("Oslo")).await.unwrap();
    let database = world.graph.database();
    let mut batch = WriteBatch::new(database.capabilities().encoding);
    batch
        .update(oslo.id().clone(), oslo.version(), &City { visits: 1, ..City::new("Oslo") })
        .unwrap();
    batch.delete(oslo.id().clone(), None, false).unwrap();
    assert!(database.write(batch).await.unwrap().is_complete());
    assert_eq!(world.visits(oslo.id()).await, None);
}

#[tokio::test]
async fn an_edge_goes_with_its_node_though_both_were_just_written() {
    let world = World::open().await;
    let (a, b) = (City::new("a"), City::new("b"));
    let (a, b) = (world.graph.create(a).await.unwrap(), world.graph.create(b).await.unwrap());
    let road = world.graph.connect(&a, &b, Road { km: 1 }).await.unwrap();
    world.graph.delete(a.id()).await.unwrap();
    assert!(world.graph.get::<Road>(road.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_may_have_been_written_is_read_from_the_database() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::UnknownBefore, Fault::UnknownAfter] {
        let database = Arc::new(Fickle::default());
        let graph = open(database.clone()).await;
        let mut oslo = graph.create(City::new("Oslo")).await.unwrap();
        database.fail([fault]);
        oslo.visits = 1;
        let error = graph.save(&mut oslo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown);
        let happened = matches!(fault, Fault::LostAfter | Fault::UnknownAfter);
        let read = graph.get::<City>(oslo.id()).await.unwrap().unwrap();
        assert_eq!(read.visits, u64::from(happened), "{fault:?}");
        assert_eq!(database.reads.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_write_whose_reply_comes_after_a_later_write_is_not_kept() {
    let database = Arc::new(Fickle::default());
    let graph = open(database.clone()).await;
    let mut first = graph.create(City::new("Oslo")).await.unwrap();
    let id = first.id().clone();
    let late = database.be_late();
    first.visits = 1;
    let saving = tokio::spawn({
        let graph = graph.clone();
        async move { graph.save(&mut first).await }
    });
    while database.stored(&id).await.unwrap().version.get() < 2 {
        tokio::task::yield_now().await;
    }
    graph.modify::<City>(&id, |city| city.visits += 1).await.unwrap();
    late.notify_one();
    saving.await.unwrap().unwrap();
    let read = graph.get::<City>(&id).await.unwrap().unwrap();
    assert_eq!((read.visits, read.version().get()), (2, 3));
}

/// Writers of one document whose writes overlap; each then knows a version that no later read may be below.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_after_a_write_is_older_than_it_however_writes_overlap() {
    let world = Arc::new(World::open().await);
    let id = world.graph.create(City::new("Oslo")).await.unwrap().id().clone();
    let writers = (0..4).map(|_| {
        let (world, id) = (Arc::clone(&world), id.clone());
        tokio::spawn(async move {
            for _ in 0..300 {
                let Some(mut city) = world.graph.get::<City>(&id).await.unwrap() else { panic!() };
                city.visits += 1;
                let written = match world.graph.save(&mut city).await {
                    Ok(()) => city.version(),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Conflict);
                        continue;
                    }
                };
                let read = world.graph.get::<City>(&id).await.unwrap().unwrap();
                assert!(read.version() >= written, "{} after {written}", read.version());
                assert_eq!(read.visits + 1, read.version().get());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let handle = world.spy.handle(&id);
    let stored = world.spy.get_many(&[handle]).await.unwrap().remove(0).unwrap();
    assert_eq!(world.visits(&id).await.unwrap() + 1, stored.version.get());
}
