use std::sync::atomic::Ordering;

use jvspatial_core::{AnyEdge, AnyNode, ErrorKind, Graph, Stored, both, incoming, out};

use crate::backends::graphs;
use crate::model::{City, Country, Road, Trip};
use crate::spy::Spy;

fn names(lists: &[Vec<Stored<City>>]) -> Vec<String> {
    let name = |city: &Stored<City>| city.name.clone();
    lists.iter().map(|list| list.iter().map(name).collect()).collect()
}

#[tokio::test]
async fn neighbours_come_in_the_order_in_which_their_edges_were_made() {
    for graph in graphs().await {
        let cities = ["a", "b", "c", "d"].map(City::new);
        let cities = graph.create_many(cities).await.unwrap();
        let [a, b, c, d] = &cities[..] else { panic!("four cities") };
        for target in [d, b, c] {
            graph.connect(a, target, Road { km: 1 }).await.unwrap();
        }
        graph.connect(b, a, Road { km: 1 }).await.unwrap();
        let roads = out::<Road>().to::<City>();
        let found = graph.neighbors(&[b, a, c, a], roads).await.unwrap();
        assert_eq!(names(&found), ["a", "dbc", "", "dbc"]);
        let from = [a];
        let roads = incoming::<Road>().to::<City>();
        let found = graph.neighbors(&from, roads).await.unwrap();
        assert_eq!(names(&found), ["b"]);
        let roads = both::<Road>().to::<City>();
        let found = graph.neighbors(&from, roads).await.unwrap();
        assert_eq!(names(&found), ["dbcb"]);
    }
}

#[tokio::test]
async fn however_many_nodes_there_are_the_database_is_asked_twice() {
    let (graph, spy) = Spy::graph();
    let hub = graph.create(City::new("hub")).await.unwrap();
    let rim = graph.create_many((0..100).map(|_| City::new("rim")));
    let rim = rim.await.unwrap();
    let roads = rim.iter().map(|city| (city, &hub, Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    spy.reads.store(0, Ordering::Relaxed);
    let found = graph.neighbors(&rim, out::<Road>().to::<City>());
    let found = found.await.unwrap();
    assert!(found.iter().all(|list| list.len() == 1));
    assert_eq!(spy.expansions.load(Ordering::Relaxed), 1);
    assert_eq!(spy.reads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn types_of_edges_and_nodes_are_chosen_one_several_or_any() {
    for graph in graphs().await {
        let a = graph.create(City::new("a")).await.unwrap();
        let b = graph.create(City::new("b")).await.unwrap();
        let root = graph.root().await.unwrap();
        let country = Country { code: "NO".into() };
        let country = graph.create(country).await.unwrap();
        graph.connect(&a, &b, Road { km: 1 }).await.unwrap();
        graph.connect(&a, &country, Trip { year: 1 }).await.unwrap();
        graph.connect(&a, &root, Trip { year: 2 }).await.unwrap();

        let entities = |lists: Vec<Vec<AnyNode>>| -> Vec<String> {
            let nodes = lists.into_iter().flatten();
            nodes.map(|node| node.entity().to_owned()).collect()
        };
        let from = [&a];
        let any = graph.neighbors(&from, out::<AnyEdge>()).await.unwrap();
        assert_eq!(entities(any), ["City", "Country", "Root"]);
        let two = graph.neighbors(&from, out::<(Road, Trip)>().to::<(City, Country)>());
        assert_eq!(entities(two.await.unwrap()), ["City", "Country"]);
        let trips = graph.neighbors(&from, out::<Trip>()).await.unwrap();
        assert_eq!(entities(trips), ["Country", "Root"]);
        let countries = graph.neighbors(&from, out::<AnyEdge>().to::<Country>());
        let countries = countries.await.unwrap();
        assert_eq!(countries[0][0].code, "NO");
    }
}

#[tokio::test]
async fn filters_on_edges_all_hold() {
    for graph in graphs().await {
        let a = graph.create(City::new("a")).await.unwrap();
        for km in [5, 10, 15, 20] {
            let city = graph.create(City::new(&format!("{km} "))).await.unwrap();
            graph.connect(&a, &city, Road { km }).await.unwrap();
        }
        let middle = out::<Road>()
            .filter(|road| road.km.gt(5))
            .filter_doc(&bson::doc! { "context.km": { "$lt": 20 } })
            .to::<City>();
        let found = graph.neighbors(&[&a], middle).await.unwrap();
        assert_eq!(names(&found), ["10 15 "]);
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_reported_when_the_expansion_is_used() {
    let graph = Graph::open("memory:").await.unwrap();
    let a = graph.create(City::new("a")).await.unwrap();
    let wrong = out::<Road>().filter_doc(&bson::doc! { "$where": "1" });
    let error = graph.neighbor_ids(&[&a], wrong).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported), "{error}");
}

#[tokio::test]
async fn a_missing_start_has_no_neighbours() {
    for graph in graphs().await {
        let a = graph.create(City::new("a")).await.unwrap();
        graph.delete(&a).await.unwrap();
        let found = graph.neighbors(&[&a], out::<AnyEdge>()).await.unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].is_empty());
    }
}
