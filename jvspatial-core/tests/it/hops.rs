//! Searches among the nodes behind edges.

use std::sync::atomic::Ordering;

use jvspatial_core::{AnyEdge, ErrorKind, Graph, Stored};

use crate::backends::graphs;
use crate::model::{City, Country, Road, Trip};
use crate::spy::Spy;

/// Roads a→b, a→c, b→d, c→d, d→a and a trip a→country.
async fn fill(graph: &Graph) -> Vec<Stored<City>> {
    let cities = ["a", "b", "c", "d"].into_iter().zip([4.0, 3.0, 2.0, 1.0]);
    let cities = cities.map(|(name, latitude)| City::at(name, latitude));
    let cities = graph.create_many(cities).await.unwrap();
    let [a, b, c, d] = &cities[..] else { panic!("four cities") };
    for (from, to, km) in [(a, b, 10), (a, c, 20), (b, d, 30), (c, d, 40), (d, a, 50)] {
        graph.connect(from, to, Road { km }).await.unwrap();
    }
    let country = graph.create(Country { code: "NO".into() }).await.unwrap();
    graph.connect(a, &country, Trip { year: 2020 }).await.unwrap();
    cities
}

fn names(cities: &[Stored<City>]) -> String {
    cities.iter().map(|city| city.name.as_str()).collect()
}

#[tokio::test]
async fn neighbours_are_filtered_sorted_and_cut() {
    for graph in graphs().await {
        let cities = fill(&graph).await;
        let a = &cities[0];
        let roads = || graph.out::<Road>(a);
        assert_eq!(names(&roads().to::<City>().all().await.unwrap()), "bc");
        let long = roads().filter(|r| r.km.gt(10)).to::<City>();
        assert_eq!(names(&long.all().await.unwrap()), "c");
        let south = roads().to::<City>().filter(|c| c.latitude.lt(3.0));
        assert_eq!(names(&south.all().await.unwrap()), "c");
        let sorted = roads().to::<City>().sort(|c| c.name.desc()).limit(1);
        assert_eq!(names(&sorted.all().await.unwrap()), "c");
        assert_eq!(roads().to::<City>().skip(1).count().await.unwrap(), 1);
        let counted = roads().to::<City>().filter(|c| c.name.eq("b")).count();
        assert_eq!(counted.await.unwrap(), 1);
        assert!(!roads().to::<City>().filter(|c| c.name.eq("d")).exists().await.unwrap());
        assert_eq!(graph.incoming::<Road>(a).to::<City>().one().await.unwrap().name, "d");
        assert_eq!(names(&graph.both::<Road>(a).to::<City>().all().await.unwrap()), "bcd");
        let latitudes: Vec<f64> = roads().to::<City>().distinct(|c| c.latitude).await.unwrap();
        assert_eq!(latitudes, [2.0, 3.0]);
        assert_eq!(graph.out::<AnyEdge>(a).all().await.unwrap().len(), 3);
        let country = graph.out::<Trip>(a).to::<Country>().one().await.unwrap();
        assert_eq!(country.code, "NO");
        let fields = roads().to::<City>().project_fields(["name"]).all().await.unwrap();
        assert_eq!(fields[0].get_str("name").unwrap(), "b");
    }
}

#[tokio::test]
async fn hops_are_chained() {
    for graph in graphs().await {
        let cities = fill(&graph).await;
        let a = &cities[0];
        let twice = graph.out::<Road>(a).out::<Road>().to::<City>();
        assert_eq!(names(&twice.all().await.unwrap()), "d", "two ways, one city");
        let round = graph.out::<Road>(a).out::<Road>().out::<Road>();
        assert_eq!(round.ids().await.unwrap(), [a.id().clone()]);
        let filtered = graph.out::<Road>(a).to::<City>().filter(|c| c.name.eq("c"));
        let filtered = filtered.out::<Road>().filter(|r| r.km.lt(40)).to::<City>();
        assert_eq!(filtered.count().await.unwrap(), 0);
        let from_a_search = graph.nodes::<City>().filter(|c| c.name.one_of(["b", "c"]));
        let from_a_search = from_a_search.incoming::<Road>().to::<City>().all().await.unwrap();
        assert_eq!(names(&from_a_search), "a");
    }
}

#[tokio::test]
async fn each_hop_is_one_question() {
    let (graph, spy) = Spy::graph();
    let cities = fill(&graph).await;
    spy.reads.store(0, Ordering::Relaxed);
    spy.expansions.store(0, Ordering::Relaxed);
    let hops = graph.out::<Road>(&cities[0]).out::<Road>().out::<Road>().out::<Road>();
    assert_eq!(names(&hops.to::<City>().all().await.unwrap()), "bc");
    assert_eq!(spy.expansions.load(Ordering::Relaxed), 4);
    assert_eq!(spy.reads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn neighbours_come_in_pages_of_their_own() {
    for graph in graphs().await {
        let cities = fill(&graph).await;
        let page = |from: usize, token| {
            let find = graph.both::<Road>(&cities[from]).to::<City>().sort(|c| c.latitude.asc());
            async move { find.page(2, token).await }
        };
        let first = page(0, None).await.unwrap();
        assert_eq!(names(&first.items), "dc");
        let second = page(0, first.next.as_ref()).await.unwrap();
        assert_eq!((names(&second.items).as_str(), second.next.is_none()), ("b", true));
        let foreign = page(1, first.next.as_ref()).await.unwrap_err();
        assert_eq!(foreign.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_node_without_edges_or_that_is_gone_leads_nowhere() {
    for graph in graphs().await {
        let city = graph.create(City::new("alone")).await.unwrap();
        let hop = || graph.out::<Road>(&city).to::<City>();
        assert!(hop().all().await.unwrap().is_empty());
        graph.delete(city.id()).await.unwrap();
        assert!(hop().first().await.unwrap().is_none());
    }
}
