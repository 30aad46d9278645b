//! Leaving a node: when all that was visited because of it has been left.

use jvspatial_core::{Control, Ended, Graph, Limit, Uniqueness};

use super::support::*;
use crate::model::City;

on_every_backend!(
    depth_first_a_node_is_left_right_after_what_it_led_to,
    in_every_order_a_node_is_left_once_and_after_what_it_led_to,
    the_order_of_leaving_does_not_depend_on_the_size_of_a_chunk,
    what_is_missing_keeps_nobody_from_leaving,
    what_is_taken_from_the_queue_keeps_nobody_from_leaving,
    a_limit_leaves_what_is_done,
    a_pause_forgets_nothing_that_is_to_be_left,
    who_leaves_sees_what_was_saved_below,
    what_is_deleted_is_not_left,
    the_hook_is_told_of_the_visit_that_is_left,
    edges_are_left_too,
    what_needs_no_visit_any_more_keeps_nobody_from_leaving,
);

/// 0 leads to 1 and 4, 1 to 2 and 3, and 3 back to 0.
const TREE: [(usize, usize); 5] = [(0, 1), (1, 2), (1, 3), (3, 0), (0, 4)];

async fn depth_first_a_node_is_left_right_after_what_it_led_to(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    let outcome = run(world.walk(Probe::leaving()).depth_first()).await;
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3, 4]);
    assert_eq!(outcome.walker.left, [2, 3, 1, 4, 0]);
    assert_eq!(outcome.walker.exits, [Ended::Finished]);
}

async fn in_every_order_a_node_is_left_once_and_after_what_it_led_to(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    for order in 0..3 {
        for chunk in [1, 2, 1_000] {
            let walk = world.walk(Probe::leaving()).chunk_size(chunk);
            let walk = match order {
                0 => walk,
                1 => walk.depth_first(),
                _ => walk.by_rank(),
            };
            let left = run(walk).await.walker.left;
            // The size of a chunk makes no difference.
            assert_eq!(left, [[4, 2, 3, 1, 0], [2, 3, 1, 4, 0], [4, 2, 3, 1, 0]][order], "{chunk}");
            let place = |city: u32| left.iter().position(|found| *found == city).unwrap();
            assert_eq!(left.len(), 5, "{left:?}");
            assert!(place(2) < place(1) && place(3) < place(1), "{left:?}");
            assert!(place(1) < place(0) && place(4) < place(0), "{left:?}");
        }
    }
}

async fn the_order_of_leaving_does_not_depend_on_the_size_of_a_chunk(graph: Graph) {
    let mut random = 7_usize;
    let mut city = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (random >> 40) % 12
    };
    for _ in 0..12 {
        let roads: Vec<(usize, usize)> = (0..24).map(|_| (city(), city())).collect();
        let world = World::new(&graph, 12, &roads).await;
        let mut orders = Vec::new();
        for chunk in [1, 2, 5, 1_000] {
            let walk = world.walk(Probe::leaving()).chunk_size(chunk);
            orders.push(run(walk).await.walker.left);
        }
        assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "{roads:?}: {orders:?}");
    }
}

async fn what_is_missing_keeps_nobody_from_leaving(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    let gone = world.id(2);
    let probe = Probe::leaving().hook("deletes", move |here, walk| {
        if is(here, 0) {
            walk.delete(&gone);
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe).depth_first()).await;
    assert_eq!(outcome.walker.left, [3, 1, 4, 0]);
}

async fn what_is_taken_from_the_queue_keeps_nobody_from_leaving(graph: Graph) {
    for clear in [false, true] {
        let world = World::new(&graph, 5, &TREE).await;
        let id = world.id(4);
        let probe = Probe::leaving().waits("takes", move |here, walk| {
            let (id, is_due) = (id.clone(), is(here, 1));
            Box::pin(async move {
                if is_due {
                    let mut queue = walk.queue().await?;
                    let taken = if clear { queue.clear() } else { queue.dequeue(&id) };
                    assert!(taken > 0);
                }
                Ok(Control::Continue)
            })
        });
        let outcome = run(world.walk(probe)).await;
        let left: &[u32] = if clear { &[1, 0] } else { &[2, 3, 1, 0] };
        assert_eq!(outcome.walker.left, left);
    }
}

async fn a_limit_leaves_what_is_done(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    let outcome = run(world.walk(Probe::leaving()).depth_first().max_steps(3)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(3)));
    assert_eq!(outcome.walker.left, [2], "the others lead to what was never visited");
    let outcome = run(world.walk(Probe::leaving()).max_depth(1)).await;
    assert_eq!(outcome.walker.left, [1, 4, 0], "nothing is below what may not go further");
}

