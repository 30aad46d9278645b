//! Which ways a walk takes: uniqueness, edges that are visited, and ranks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jvspatial_core::{Control, Ended, Error, Graph, Limit, Uniqueness};
use jvspatial_db::Id;
use proptest::prelude::*;

use super::support::*;
use crate::model::{Road, Trip};

on_every_backend!(
    every_edge_is_followed_once,
    every_way_without_a_cycle_is_walked_once,
    without_a_rule_every_edge_leads_to_a_visit,
    an_edge_is_visited_before_what_is_behind_it,
    an_edge_that_is_skipped_leads_nowhere,
    an_edge_visited_in_every_order_leads_to_one_visit,
    an_edge_cannot_be_followed_from,
    an_edge_may_be_where_a_walk_starts,
    ranks_find_the_shortest_ways,
);

/// Each of `n` cities with a road to each other.
async fn complete(graph: &Graph, n: usize) -> World {
    let roads: Vec<_> = (0..n)
        .flat_map(|from| (0..n).filter(move |to| *to != from).map(move |to| (from, to)))
        .collect();
    World::new(graph, u32::try_from(n).unwrap(), &roads).await
}

async fn every_edge_is_followed_once(graph: Graph) {
    let world = complete(&graph, 4).await;
    for order in 0..3 {
        let walk = world.walk(Probe::roads()).uniqueness(Uniqueness::EdgeOnce);
        let walk = match order {
            0 => walk,
            1 => walk.depth_first(),
            _ => walk.by_rank(),
        };
        let outcome = run(walk).await;
        assert_eq!((outcome.stats.visited, outcome.ended), (13, Ended::Finished));
        let of_start = outcome.walker.visited.iter().filter(|city| **city == 0).count();
        assert_eq!(of_start, 4, "as a start, and by three roads");
    }
    let world = World::line(&graph, 2).await;
    for year in 0..3 {
        graph.connect_ids(world.id(0), world.id(1), Trip { year }).await.unwrap();
    }
    let probe = Probe::new().hook("follow", |_, walk| {
        walk.follow(every_edge());
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe).uniqueness(Uniqueness::EdgeOnce)).await;
    assert_eq!(outcome.walker.visited, [0, 1, 1, 1, 1], "also several between the same two");
}

async fn every_way_without_a_cycle_is_walked_once(graph: Graph) {
    for (cities, ways) in [(2, 2), (3, 5), (4, 16), (5, 65)] {
        let world = complete(&graph, cities).await;
        for depth_first in [false, true] {
            let paths = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&paths);
            let probe = Probe::roads().hook("path", move |here, walk| {
                let path = walk.path();
                assert_eq!(path.last(), Some(here.id()));
                assert_eq!(path.len() - 1, walk.depth() as usize);
                seen.lock().unwrap().push(path);
                Ok(Control::Continue)
            });
            let walk = world.walk(probe).uniqueness(Uniqueness::PathOnce).chunk_size(7);
            let outcome = run(if depth_first { walk.depth_first() } else { walk }).await;
            assert_eq!((outcome.stats.visited, outcome.ended), (ways, Ended::Finished));
            let mut paths = paths.lock().unwrap().clone();
            assert!(paths.iter().all(|path| path[0] == world.cities[0]));
            let twice = |path: &Vec<Id>| {
                path.iter().any(|id| path.iter().filter(|other| *other == id).count() > 1)
            };
            assert!(!paths.iter().any(twice), "no way crosses itself");
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len() as u64, ways, "and none comes twice");
        }
    }
}

async fn without_a_rule_every_edge_leads_to_a_visit(graph: Graph) {
    let world = complete(&graph, 3).await;
    for depth in 0..5 {
        let walk = world.walk(Probe::roads()).uniqueness(Uniqueness::Unlimited);
        let outcome = run(walk.max_depth(depth)).await;
        assert_eq!(outcome.stats.visited, (2 << depth) - 1);
        assert_eq!(outcome.ended, Ended::Limit(Limit::Depth(depth)));
    }
}

fn along_edges(skipped: u32) -> Probe {
    Probe::new().hook("follow", move |here, walk| {
        walk.report(walk.depth());
        if here.is_node() {
            walk.follow_edges(roads());
        }
        Ok(if is(here, skipped) { Control::Skip } else { Control::Continue })
    })
}

async fn an_edge_is_visited_before_what_is_behind_it(graph: Graph) {
    let world = World::new(&graph, 3, &[(0, 1), (0, 2), (2, 1)]).await;
    let outcome = run(world.walk(along_edges(999)).trail(9)).await;
    let road = FIRST_ROAD;
    assert_eq!(outcome.walker.visited, [0, road, road + 1, 1, 2, road + 2]);
    assert_eq!(outcome.reports, [0, 1, 1, 1, 1, 2], "an edge is as deep as what is behind it");
    let (edge, node) = (outcome.trail.get(2).unwrap(), outcome.trail.get(4).unwrap());
    assert_eq!((edge.parent, node.parent), (Some(1), Some(2)));
    assert_eq!(node.edge.as_ref(), Some(&edge.entity));
    let outcome = run(world.walk(along_edges(999)).max_depth(1)).await;
    assert_eq!(outcome.walker.visited, [0, road, road + 1, 1, 2]);
}

