use std::collections::VecDeque;

use proptest::prelude::*;

use super::support::*;
use crate::out;
use crate::walker::{Control, Ended, Step, Uniqueness};

#[tokio::test]
async fn breadth_first_visits_by_distance_and_siblings_in_the_order_of_their_edges() {
    let world = World::new(6, &[(0, 2), (0, 1), (2, 5), (1, 4), (1, 3)]).await;
    let outcome = run(world.walk(Probe::roads())).await;
    assert_eq!(outcome.reports, [0, 2, 1, 5, 4, 3]);
    assert_eq!(outcome.ended, Ended::Finished);
}

#[tokio::test]
async fn depth_first_visits_all_behind_a_node_before_the_next() {
    let world = World::new(6, &[(0, 2), (0, 1), (2, 5), (1, 4), (1, 3)]).await;
    let outcome = run(world.walk(Probe::roads()).depth_first()).await;
    assert_eq!(outcome.reports, [0, 2, 5, 1, 4, 3]);
}

#[tokio::test]
async fn depth_first_goes_deep_even_where_every_node_is_a_neighbour() {
    let all = (0..4).flat_map(|from| (0..4).map(move |to| (from, to)));
    let roads: Vec<_> = all.filter(|(from, to)| from != to).collect();
    let world = World::new(4, &roads).await;
    let probe = Probe::new(|town, walk| {
        assert_eq!(walk.depth(), town.number);
        walk.follow(super::support::roads());
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe).depth_first()).await;
    assert_eq!(outcome.reports, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_diamond_is_visited_once_and_a_cycle_ends() {
    for depth_first in [false, true] {
        let world = World::new(4, &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 0), (3, 3)]).await;
        let mut walk = world.walk(Probe::roads());
        if depth_first {
            walk = walk.depth_first();
        }
        let mut outcome = run(walk).await;
        outcome.reports.sort_unstable();
        assert_eq!(outcome.reports, [0, 1, 2, 3]);
        assert_eq!(outcome.stats.visited, 4);
    }
}

#[tokio::test]
async fn unlimited_visits_a_node_once_for_each_edge() {
    let world = World::new(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]).await;
    let walk = world.walk(Probe::roads()).uniqueness(Uniqueness::Unlimited);
    assert_eq!(run(walk).await.reports, [0, 1, 2, 3, 3]);
}

#[tokio::test]
async fn several_starts_are_visited_in_order_and_once() {
    for depth_first in [false, true] {
        let world = World::new(5, &[(3, 4)]).await;
        let walk = world.walk(Probe::roads());
        let mut walk = walk.from(town(3)).from_many([town(1), town(3)]);
        if depth_first {
            walk = walk.depth_first();
        }
        let expected: &[u32] = if depth_first { &[0, 3, 4, 1] } else { &[0, 3, 1, 4] };
        assert_eq!(run(walk).await.reports, expected);
    }
}

#[tokio::test]
async fn a_walk_without_starts_ends_at_once() {
    let world = World::line(3).await;
    let walk = world.graph().walk(Probe::roads());
    let outcome = run(walk.from_many(Vec::<jvspatial_db::Id>::new())).await;
    assert_eq!((outcome.stats.visited, outcome.walker.exits), (0, 1));
    assert_eq!(outcome.ended, Ended::Finished);
}

#[tokio::test]
async fn the_depth_is_that_of_the_shortest_way() {
    let world = World::new(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]).await;
    let probe = Probe::new(|town, walk| {
        assert_eq!(walk.depth(), [0, 1, 1, 2][town.number as usize]);
        walk.follow(roads());
        Ok(Control::Continue)
    });
    assert_eq!(run(world.walk(probe)).await.reports, [0, 1, 2, 3]);
}

#[tokio::test]
async fn wishes_are_granted_in_the_order_of_the_calls_then_of_the_edges() {
    // The ferry is older than the road, and the second town's wish for roads joins the first's.
    let mut world = World::new(7, &[(0, 1), (0, 2)]).await;
    world.join::<Ferry>(&[(1, 3), (2, 4)]).await;
    world.join::<Road>(&[(1, 5), (2, 6)]).await;
    let probe = Probe::new(|town, walk| {
        if town.number == 1 {
            walk.follow(out::<Ferry>());
            walk.follow(roads());
        } else {
            walk.follow(roads());
            walk.follow(out::<Ferry>());
        }
        Ok(Control::Continue)
    });
    assert_eq!(run(world.walk(probe)).await.reports, [0, 1, 2, 3, 5, 6, 4]);
}

/// What a breadth-first or depth-first walk over the ferries and then the roads of each town visits, by the
/// book.
fn by_the_book(towns: u32, edges: &[&[(u32, u32)]; 2], depth_first: bool) -> Vec<u32> {
    let mut visited = vec![false; towns as usize];
    let mut order = Vec::new();
    let mut waiting = VecDeque::from([0]);
    while let Some(town) = waiting.pop_front() {
        if std::mem::replace(&mut visited[town as usize], true) {
            continue;
        }
        order.push(town);
        let next = edges.iter().flat_map(|edges| edges.iter());
        let next = next.filter(|(from, _)| *from == town).map(|edge| edge.1);
        if depth_first {
            next.rev().for_each(|town| waiting.push_front(town));
        } else {
            waiting.extend(next);
        }
    }
    order
}

type Edges = Vec<(u32, u32)>;

fn towns_and_edges() -> impl Strategy<Value = (u32, Edges, Edges)> {
    (1..24_u32).prop_flat_map(|towns| {
        let edges = || proptest::collection::vec((0..towns, 0..towns), 0..40);
        (Just(towns), edges(), edges())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_size_of_a_chunk_nor_ordinals_change_the_visits(
        (towns, ferries, roads) in towns_and_edges(),
        ordinals: bool,
        depth_first: bool,
        chunk_size in 2..9_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let book = by_the_book(towns, &[&ferries, &roads], depth_first);
        let mut trails = runtime.block_on(async {
            let mut world = World::with_ordinals(ordinals, towns, &roads).await;
            world.join::<Ferry>(&ferries).await;
            let mut trails = Vec::new();
            for chunk_size in [1, chunk_size, 1_000] {
                let probe = Probe::new(|_, walk| {
                    walk.follow(out::<Ferry>());
                    walk.follow(out::<Road>());
                    Ok(Control::Continue)
                });
                let mut walk = world.walk(probe).chunk_size(chunk_size).trail(100);
                if depth_first {
                    walk = walk.depth_first();
                }
                let outcome = run(walk).await;
                prop_assert_eq!(&outcome.reports, &book);
                let steps = outcome.trail.steps();
                let way = |step: &Step| (step.entity.clone(), step.parent, step.edge.clone(), step.depth);
                trails.push(steps.map(way).collect::<Vec<_>>());
            }
            Ok(trails)
        })?;
        trails.dedup();
        prop_assert_eq!(trails.len(), 1);
    }
}
