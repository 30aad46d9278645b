//! Keeping what will be asked for, before it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use jvspatial_core::{CacheOptions, ErrorKind, Graph};
use jvspatial_db::Id;
use tokio::time::Instant;

use super::roomy;
use crate::model::City;
use crate::spy::Spy;

async fn world(options: CacheOptions) -> (Graph, Arc<Spy>) {
    let spy = Arc::new(Spy::default());
    (Graph::builder().database(spy.clone()).cache(options).open().await.unwrap(), spy)
}

async fn cities(graph: &Graph, count: usize) -> Vec<Id> {
    let cities = graph.create_many((0..count).map(|n| City::new(&format!("city {n}")))).await;
    cities.unwrap().iter().map(|city| city.id().clone()).collect()
}

#[tokio::test]
async fn what_was_warmed_is_read_without_the_database() {
    let (graph, spy) = world(roomy()).await;
    let mut ids = cities(&graph, 250).await;
    graph.get::<City>(&ids[0]).await.unwrap();
    ids.push("n.City.none".parse().unwrap());
    let report = graph.warm(&ids).per_second(100_000).run().await.unwrap();
    assert_eq!((report.loaded, report.kept, report.missing, report.failed), (249, 1, 1, 0));
    spy.reads.store(0, Ordering::Relaxed);
    for id in &ids {
        graph.get::<City>(id).await.unwrap();
    }
    assert_eq!(spy.reads.load(Ordering::Relaxed), 0);
    let again = graph.warm(&ids).run().await.unwrap();
    assert_eq!((again.loaded, again.kept, again.missing), (0, 250, 1));
}

#[tokio::test(start_paused = true)]
async fn documents_are_read_at_the_pace_that_is_said() {
    let (graph, spy) = world(roomy()).await;
    let ids = cities(&graph, 200).await;
    let start = Instant::now();
    graph.warm(&ids).per_second(100).run().await.unwrap();
    // The last ten begin after those before them had their time.
    assert!(start.elapsed() >= Duration::from_millis(1_890), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_millis(2_100), "{:?}", start.elapsed());
    assert_eq!(spy.reads.load(Ordering::Relaxed), 20);
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_under_way_than_is_said_and_failures_are_counted() {
    let (graph, _) = world(CacheOptions::new()).await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let calls = (0..40).map(|n| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            if n % 10 == 0 { Err("no") } else { Ok(()) }
        }
    });
    let warm = graph.warm_calls(stream::iter(calls)).per_second(100_000).at_once(3);
    let report = warm.run().await.unwrap();
    assert_eq!((report.kept, report.failed), (36, 4));
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_the_graph_is_closed() {
    let (graph, _) = world(roomy()).await;
    let ids = cities(&graph, 100).await;
    let warming = tokio::spawn({
        let graph = graph.clone();
        async move { graph.warm(ids).per_second(10).run().await }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    graph.close().await.unwrap();
    assert_eq!(warming.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_until_it_is_dropped_is_kept() {
    let (graph, spy) = world(roomy()).await;
    let ids = cities(&graph, 100).await;
    let warming = graph.warm(&ids).per_second(10).run();
    assert!(tokio::time::timeout(Duration::from_secs(2), warming).await.is_err());
    let kept = graph.cache_statistics().entities.entries;
    assert!((15..=25).contains(&kept), "{kept} are kept");
    assert_eq!(spy.reads.load(Ordering::Relaxed) as u64, kept);
}

#[tokio::test]
async fn a_pace_that_never_ends_and_a_graph_that_keeps_nothing_are_refused() {
    let (graph, _) = world(roomy()).await;
    for warm in [graph.warm([Id::root()]).per_second(0), graph.warm([Id::root()]).at_once(0)] {
        assert_eq!(warm.run().await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    let (graph, _) = world(CacheOptions::new()).await;
    let error = graph.warm([Id::root()]).run().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context("setting")),
        (ErrorKind::Invalid, Some("entity_bytes"))
    );
}
