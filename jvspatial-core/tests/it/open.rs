use std::sync::Arc;

use jvspatial_core::{AnyEdge, ErrorKind, Graph, Stored, out};
use jvspatial_db::{IdGenerator, MemoryDb};

use crate::backends::graphs;
use crate::model::{City, Country, Road};
use crate::spy::Spy;

#[tokio::test]
async fn a_graph_is_opened_by_url_or_database_but_not_by_both() {
    Graph::open("memory:").await.unwrap();
    let database = Arc::new(MemoryDb::new());
    for builder in [Graph::builder(), Graph::builder().url("memory:").database(database)] {
        assert_eq!(builder.open().await.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_url_of_no_known_scheme_is_refused() {
    for url in ["", "airports.db", "nothing:here"] {
        let error = Graph::open(url).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported),
            "{url}: {error}"
        );
    }
}

#[tokio::test]
async fn batch_sizes_out_of_range_are_refused_with_the_limit() {
    for count in [0, 100_001] {
        let builder = Graph::builder().url("memory:").batch_operations(count);
        let error = builder.open().await.unwrap_err();
        assert_eq!(error.context("limit"), Some("100000"));
    }
    let builder = Graph::builder().url("memory:").batch_bytes(0);
    assert_eq!(builder.open().await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn after_close_every_clone_is_closed_and_closing_again_succeeds() {
    for graph in graphs().await {
        let clone = graph.clone();
        graph.close().await.unwrap();
        graph.close().await.unwrap();
        let error = clone.create(City::new("Oslo")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn tasks_that_race_for_the_root_get_the_same_node() {
    let (graph, _) = Spy::graph();
    let (a, b, c) = tokio::join!(graph.root(), graph.root(), graph.root());
    for root in [a, b, c] {
        let root = root.unwrap();
        assert_eq!(root.id().to_string(), "n.Root.root");
        assert_eq!(root.version().get(), 1);
    }
}

#[tokio::test]
async fn a_fixed_generator_gives_the_same_ids_in_every_run() {
    let ids = async || {
        let builder = Graph::builder().url("memory:");
        let graph = builder.id_generator(IdGenerator::fixed(7)).open().await.unwrap();
        let city = graph.create(City::new("Oslo")).await.unwrap();
        let country = Country { code: "NO".into() };
        let country = graph.create(country).await.unwrap();
        (city.id().clone(), country.id().clone())
    };
    assert_eq!(ids().await, ids().await);
}

/// Compiles only if every call can be part of a spawned task.
#[expect(dead_code, reason = "checked by the compiler")]
fn every_future_is_send(graph: &Graph, city: &mut Stored<City>, other: &Stored<City>) {
    fn check(_: impl Send) {}
    let road = || Road { km: 1 };
    check(Graph::open("memory:"));
    check(graph.root());
    check(graph.close());
    check(graph.create(City::new("x")));
    check(graph.create_with_key("x", City::new("x")));
    check(graph.create_many([City::new("x")]));
    check(graph.create_many_with_keys([("x", City::new("x"))]));
    check(graph.get::<City>(other));
    check(graph.get_many::<City>(&[other]));
    check(graph.modify::<City>(other, |city| city.visits += 1));
    check(graph.connect(other, other, road()));
    check(graph.connect_ids(other, other, road()));
    check(graph.connect_many([(other, other, road())]));
    check(graph.connect_many_ids([(other, other, road())]));
    check(graph.edges_between::<Road>(other, other));
    check(graph.disconnect::<Road>(other, other));
    check(graph.neighbors(&[other], out::<AnyEdge>()));
    check(graph.neighbor_ids(&[other], out::<AnyEdge>()));
    check(graph.delete(other));
    check(graph.delete_unchanged(other));
    check(graph.delete_cascade(other).preview());
    check(graph.delete_cascade(other).run());
    check(graph.nodes::<City>().all());
    check(graph.nodes::<City>().first());
    check(graph.nodes::<City>().count());
    check(graph.nodes::<City>().stream());
    check(graph.save_many(std::slice::from_mut(city)));
    check(graph.save(city));
}
