//! What is counted, by what was read.

use std::sync::Arc;

use jvspatial_core::{CacheOptions, Graph, PrefixStatistics, Stored};
use jvspatial_db::Id;

use super::roomy;
use crate::model::{City, Road};
use crate::spy::Spy;

async fn graph(options: CacheOptions) -> Graph {
    let spy = Arc::new(Spy::default());
    Graph::builder().database(spy).cache(options).open().await.unwrap()
}

async fn city(graph: &Graph, name: &str) -> Stored<City> {
    graph.create(City::new(name)).await.unwrap()
}

fn cities(graph: &Graph) -> PrefixStatistics {
    graph.cache_statistics().prefix("n.City.", "")
}

#[tokio::test]
async fn documents_count_in_the_row_of_their_type() {
    let graph = graph(roomy()).await;
    let (oslo, bergen) = (city(&graph, "Oslo").await, city(&graph, "Bergen").await);
    let road = graph.connect(&oslo, &bergen, Road { km: 463 }).await.unwrap();
    for _ in 0..3 {
        graph.get::<City>(oslo.id()).await.unwrap();
    }
    graph.get::<Road>(road.id()).await.unwrap();
    let row = cities(&graph);
    assert_eq!((row.hits, row.misses, row.loads, row.stale), (2, 1, 1, 0));
    assert!(row.bytes > 0);
    let road = graph.cache_statistics().prefix("e.Road.", "");
    assert_eq!((road.hits, road.misses, road.loads), (0, 1, 1));
    let all = graph.cache_statistics().entities;
    assert_eq!((all.hits, all.misses, all.loads), (2, 2, 2));
    assert_eq!(all.bytes, row.bytes + road.bytes);
}

#[tokio::test]
async fn what_was_written_since_counts_as_stale() {
    let graph = graph(roomy()).await;
    let mut oslo = city(&graph, "Oslo").await;
    graph.get::<City>(oslo.id()).await.unwrap();
    oslo.visits = 1;
    graph.save(&mut oslo).await.unwrap();
    graph.get::<City>(oslo.id()).await.unwrap();
    let row = cities(&graph);
    assert_eq!((row.hits, row.misses, row.stale, row.loads), (0, 1, 1, 2));
}

#[tokio::test]
async fn readers_that_wait_for_the_load_of_another_are_coalesced() {
    let graph = graph(roomy()).await;
    let oslo = city(&graph, "Oslo").await;
    let readers = (0..10).map(|_| {
        let (graph, id) = (graph.clone(), oslo.id().clone());
        tokio::spawn(async move { graph.get::<City>(&id).await.unwrap() })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert!(reader.await.unwrap().is_some());
    }
    let row = cities(&graph);
    assert_eq!((row.loads, row.coalesced, row.misses), (1, 9, 10));
}

#[tokio::test]
async fn documents_that_make_room_count_as_evictions_and_no_longer_as_bytes() {
    let graph = graph(CacheOptions::new().entity_bytes(16 << 10)).await;
    for n in 0..300 {
        let city = city(&graph, &format!("city {n}")).await;
        graph.get::<City>(city.id()).await.unwrap();
    }
    let row = cities(&graph);
    let all = graph.cache_statistics().entities;
    assert_eq!(row.evictions + all.entries, 300);
    assert_eq!(row.bytes, all.bytes);
    assert!(row.bytes <= 16 << 10, "{} bytes", row.bytes);
}

#[tokio::test]
async fn ids_of_types_that_nobody_knows_make_no_rows() {
    let graph = graph(roomy()).await;
    for n in 0..1_000 {
        let id: Id = format!("n.Unknown{n}.a").parse().unwrap();
        let handle = graph.database().handle(&id);
        assert!(graph.database().get_many(&[handle]).await.unwrap()[0].is_none());
    }
    let rows = graph.cache_statistics().prefixes;
    let [rest] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((rest.prefix.as_str(), rest.misses), ("", 1_000));
}
