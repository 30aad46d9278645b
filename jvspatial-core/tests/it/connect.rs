use std::sync::atomic::Ordering;

use jvspatial_core::{Connection, ErrorKind, Graph, Stored, both, incoming, out};
use jvspatial_db::Id;

use crate::backends::graphs;
use crate::model::{City, Country, Road, Trip, Twinned};
use crate::spy::Spy;

async fn cities<const N: usize>(graph: &Graph, names: [&str; N]) -> [Stored<City>; N] {
    let created = graph.create_many(names.map(City::new)).await.unwrap();
    created.try_into().expect("as many as were created")
}

#[tokio::test]
async fn an_edge_knows_its_ends_and_is_read_back_with_them() {
    for graph in graphs().await {
        let [a, b] = cities(&graph, ["a", "b"]).await;
        let road = graph.connect(&a, &b, Road { km: 5 }).await.unwrap();
        for road in [graph.get::<Road>(&road).await.unwrap().unwrap(), road] {
            assert_eq!((road.source(), road.target(), road.km), (a.id(), b.id(), 5));
        }
    }
}

#[tokio::test]
async fn connecting_again_returns_the_edge_that_is_there() {
    for graph in graphs().await {
        let [a, b] = cities(&graph, ["a", "b"]).await;
        let first = graph.connect(&a, &b, Road { km: 5 }).await.unwrap();
        let again = graph.connect(&a, &b, Road { km: 9 }).await.unwrap();
        assert_eq!((again.id(), again.km), (first.id(), 5));
        let back = graph.connect(&b, &a, Road { km: 6 }).await.unwrap();
        assert_ne!(back.id(), first.id());
        assert_eq!(graph.edges::<Road>().count().await.unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_tasks_that_connect_two_nodes_make_one_edge() {
    let (graph, _) = Spy::graph();
    let [a, b] = cities(&graph, ["a", "b"]).await;
    let tasks: Vec<_> = (0..64)
        .map(|km| {
            let (graph, a, b) = (graph.clone(), a.clone(), b.clone());
            tokio::spawn(async move { graph.connect(&a, &b, Road { km }).await })
        })
        .collect();
    let mut edges = Vec::new();
    for task in tasks {
        let edge = task.await.unwrap().unwrap();
        edges.push((edge.id().clone(), edge.km));
    }
    edges.dedup();
    assert_eq!(edges.len(), 1);
    assert_eq!(graph.edges::<Road>().count().await.unwrap(), 1);
}

#[tokio::test]
async fn an_edge_that_vanishes_before_it_is_read_is_made_anew() {
    let (graph, spy) = Spy::graph();
    let [a, b] = cities(&graph, ["a", "b"]).await;
    let first = graph.connect(&a, &b, Road { km: 5 }).await.unwrap();
    spy.edges_vanish.store(true, Ordering::Relaxed);
    let second = graph.connect(&a, &b, Road { km: 9 }).await.unwrap();
    assert_ne!(second.id(), first.id());
    assert_eq!(second.km, 9);
}

#[tokio::test]
async fn a_parallel_type_joins_two_nodes_each_time() {
    for graph in graphs().await {
        let [a, b] = cities(&graph, ["a", "b"]).await;
        for year in [2001, 2002, 2003] {
            graph.connect(&a, &b, Trip { year }).await.unwrap();
        }
        let trips = graph.edges_between::<Trip>(&a, &b).await.unwrap();
        let years: Vec<_> = trips.iter().map(|trip| trip.year).collect();
        assert_eq!(years, [2001, 2002, 2003]);
        assert_eq!(graph.disconnect::<Trip>(&a, &b).await.unwrap(), 3);
        assert_eq!(graph.disconnect::<Trip>(&a, &b).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn an_undirected_edge_is_one_edge_reachable_from_both_ends() {
    for graph in graphs().await {
        let [a, b] = cities(&graph, ["a", "b"]).await;
        let first = graph.connect(&a, &b, Twinned {}).await.unwrap();
        let mirrored = graph.connect(&b, &a, Twinned {}).await.unwrap();
        assert_eq!(first.id(), mirrored.id());
        for expansion in [out::<Twinned>, incoming::<Twinned>, both::<Twinned>] {
            let ids = graph.neighbor_ids(&[&a, &b], expansion()).await.unwrap();
            assert_eq!(ids, [[b.id().clone()], [a.id().clone()]]);
        }
        assert_eq!(graph.edges_between::<Twinned>(&b, &a).await.unwrap().len(), 1);
        assert_eq!(graph.disconnect::<Twinned>(&b, &a).await.unwrap(), 1);
        assert_eq!(graph.edges::<Twinned>().count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn disconnecting_leaves_other_types_directions_and_nodes() {
    for graph in graphs().await {
        let [a, b, c] = cities(&graph, ["a", "b", "c"]).await;
        graph.connect(&a, &b, Road { km: 1 }).await.unwrap();
        graph.connect(&b, &a, Road { km: 2 }).await.unwrap();
        graph.connect(&a, &c, Road { km: 3 }).await.unwrap();
        graph.connect(&a, &b, Trip { year: 4 }).await.unwrap();
        assert_eq!(graph.disconnect::<Road>(&a, &b).await.unwrap(), 1);
        let left = graph.edges::<Road>().all().await.unwrap();
        let left: Vec<_> = left.iter().map(|road| road.km).collect();
        assert_eq!(left, [2, 3]);
        assert_eq!(graph.edges::<Trip>().count().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_missing_end_is_named() {
    for graph in graphs().await {
        let [a, gone] = cities(&graph, ["a", "gone"]).await;
        graph.delete(&gone).await.unwrap();
        for (source, target) in [(&a, &gone), (&gone, &a)] {
            let error = graph.connect(source, target, Road { km: 1 }).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert_eq!(error.context("end"), Some(gone.id().to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn ends_known_by_id_are_checked_against_the_edge_type() {
    let graph = Graph::open("memory:").await.unwrap();
    let [a, b] = cities(&graph, ["a", "b"]).await;
    let country = Country { code: "NO".into() };
    let country = graph.create(country).await.unwrap();
    let road = graph.connect_ids(&a, &b, Road { km: 1 }).await.unwrap();
    for (source, target) in [(a.id(), country.id()), (country.id(), a.id()), (a.id(), road.id())] {
        let error = graph.connect_ids(source, target, Road { km: 1 }).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("expected"), Some("City"));
    }
    // A type that joins any nodes still joins nodes only.
    graph.connect_ids(&a, &country, Trip { year: 1 }).await.unwrap();
    let error = graph.connect_ids(&a, &road, Trip { year: 1 }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn many_connections_are_answered_one_by_one_from_one_batch() {
    let (graph, spy) = Spy::graph();
    let [a, b, gone] = cities(&graph, ["a", "b", "gone"]).await;
    let old = graph.connect(&b, &a, Road { km: 1 }).await.unwrap();
    graph.delete(&gone).await.unwrap();
    spy.writes.store(0, Ordering::Relaxed);
    let answers = graph
        .connect_many([
            (&a, &b, Road { km: 2 }),
            (&a, &gone, Road { km: 3 }),
            (&b, &a, Road { km: 4 }),
            (&a, &b, Road { km: 5 }),
        ])
        .await
        .unwrap();
    assert_eq!(spy.writes.load(Ordering::Relaxed), 1);
    let [
        Connection::Created(new),
        Connection::Failed(error),
        Connection::Existing(kept),
        Connection::Existing(repeated),
    ] = &answers.iter().collect::<Vec<_>>()[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(new.km, 2);
    assert_eq!(error.context("end"), Some(gone.id().to_string().as_str()));
    assert_eq!((kept.id(), kept.km), (old.id(), 1));
    assert_eq!((repeated.id(), repeated.km), (new.id(), 2));

    assert_eq!(answers.len(), 4);
    let failures: Vec<_> = answers.failures().map(|(place, error)| (place, error.kind())).collect();
    assert_eq!(failures, [(1, ErrorKind::NotFound)]);
    let error = answers.into_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.context("position"), Some("1"));
}

#[tokio::test]
async fn many_connections_by_id_keep_their_order_over_several_batches() {
    let graph = Graph::builder().url("memory:").batch_operations(3).open().await.unwrap();
    let [hub, other] = cities(&graph, ["hub", "other"]).await;
    let trips = (0..10).map(|year| (&hub, &other, Trip { year }));
    let made = graph.connect_many_ids(trips).await.unwrap().into_result().unwrap();
    let made: Vec<_> = made.iter().map(|trip| trip.id().clone()).collect();
    let found = graph.edges_between::<Trip>(&hub, &other).await.unwrap();
    let found: Vec<Id> = found.iter().map(|trip| trip.id().clone()).collect();
    assert_eq!(found, made);
}
