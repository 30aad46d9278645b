//! Documents kept by their ids.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jvspatial_core::{CacheOptions, Graph, Stored};
use jvspatial_db::Id;

use super::roomy;
use crate::model::City;
use crate::spy::Spy;

struct World {
    graph: Graph,
    spy: Arc<Spy>,
}

impl World {
    async fn with(options: CacheOptions) -> Self {
        let spy = Arc::new(Spy::default());
        let graph = Graph::builder().database(spy.clone()).cache(options).open().await.unwrap();
        Self { graph, spy }
    }

    async fn city(&self, name: &str) -> Stored<City> {
        self.graph.create(City::new(name)).await.unwrap()
    }

    async fn get(&self, id: &Id) -> Option<Stored<City>> {
        self.graph.get(id).await.unwrap()
    }

    /// How often the database was read since this was asked last.
    fn reads(&self) -> usize {
        self.spy.reads.swap(0, Ordering::Relaxed)
    }
}

#[cfg(feature = "json")]
#[tokio::test]
async fn a_database_that_nobody_else_writes_to_is_not_followed() {
    let tasks = async |options: CacheOptions| {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("json:{}", directory.path().join("store").display());
        let graph = Graph::builder().url(url).cache(options).open().await.unwrap();
        let city = graph.create(City::new("Oslo")).await.unwrap();
        graph.get::<City>(city.id()).await.unwrap();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        graph.close().await.unwrap();
        tasks
    };
    assert_eq!(tasks(roomy()).await, tasks(CacheOptions::new()).await);
}

#[tokio::test]
async fn a_document_is_read_once() {
    let world = World::with(roomy()).await;
    let city = world.city("Oslo").await;
    for _ in 0..3 {
        assert_eq!(world.get(city.id()).await.unwrap().name, "Oslo");
    }
    assert_eq!(world.reads(), 1);
    let statistics = world.graph.cache_statistics().entities;
    assert_eq!((statistics.hits, statistics.misses), (2, 1));
}

#[tokio::test]
async fn what_is_kept_is_had_without_waiting_for_as_long_as_it_is_true() {
    let world = World::with(roomy()).await;
    let mut city = world.city("Oslo").await;
    let id = city.id().clone();
    let kept = || world.graph.database().get_kept(&id);
    assert!(kept().is_none());
    world.get(&id).await.unwrap();
    assert_eq!(kept().flatten().unwrap().id, id);
    city.visits += 1;
    world.graph.save(&mut city).await.unwrap();
    assert!(kept().is_none());
    world.get(&id).await.unwrap();
    assert_eq!(kept().flatten().unwrap().version, city.version());
    world.graph.delete(&id).await.unwrap();
    assert!(kept().is_none());
    assert!(world.get(&id).await.is_none());
    assert!(matches!(kept(), Some(None)));
    world.reads();
    world.get(&id).await;
    assert_eq!(world.reads(), 0);
}

#[tokio::test]
async fn without_room_for_documents_each_read_goes_to_the_database() {
    let world = World::with(CacheOptions::new()).await;
    let city = world.city("Oslo").await;
    world.get(city.id()).await.unwrap();
    world.get(city.id()).await.unwrap();
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn of_many_ids_only_those_that_are_not_kept_are_read() {
    let world = World::with(roomy()).await;
    let [a, b, c] = [world.city("a").await, world.city("b").await, world.city("c").await];
    world.get(b.id()).await.unwrap();
    assert_eq!(world.reads(), 1);
    let ids = [a.id(), b.id(), c.id(), a.id()];
    let found = world.graph.get_many::<City>(&ids).await.unwrap();
    let names: Vec<_> = found.iter().flatten().map(|city| city.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "a"]);
    assert_eq!(world.reads(), 1);
    world.graph.get_many::<City>(&ids).await.unwrap();
    assert_eq!(world.reads(), 0);
}

#[tokio::test]
async fn a_change_that_was_not_saved_is_seen_by_nobody_else() {
    let world = World::with(roomy()).await;
    let id = world.city("Oslo").await.id().clone();
    let mut mine = world.get(&id).await.unwrap();
    mine.name = "Kristiania".into();
    assert_eq!(world.get(&id).await.unwrap().name, "Oslo");
}

#[tokio::test]
async fn a_save_from_a_kept_document_keeps_its_version_check() {
    let world = World::with(roomy()).await;
    let id = world.city("Oslo").await.id().clone();
    let (mut first, mut second) = (world.get(&id).await.unwrap(), world.get(&id).await.unwrap());
    first.visits = 1;
    world.graph.save(&mut first).await.unwrap();
    second.visits = 2;
    assert!(world.graph.save(&mut second).await.is_err());
    let third = world.get(&id).await.unwrap();
    assert_eq!((third.visits, third.version().get()), (1, 2));
}

#[tokio::test]
async fn a_deleted_document_is_gone_and_one_made_again_is_there() {
    let world = World::with(roomy()).await;
    let id = world.city("Oslo").await.id().clone();
    world.get(&id).await.unwrap();
    world.graph.delete(&id).await.unwrap();
    assert!(world.get(&id).await.is_none());
    assert!(world.get(&id).await.is_none());
    let key = id.to_string().rsplit('.').next().unwrap().to_owned();
    world.graph.create_with_key(&key, City::new("again")).await.unwrap();
    let again = world.get(&id).await.unwrap();
    assert_eq!((again.name.as_str(), again.version().get()), ("again", 1));
}

#[tokio::test]
async fn that_there_is_none_is_kept_for_a_short_time() {
    let world = World::with(roomy().negative(Duration::from_millis(40))).await;
    let id: Id = "n.City.none".parse().unwrap();
    assert!(world.get(&id).await.is_none());
    assert!(world.get(&id).await.is_none());
    assert_eq!(world.reads(), 1);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(world.get(&id).await.is_none());
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn a_document_too_large_for_the_room_is_read_each_time() {
    let world = World::with(CacheOptions::new().entity_bytes(1 << 20)).await;
    let city = world.city(&"x".repeat(200_000)).await;
    world.get(city.id()).await.unwrap();
    world.get(city.id()).await.unwrap();
    assert_eq!(world.reads(), 2);
    assert_eq!(world.graph.cache_statistics().entities.oversize, 2);
}

#[tokio::test]
async fn what_is_kept_is_given_up_for_room() {
    let world = World::with(CacheOptions::new().entity_bytes(32 << 10)).await;
    for n in 0..500 {
        let city = world.city(&format!("city {n}")).await;
        world.get(city.id()).await.unwrap();
    }
    let bytes = world.graph.cache_statistics().entities.bytes;
    assert!(bytes <= 32 << 10, "{bytes} bytes");
}

#[tokio::test]
async fn a_hundred_readers_of_one_document_read_it_once() {
    let world = Arc::new(World::with(roomy()).await);
    let id = world.city("Oslo").await.id().clone();
    let readers = (0..100).map(|_| {
        let (world, id) = (Arc::clone(&world), id.clone());
        tokio::spawn(async move { world.get(&id).await.unwrap().name.clone() })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(reader.await.unwrap(), "Oslo");
    }
    assert_eq!(world.reads(), 1);
}