async fn an_edge_that_is_skipped_leads_nowhere(graph: Graph) {
    let world = World::new(&graph, 3, &[(0, 1), (0, 2)]).await;
    let outcome = run(world.walk(along_edges(FIRST_ROAD))).await;
    assert_eq!(outcome.walker.visited, [0, FIRST_ROAD, FIRST_ROAD + 1, 2]);
}

async fn an_edge_visited_in_every_order_leads_to_one_visit(graph: Graph) {
    let world = complete(&graph, 4).await;
    for uniqueness in [Uniqueness::NodeOnce, Uniqueness::EdgeOnce] {
        for order in 0..3 {
            let walk = world.walk(along_edges(999)).uniqueness(uniqueness);
            let walk = match order {
                0 => walk,
                1 => walk.depth_first(),
                _ => walk.by_rank(),
            };
            let outcome = run(walk).await;
            assert_eq!(outcome.stats.edges, 12, "{uniqueness:?}");
            let nodes = outcome.stats.visited - outcome.stats.edges;
            let expected = if uniqueness == Uniqueness::NodeOnce { 4 } else { 13 };
            assert_eq!(nodes, expected, "{uniqueness:?} {order}");
        }
    }
}

async fn an_edge_cannot_be_followed_from(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let probe = Probe::new().hook("follow", |_, walk| {
        walk.follow_edges(roads());
        Ok(Control::Continue)
    });
    let error = end(world.walk(probe)).await.error.unwrap();
    assert_eq!(error.kind(), jvspatial_core::ErrorKind::Invalid);
    assert_eq!(error.place().unwrap().hook, Some("follow"));
}

async fn an_edge_may_be_where_a_walk_starts(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let road = graph.edges::<Road>().all().await.unwrap().remove(0);
    let probe = Probe::new().hook("on", |here, walk| {
        if let Some(edge) = here.any_edge() {
            walk.visit(edge.target());
            walk.visit(edge.source());
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.graph.walk(probe).from(&road)).await;
    assert_eq!(outcome.walker.visited, [FIRST_ROAD, 1, 0]);
}

/// The length of the shortest way from city 0 to each, in the order in which a walk by rank finds them.
async fn distances(world: &World) -> Vec<(Id, u32)> {
    let best: Arc<Mutex<HashMap<Id, u32>>> = Arc::default();
    let found = Arc::new(Mutex::new(Vec::new()));
    let (known, order) = (Arc::clone(&best), Arc::clone(&found));
    let probe = Probe::new().hook("measure", move |here, walk| {
        let mut known = known.lock().unwrap();
        if here.is_node() {
            let length = *known.entry(here.id().clone()).or_default();
            order.lock().unwrap().push((here.id().clone(), length));
            walk.follow_edges(roads());
            return Ok::<_, Error>(Control::Continue);
        }
        let road = here.decode::<Road>()?;
        let length = known[road.source()] + road.km;
        let best = known.entry(road.target().clone()).or_insert(length);
        *best = length.min(*best);
        walk.visit_ranked(f64::from(length), road.target());
        Ok(Control::Skip)
    });
    let _ = run(world.walk(probe).by_rank()).await;
    Arc::into_inner(found).unwrap().into_inner().unwrap()
}

/// The same by Floyd and Warshall.
fn lengths(cities: usize, roads: &[(usize, usize, u32)]) -> Vec<Option<u32>> {
    let mut lengths = vec![vec![None; cities]; cities];
    for (city, row) in lengths.iter_mut().enumerate() {
        row[city] = Some(0);
    }
    for &(from, to, km) in roads {
        let length: &mut Option<u32> = &mut lengths[from][to];
        *length = Some(length.map_or(km, |known| known.min(km)));
    }
    for by in 0..cities {
        for from in 0..cities {
            for to in 0..cities {
                if let (Some(first), Some(second)) = (lengths[from][by], lengths[by][to]) {
                    let length = first + second;
                    let known = lengths[from][to];
                    lengths[from][to] = Some(known.map_or(length, |known| known.min(length)));
                }
            }
        }
    }
    lengths.swap_remove(0)
}

async fn check(graph: &Graph, cities: usize, roads: Vec<(usize, usize, u32)>) {
    let mut seen = std::collections::HashSet::new();
    let roads: Vec<_> =
        roads.into_iter().filter(|&(from, to, _)| seen.insert((from, to))).collect();
    let world = World::new(graph, u32::try_from(cities).unwrap(), &[]).await;
    world.join(roads.iter().map(|&(from, to, km)| (from, to, Road { km }))).await;
    let found = distances(&world).await;
    assert!(found.is_sorted_by_key(|(_, length)| *length), "{found:?}");
    let found: HashMap<_, _> = found.into_iter().collect();
    let found: Vec<_> = world.cities.iter().map(|id| found.get(id).copied()).collect();
    assert_eq!(found, lengths(cities, &roads));
}

async fn ranks_find_the_shortest_ways(graph: Graph) {
    let detour = vec![(0, 1, 10), (0, 2, 1), (2, 3, 1), (3, 1, 1), (1, 4, 1), (3, 4, 9)];
    check(&graph, 6, detour).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn ranks_find_the_shortest_ways_in_any_graph(
        roads in prop::collection::vec((0..9_usize, 0..9_usize, 1..30_u32), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            check(&Graph::open("memory:").await.unwrap(), 9, roads).await;
        });
    }
}
