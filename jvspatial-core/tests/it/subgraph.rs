//! Loading parts of the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use jvspatial_core::{AnyEdge, ErrorKind, Graph, Result, Stored, Subgraph, both, incoming, out};
use proptest::prelude::*;

use crate::backends::graphs;
use crate::model::{City, Country, Road, Trip, Twinned};
use crate::spy::Spy;

/// Cities of these names, and roads between them, each named by two letters.
async fn world(graph: &Graph, names: &str, roads: &[&str]) -> Vec<Stored<City>> {
    let cities = names.chars().map(|name| City::new(&name.to_string()));
    let cities = graph.create_many(cities.collect::<Vec<_>>()).await.unwrap();
    for road in roads {
        let end = |place| &cities[names.find(&road[place..=place]).unwrap()];
        graph.connect(end(0), end(1), Road { km: 1 }).await.unwrap();
    }
    cities
}

/// The names of the cities in order.
fn names(subgraph: &Subgraph) -> String {
    subgraph.nodes_of::<City>().map(|city| city.unwrap().name.clone()).collect()
}

/// The ends of the edges in order.
fn ends(subgraph: &Subgraph) -> Vec<String> {
    let name = |place: usize| {
        let node = &subgraph.nodes()[place];
        node.to::<City>().unwrap().map_or_else(|| node.entity().to_owned(), |c| c.name.clone())
    };
    let edges = subgraph.edges().iter();
    edges.map(|edge| name(edge.source_place()) + &name(edge.target_place())).collect()
}

async fn nodes_within_a_depth_come_with_the_edges_among_them(graph: &Graph) {
    let roads = ["ab", "ac", "ca", "bd", "dc", "cd", "de", "xa", "bc", "ee"];
    let cities = world(graph, "abcdex", &roads).await;
    let a = &cities[0];
    let load = async |depth| {
        let loading = graph.subgraph(a, depth).along(out::<Road>());
        let subgraph = loading.load().await.unwrap();
        (names(&subgraph), ends(&subgraph).join(" "))
    };
    assert_eq!(load(0).await, ("a".into(), "".into()));
    assert_eq!(load(1).await, ("abc".into(), "ab ac bc ca".into()));
    assert_eq!(load(2).await, ("abcd".into(), "ab ac bd bc ca cd dc".into()));
    let all = ("abcde".to_owned(), "ab ac bd bc ca cd dc de ee".to_owned());
    assert_eq!(load(3).await, all);
    assert_eq!(load(u32::MAX).await, all);
    let either_way = graph.subgraph(a, 1).load().await.unwrap();
    assert_eq!(names(&either_way), "abcx");
    assert_eq!(ends(&either_way).join(" "), "ab ac ca xa bc");
    let back = graph.subgraph(a, 1).along(incoming::<Road>()).load().await.unwrap();
    assert_eq!((names(&back), ends(&back).join(" ")), ("acx".into(), "ca xa ac".into()));
}

async fn documents_are_those_stored_and_found_by_id(graph: &Graph) {
    let cities = world(graph, "ab", &["ab"]).await;
    let a = graph.modify::<City>(&cities[0], |city| city.visits = 7).await.unwrap();
    let country = graph.create(Country { code: "NO".into() }).await.unwrap();
    let trip = graph.connect(&cities[1], &country, Trip { year: 1999 }).await.unwrap();
    let twinned = graph.connect(&cities[1], &cities[0], Twinned {}).await.unwrap();
    let subgraph = graph.subgraph(&a, 2).load().await.unwrap();
    assert_eq!((subgraph.nodes().len(), subgraph.edges().len()), (3, 3));
    assert_eq!(subgraph.starts().len(), 1);
    assert_eq!(subgraph.starts()[0].id(), a.id());
    assert_eq!(subgraph.node(&a).unwrap().version(), a.version());
    let read: Stored<City> = subgraph.node(&a).unwrap().to().unwrap().unwrap();
    assert_eq!(*read, *a);
    assert_eq!(subgraph.depth(&country), Some(2));
    assert_eq!(subgraph.place(&country), Some(2));
    assert_eq!(subgraph.node(&country).unwrap().get("code").unwrap(), Some("NO".into()));
    let edge = subgraph.edge(&trip).unwrap();
    assert_eq!((edge.entity(), edge.is::<Trip>(), edge.is::<Road>()), ("Trip", true, false));
    assert_eq!(edge.to::<Trip>().unwrap().unwrap().year, 1999);
    assert_eq!(edge.to::<Road>().unwrap().map(|road| road.km), None);
    assert_eq!((edge.source(), edge.target()), (cities[1].id(), country.id()));
    assert_eq!((edge.source_place(), edge.target_place()), (1, 2));
    assert!(!edge.is_undirected() && subgraph.edge(&twinned).unwrap().is_undirected());
    assert_eq!(subgraph.edges_of::<Trip>().count(), 1);
    assert!(subgraph.node(&trip).is_none() && subgraph.edge(&country).is_none());
    assert!(subgraph.depth(&trip).is_none());
}

