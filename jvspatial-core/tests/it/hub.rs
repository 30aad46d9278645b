//! A node with very many edges is a node like any other.

use std::time::{Duration, Instant};

use jvspatial_core::{
    AnyEdge, Control, Ended, Graph, Here, HookError, Limit, Stored, Walk, Walker, incoming, out,
};
use tempfile::TempDir;

use crate::model::{City, Road};

/// Goes from where it starts to all that roads lead to.
#[derive(Default)]
struct Spread {
    visited: u32,
    follows_edges: bool,
}

impl Walker for Spread {
    type Report = String;
    const NAME: &'static str = "Spread";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.visited += 1;
        if here.is_node() {
            walk.report(here.decode::<City>()?.name.clone());
            if self.follows_edges {
                walk.follow_edges(out::<Road>());
            } else {
                walk.follow(out::<Road>());
            }
        }
        Ok(Control::Continue)
    }
}

async fn json(directory: &TempDir) -> Graph {
    let path = directory.path().join("db");
    Graph::open(&format!("json:{}?durability=os", path.display())).await.unwrap()
}

/// A city with a road to each of `leaves` others.
async fn star(graph: &Graph, leaves: usize) -> Vec<Stored<City>> {
    let cities = (0..=leaves).map(|number| City::new(&number.to_string()));
    let cities: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
    let (hub, others) = cities.split_first().unwrap();
    for some in others.chunks(20_000) {
        let roads = some.iter().map(|city| (hub, city, Road { km: 1 }));
        graph.connect_many(roads).await.unwrap().into_result().unwrap();
    }
    cities
}

/// More than two pages.
const LEAVES: usize = 140_000;

#[tokio::test]
async fn a_hub_of_several_pages_is_walked_in_the_order_of_its_edges() {
    let directory = TempDir::new().unwrap();
    let graph = json(&directory).await;
    let cities = star(&graph, LEAVES).await;
    for depth_first in [false, true] {
        let walk = graph.walk(Spread::default()).from(&cities[0]);
        let walk = if depth_first { walk.depth_first() } else { walk };
        let outcome = walk.run().await.unwrap();
        assert_eq!(outcome.ended, Ended::Finished);
        let numbers = (0..=LEAVES).map(|number| number.to_string());
        assert!(outcome.reports.into_iter().eq(numbers), "depth first: {depth_first}");
    }
    let edges = Spread { follows_edges: true, ..Spread::default() };
    let outcome = graph.walk(edges).from(&cities[0]).run().await.unwrap();
    assert_eq!(usize::try_from(outcome.stats.visited).unwrap(), 2 * LEAVES + 1);
    // Every page is one query more than those of chunks that fit in one.
    let walk = graph.walk(Spread::default()).from(&cities[0]).max_queries(3);
    let outcome = walk.run().await.unwrap();
    assert_eq!(outcome.ended, Ended::Limit(Limit::Queries(3)));
    graph.close().await.unwrap();
}

#[tokio::test]
async fn one_more_edge_of_a_hub_costs_what_it_costs_on_a_leaf() {
    let directory = TempDir::new().unwrap();
    let graph = json(&directory).await;
    let cities = star(&graph, 50_000).await;
    let (hub, leaves) = cities.split_first().unwrap();
    let new = (0..1_200).map(|number| City::new(&format!("new {number}")));
    let new: Vec<Stored<City>> = graph.create_many(new).await.unwrap();
    // By turns, so that whatever else goes on disturbs all of them alike.
    let mut times: [Vec<Duration>; 3] = Default::default();
    for (place, city) in new.iter().enumerate() {
        let (from, to) = match place % 3 {
            0 => (&leaves[place], city),
            1 => (hub, city),
            _ => (city, hub),
        };
        let start = Instant::now();
        graph.connect(from, to, Road { km: 1 }).await.unwrap();
        times[place % 3].push(start.elapsed());
    }
    let [leaf, out_of_hub, into_hub] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    assert!(out_of_hub < 2 * leaf, "{out_of_hub:?} from the hub, {leaf:?} from a leaf");
    assert!(into_hub < 2 * leaf, "{into_hub:?} to the hub, {leaf:?} from a leaf");
    let back = graph.neighbors(&[hub], incoming::<AnyEdge>().to::<City>()).await.unwrap();
    assert_eq!(back[0].len(), 400);
    graph.close().await.unwrap();
}
