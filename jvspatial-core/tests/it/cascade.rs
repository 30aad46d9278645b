use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use jvspatial_core::{ErrorKind, Graph, Stored, out};

use crate::backends::graphs;
use crate::model::{City, Road, Trip};
use crate::spy::Spy;

/// Cities named by letters, joined by roads such as `ab`.
async fn map(graph: &Graph, roads: &[&str]) -> HashMap<char, Stored<City>> {
    let names: BTreeSet<char> = roads.iter().flat_map(|road| road.chars()).collect();
    let cities = names.iter().map(|name| City::new(&name.to_string()));
    let cities = graph.create_many(cities).await.unwrap();
    let cities: HashMap<char, _> = names.into_iter().zip(cities).collect();
    for road in roads {
        let mut ends = road.chars().map(|name| &cities[&name]);
        let (a, b) = (ends.next().unwrap(), ends.next().unwrap());
        graph.connect(a, b, Road { km: 1 }).await.unwrap();
    }
    cities
}

async fn left(graph: &Graph) -> String {
    let cities = graph.nodes::<City>().all().await.unwrap();
    let mut names: Vec<_> = cities.into_iter().map(|city| city.name.clone()).collect();
    names.sort_unstable();
    names.concat()
}

#[tokio::test]
async fn only_what_nothing_else_leads_to_goes_with_the_node() {
    let cases: [(&[&str], &str); 6] = [
        // A chain goes whole, and an edge into its head does not hold it.
        (&["ab", "bc", "xa"], "x"),
        // Someone else leads to c, and c to d.
        (&["ab", "bc", "cd", "xc"], "cdx"),
        // Two ways from the start to d are no hold.
        (&["ab", "ac", "bd", "cd"], ""),
        // A ring that only the start leads to.
        (&["ab", "bc", "cb"], ""),
        // A ring that is held at one place is held whole.
        (&["ab", "bc", "cb", "xc"], "bcx"),
        // The way back to the start holds nothing.
        (&["ab", "ba", "bx"], ""),
    ];
    for (roads, expected) in cases {
        for graph in graphs().await {
            let cities = map(&graph, roads).await;
            graph.delete_cascade(&cities[&'a']).run().await.unwrap();
            assert_eq!(left(&graph).await, expected, "{roads:?}");
        }
    }
}

#[tokio::test]
async fn a_preview_lists_what_a_run_deletes_and_deletes_nothing() {
    for graph in graphs().await {
        let cities = map(&graph, &["ab", "bc", "cd", "xd"]).await;
        let listed = graph.delete_cascade(&cities[&'a']).preview().await.unwrap();
        let expected = ['a', 'b', 'c'].map(|name| cities[&name].id().clone());
        assert_eq!(listed, expected);
        assert_eq!(left(&graph).await, "abcdx");
        let report = graph.delete_cascade(&cities[&'a']).run().await.unwrap();
        assert_eq!((report.nodes, report.edges), (3, 3));
        assert_eq!(left(&graph).await, "dx");
    }
}

#[tokio::test]
async fn only_the_edges_of_the_expansion_are_followed_but_every_edge_holds() {
    for graph in graphs().await {
        let cities = map(&graph, &["ab", "ac", "xy"]).await;
        for (source, target) in [('a', 'y'), ('x', 'c')] {
            let (source, target) = (&cities[&source], &cities[&target]);
            let trip = graph.connect(source, target, Trip { year: 1 });
            trip.await.unwrap();
        }
        let cascade = graph.delete_cascade(&cities[&'a']).along(out::<Road>());
        cascade.run().await.unwrap();
        assert_eq!(left(&graph).await, "cxy");
    }
}

#[tokio::test]
async fn a_cascade_beyond_its_bound_deletes_nothing() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = map(&graph, &["ab", "bc", "cd"]).await;
    let cascade = graph.delete_cascade(&cities[&'a']).max_nodes(3);
    let error = cascade.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some("3"));
    assert_eq!(left(&graph).await, "abcd");
    let cascade = graph.delete_cascade(&cities[&'a']).max_nodes(4);
    assert_eq!(cascade.run().await.unwrap().nodes, 4);
}

#[tokio::test]
async fn the_graph_is_asked_by_level_and_written_once() {
    let (graph, spy) = Spy::graph();
    let cities = map(&graph, &["ab", "ac", "ad", "be", "cf", "dg"]).await;
    spy.writes.store(0, Ordering::Relaxed);
    graph.delete_cascade(&cities[&'a']).run().await.unwrap();
    assert_eq!(left(&graph).await, "");
    // Three levels outward, then one look back.
    assert_eq!(spy.expansions.load(Ordering::Relaxed), 4);
    assert_eq!(spy.writes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_start_that_is_missing_or_no_node_is_refused() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = map(&graph, &["ab"]).await;
    let road = graph.edges::<Road>().first().await.unwrap().unwrap();
    let error = graph.delete_cascade(&road).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    graph.delete(&cities[&'a']).await.unwrap();
    let error = graph.delete_cascade(&cities[&'a']).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn nodes_that_a_rival_deletes_meanwhile_do_not_stop_the_cascade() {
    let (graph, spy) = Spy::graph();
    let cities = map(&graph, &["ab", "bc"]).await;
    let rival = cities[&'c'].id().clone();
    spy.rival_deletes.lock().expect("lock").push(rival);
    let report = graph.delete_cascade(&cities[&'a']).run().await.unwrap();
    assert_eq!((report.nodes, report.edges), (2, 1));
    assert_eq!(left(&graph).await, "");
}