async fn expansions_choose_edges_and_nodes(graph: &Graph) {
    let cities = world(graph, "abc", &["ab", "bc"]).await;
    let country = graph.create(Country { code: "NO".into() }).await.unwrap();
    for (city, year) in cities.iter().zip([1990, 2000, 2010]) {
        graph.connect(city, &country, Trip { year }).await.unwrap();
    }
    let far = graph.connect(&cities[0], &cities[2], Road { km: 50 }).await.unwrap();
    let load = async |loading: jvspatial_core::SubgraphBuilder| {
        let subgraph = loading.load().await.unwrap();
        (names(&subgraph), ends(&subgraph).join(" "))
    };
    let near = out::<Road>().filter(|road| road.km.lt(10));
    let roads = graph.subgraph(&cities[0], 1).along(near);
    assert_eq!(load(roads).await, ("ab".into(), "ab".into()));
    let to_cities = graph.subgraph(&cities[0], 5).along(both::<AnyEdge>().to::<City>());
    assert_eq!(load(to_cities).await, ("abc".into(), "ab ac bc".into()));
    let recent = out::<Trip>().filter(|trip| trip.year.gte(2000));
    let two = graph.subgraph(&cities[0], 1).along(out::<Road>()).along(recent);
    assert_eq!(load(two).await, ("abc".into(), "ab ac bc".into()));
    let recent = out::<Trip>().filter(|trip| trip.year.gte(2000));
    let two = graph.subgraph(&cities[0], 2).along(recent).along(out::<Road>());
    let subgraph = two.load().await.unwrap();
    assert_eq!(subgraph.nodes().len(), 4);
    assert_eq!(ends(&subgraph).join(" "), "ab ac bCountry bc cCountry");
    assert!(subgraph.edge(&far).is_some());
}

async fn several_starts_keep_their_order_and_count_once(graph: &Graph) {
    let cities = world(graph, "abcd", &["ab", "cd", "da"]).await;
    let [a, b, c, d] = &cities[..] else { panic!("four cities") };
    let loading = graph.subgraph(c, 0).from_many([a, c, d]).from_many([b]);
    let subgraph = loading.load().await.unwrap();
    assert_eq!(names(&subgraph), "cadb");
    assert_eq!(subgraph.starts().len(), 4);
    assert_eq!(ends(&subgraph).join(" "), "cd ab da");
}

async fn an_undirected_edge_is_one_and_keeps_its_ends(graph: &Graph) {
    let cities = world(graph, "ab", &[]).await;
    graph.connect(&cities[1], &cities[0], Twinned {}).await.unwrap();
    for expansion in [out::<Twinned>(), incoming(), both()] {
        let loading = graph.subgraph(&cities[0], 1).along(expansion);
        let subgraph = loading.load().await.unwrap();
        assert_eq!((names(&subgraph), ends(&subgraph).join(" ")), ("ab".into(), "ba".into()));
    }
}