async fn a_pause_forgets_nothing_that_is_to_be_left(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    for depth_first in [false, true] {
        let probe = Probe::leaving().hook("pauses", |_, _| Ok(Control::Pause));
        let walk = world.walk(probe);
        let mut outcome = run(if depth_first { walk.depth_first() } else { walk }).await;
        let mut pauses = 0;
        while outcome.ended == Ended::Paused {
            pauses += 1;
            outcome = outcome.resume().await.unwrap();
        }
        assert_eq!(pauses, 5);
        let left: &[u32] = if depth_first { &[2, 3, 1, 4, 0] } else { &[4, 2, 3, 1, 0] };
        assert_eq!(outcome.walker.left, left);
    }
}

async fn who_leaves_sees_what_was_saved_below(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    let parents = [0, 0, 1, 1, 0];
    let ids = world.cities.clone();
    let mut sums = [0; 5];
    let probe = Probe::leaving().leave(move |here, walk| {
        let mut city = here.decode::<City>()?;
        let number = ids.iter().position(|id| id == here.id()).unwrap();
        city.visits = sums[number] + 1;
        sums[parents[number]] += city.visits;
        walk.save(&mut city);
        Ok(Control::Continue)
    });
    let _ = run(world.walk(probe)).await;
    assert_eq!(world.visits().await, [5, 3, 1, 1, 1].map(Some), "sizes of what is below");
}

async fn what_is_deleted_is_not_left(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    let probe = Probe::leaving().hook("deletes", |here, walk| {
        if is(here, 1) {
            walk.delete(here.id());
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe).depth_first()).await;
    assert_eq!(outcome.walker.visited, [0, 1, 4], "its edges are gone with it");
    assert_eq!(outcome.walker.left, [4, 0]);
}

async fn the_hook_is_told_of_the_visit_that_is_left(graph: Graph) {
    let world = World::new(&graph, 5, &TREE).await;
    for depth_first in [false, true] {
        let ids = world.cities.clone();
        let probe = Probe::leaving().leave(move |here, walk| {
            let path: Vec<_> = walk.path();
            let path = path.iter().map(|id| ids.iter().position(|known| known == id).unwrap());
            let ways: [&[usize]; 5] = [&[0], &[0, 1], &[0, 1, 2], &[0, 1, 3], &[0, 4]];
            let here = number(here) as usize;
            assert_eq!(path.collect::<Vec<_>>(), ways[here]);
            assert_eq!(walk.depth() as usize, ways[here].len() - 1);
            walk.report(u32::try_from(walk.step()).unwrap());
            walk.follow(roads());
            Ok(Control::Continue)
        });
        let walk = world.walk(probe.exit(|_, walk| {
            walk.report(u32::try_from(walk.step()).unwrap());
            Ok(())
        }));
        let walk = walk.uniqueness(Uniqueness::PathOnce);
        let outcome = run(if depth_first { walk.depth_first() } else { walk }).await;
        let steps = if depth_first { [3, 4, 2, 5, 1, 5] } else { [3, 4, 5, 2, 1, 5] };
        assert_eq!(outcome.reports, steps);
    }
}

async fn edges_are_left_too(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = Probe::leaving_edges();
    let outcome = run(world.walk(probe)).await;
    let first = FIRST_ROAD;
    assert_eq!(outcome.walker.visited, [0, first, 1, first + 1, 2]);
    assert_eq!(outcome.walker.left, [2, first + 1, 1, first, 0]);
    assert_eq!((outcome.stats.visited, outcome.stats.edges), (5, 2));
}

async fn what_needs_no_visit_any_more_keeps_nobody_from_leaving(graph: Graph) {
    // City 2 waits twice, and is visited by way of 1 first.
    let world = World::new(&graph, 3, &[(0, 1), (0, 2), (1, 2)]).await;
    let outcome = run(world.walk(Probe::leaving()).depth_first()).await;
    assert_eq!(outcome.walker.visited, [0, 1, 2]);
    assert_eq!(outcome.walker.left, [2, 1, 0]);
}