async fn limits_allow_exactly_what_they_say(graph: &Graph) {
    let hub = graph.create(City::new("hub")).await.unwrap();
    let rim = graph.create_many((0..50).map(|_| City::new("rim"))).await.unwrap();
    let roads = rim.iter().map(|city| (&hub, city, Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    for chunk in [1, 7, 1_000] {
        let loading = || graph.subgraph(&hub, 1).chunk_size(chunk);
        let subgraph = loading().max_nodes(51).max_edges(50).load().await.unwrap();
        assert_eq!((subgraph.nodes().len(), subgraph.edges().len()), (51, 50));
        let error = loading().max_nodes(50).load().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert_eq!(error.context("max_nodes"), Some("50"));
        let error = loading().max_edges(49).load().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert_eq!(error.context("max_edges"), Some("49"));
        let error = loading().max_nodes(0).load().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    let rim_alone = graph.subgraph(&rim[0], 0).max_nodes(1).max_edges(0).load().await;
    assert_eq!(rim_alone.unwrap().nodes().len(), 1);
}

async fn bad_questions_are_refused(graph: &Graph) {
    let cities = world(graph, "ab", &["ab"]).await;
    let kind = async |loading: jvspatial_core::SubgraphBuilder, fact: &str| {
        let error = loading.load().await.unwrap_err();
        assert!(error.to_string().contains(fact), "{error}");
        error.kind()
    };
    let [a, b] = &cities[..] else { panic!("two cities") };
    let wrong = out::<Road>().filter_doc(&bson::doc! { "context.km": { "$nope": 1 } });
    assert_eq!(kind(graph.subgraph(a, 1).along(wrong), "$nope").await, ErrorKind::Invalid);
    for (loading, setting) in [
        (graph.subgraph(a, 1).chunk_size(0), "chunk_size"),
        (graph.subgraph(a, 1).chunk_size(1_000_001), "chunk_size"),
        (graph.subgraph(a, 1).max_nodes(usize::MAX), "max_nodes"),
        (graph.subgraph(a, 1).max_edges(usize::MAX), "max_edges"),
    ] {
        assert_eq!(kind(loading, setting).await, ErrorKind::Invalid);
    }
    let road = graph.edges::<Road>().one().await.unwrap();
    assert_eq!(kind(graph.subgraph(&road, 1), "no node").await, ErrorKind::Invalid);
    graph.delete(b).await.unwrap();
    let gone = graph.subgraph(a, 1).from_many([b]);
    assert_eq!(kind(gone, &b.id().to_string()).await, ErrorKind::NotFound);
}

async fn a_transaction_loads_what_it_wrote(graph: &Graph) {
    let cities = world(graph, "abc", &["ab", "ac"]).await;
    let loaded = graph
        .transaction(|tx| {
            let (outside, cities) = (graph.clone(), cities.clone());
            async move {
                tx.get::<City>(&cities[0]).await?;
                outside.create(City::new("unseen")).await?;
                let new = tx.create(City::new("d")).await?;
                tx.connect(&cities[2], &new, Road { km: 1 }).await?;
                tx.subgraph(&cities[0], 9).load().await
            }
        })
        .await
        .unwrap();
    assert_eq!((names(&loaded), ends(&loaded).join(" ")), ("abcd".into(), "ab ac cd".into()));
}

async fn values_are_saved_in_bulk_under_the_versions_that_were_loaded(graph: &Graph) {
    let cities = world(graph, "abc", &["ab", "ac"]).await;
    let subgraph = graph.subgraph(&cities[0], 1).load().await.unwrap();
    graph.modify::<City>(&cities[1], |city| city.visits = 100).await.unwrap();
    let mut loaded = subgraph.nodes_of::<City>().collect::<Result<Vec<_>>>().unwrap();
    for (city, visits) in loaded.iter_mut().zip(1..) {
        city.visits = visits;
    }
    let report = graph.save_many(&mut loaded).await.unwrap();
    assert_eq!(report.failures().map(|(place, _)| place).collect::<Vec<_>>(), [1]);
    let mut visits = Vec::new();
    for city in &cities {
        visits.push(graph.get::<City>(city).await.unwrap().unwrap().visits);
    }
    assert_eq!(visits, [1, 100, 3]);
}

#[cfg(feature = "petgraph")]
async fn petgraph_has_the_same_nodes_and_an_arc_each_way_for_undirected_edges(graph: &Graph) {
    use jvspatial_core::petgraph::algo::{dijkstra, is_cyclic_directed};
    use jvspatial_core::petgraph::graph::NodeIndex;

    let cities = world(graph, "abcd", &["ab", "bc", "dd"]).await;
    let directed = graph.subgraph(&cities[0], 2).load().await.unwrap();
    let arcs = directed.to_petgraph();
    assert_eq!((arcs.node_count(), arcs.edge_count()), (3, 2));
    assert!(!is_cyclic_directed(&arcs));
    for (place, node) in directed.nodes().iter().enumerate() {
        assert_eq!(arcs[NodeIndex::new(place)].id(), node.id());
    }
    graph.connect(&cities[2], &cities[0], Twinned {}).await.unwrap();
    graph.connect(&cities[2], &cities[3], Road { km: 5 }).await.unwrap();
    let subgraph = graph.subgraph(&cities[0], 3).load().await.unwrap();
    assert_eq!((subgraph.nodes().len(), subgraph.edges().len()), (4, 5));
    let weighted = subgraph.to_petgraph_with(
        |node| Ok(node.to::<City>()?.map(|city| city.name.clone()).unwrap_or_default()),
        |edge| Ok(edge.to::<Road>()?.map_or(10, |road| road.km)),
    );
    let weighted = weighted.unwrap();
    assert_eq!(weighted.edge_count(), 6);
    assert_eq!(weighted[NodeIndex::new(0)], "a");
    let place = |city: usize| NodeIndex::new(subgraph.place(&cities[city]).unwrap());
    let far = dijkstra(&weighted, place(0), None, |arc| *arc.weight());
    assert_eq!(far[&place(2)], 2);
    assert_eq!(far[&place(3)], 7);
    let back = dijkstra(&weighted, place(2), None, |arc| *arc.weight());
    assert_eq!(back[&place(0)], 10);
    let failed = subgraph.to_petgraph_with(
        |node| Err::<(), _>(jvspatial_core::Error::application(node.id().to_string())),
        |_| Ok(()),
    );
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Application);
}

/// Runs each of these on all backends that are here, and on a server when asked.
macro_rules! on_all_backends {
    ($($(#[$condition:meta])* $name:ident)+) => {
        $($(#[$condition])* #[tokio::test]
        async fn $name() {
            for graph in graphs().await {
                super::$name(&graph).await;
            }
        })+

        #[cfg(feature = "mongodb")]
        mod mongo {
            $($(#[$condition])* #[tokio::test]
            #[ignore = "needs a MongoDB server"]
            async fn $name() {
                // A database has a name of at most 63 bytes.
                let name = stringify!($name);
                super::super::$name(&crate::mongo::graph(&name[..name.len().min(24)]).await).await;
            })+
        }
    };
}

mod all {
    use super::graphs;

    on_all_backends! {
        nodes_within_a_depth_come_with_the_edges_among_them
        documents_are_those_stored_and_found_by_id
        expansions_choose_edges_and_nodes
        several_starts_keep_their_order_and_count_once
        an_undirected_edge_is_one_and_keeps_its_ends
        limits_allow_exactly_what_they_say
        bad_questions_are_refused
        a_transaction_loads_what_it_wrote
        values_are_saved_in_bulk_under_the_versions_that_were_loaded
        #[cfg(feature = "petgraph")]
        petgraph_has_the_same_nodes_and_an_arc_each_way_for_undirected_edges
    }
}

#[tokio::test]
async fn a_chunk_is_followed_by_one_query_and_its_nodes_and_edges_are_read_in_bulk() {
    let (graph, spy) = Spy::graph();
    let hub = graph.create(City::new("hub")).await.unwrap();
    let rim = graph.create_many((0..100).map(|_| City::new("rim"))).await.unwrap();
    let roads = rim.iter().map(|city| (&hub, city, Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    let load = async |chunk| {
        spy.reads.store(0, Ordering::Relaxed);
        spy.expansions.store(0, Ordering::Relaxed);
        let subgraph = graph.subgraph(&hub, 1).chunk_size(chunk).load().await.unwrap();
        assert_eq!((subgraph.nodes().len(), subgraph.edges().len()), (101, 100));
        (spy.expansions.load(Ordering::Relaxed), spy.reads.load(Ordering::Relaxed))
    };
    assert_eq!(load(1_000).await, (2, 3));
    assert_eq!(load(50).await, (3, 5));
}

#[tokio::test]
async fn what_is_deleted_meanwhile_is_left_out() {
    let (graph, spy) = Spy::graph();
    let cities = world(&graph, "abc", &["ab", "bc"]).await;
    spy.edges_vanish.store(true, Ordering::Relaxed);
    let subgraph = graph.subgraph(&cities[0], 1).load().await.unwrap();
    assert_eq!((names(&subgraph), subgraph.edges().len()), ("ab".into(), 0));
}

/// What a subgraph should hold, found by looking at all edges again and again.
fn expected(
    edges: &[(usize, usize)],
    start: usize,
    depth: u32,
) -> (BTreeMap<usize, u32>, BTreeSet<(usize, usize)>) {
    let mut depths = BTreeMap::from([(start, 0)]);
    for deeper in 1..=depth {
        for (source, target) in edges {
            if depths.get(source).is_some_and(|depth| *depth < deeper) {
                depths.entry(*target).or_insert(deeper);
            }
        }
    }
    let among = |(source, target): &&(usize, usize)| {
        depths.contains_key(source) && depths.contains_key(target)
    };
    let edges = edges.iter().filter(among).copied().collect();
    (depths, edges)
}

/// Both have the same nodes and edges in the same places.
fn assert_same(one: &Subgraph, other: &Subgraph) {
    let ids = |subgraph: &Subgraph| -> Vec<String> {
        let nodes = subgraph.nodes().iter().map(|node| node.id().to_string());
        nodes.chain(subgraph.edges().iter().map(|edge| edge.id().to_string())).collect()
    };
    assert_eq!(ids(one), ids(other));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_graph_is_loaded_as_far_as_asked_whatever_the_chunks(
        edges in prop::collection::btree_set((0..12_usize, 0..12_usize), 0..40),
        depth in 0..5_u32,
        chunk in 1..8_usize,
    ) {
        let edges: Vec<_> = edges.into_iter().collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let loaded: Result<_> = runtime.block_on(async {
            let graph = Graph::open("memory:").await?;
            let cities = (0..12).map(|number| City::new(&number.to_string()));
            let cities = graph.create_many(cities.collect::<Vec<_>>()).await?;
            let roads = edges.iter().map(|(source, target)| {
                (&cities[*source], &cities[*target], Road { km: 1 })
            });
            graph.connect_many(roads).await?.into_result()?;
            let loading = || graph.subgraph(&cities[0], depth).along(out::<Road>());
            let whole = loading().load().await?;
            let pieces = loading().chunk_size(chunk).load().await?;
            assert_same(&whole, &pieces);
            let loading = || loading().along(incoming::<Road>());
            let pieces = loading().chunk_size(chunk).load().await?;
            assert_same(&loading().load().await?, &pieces);
            Ok(whole)
        });
        let whole = loaded.unwrap();
        let number = |id| -> usize {
            let city = whole.node(id).unwrap().to::<City>().unwrap().unwrap();
            city.name.parse().unwrap()
        };
        let found_nodes = whole.nodes().iter();
        let found_nodes: BTreeMap<_, _> =
            found_nodes.map(|node| (number(node.id()), whole.depth(node).unwrap())).collect();
        let found_edges = whole.edges().iter();
        let found_edges: Vec<_> =
            found_edges.map(|edge| (number(edge.source()), number(edge.target()))).collect();
        let (nodes, among) = expected(&edges, 0, depth);
        prop_assert_eq!(found_nodes, nodes);
        prop_assert_eq!(found_edges.len(), among.len());
        prop_assert_eq!(found_edges.into_iter().collect::<BTreeSet<_>>(), among);
    }
}
