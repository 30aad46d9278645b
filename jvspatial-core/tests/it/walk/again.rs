//! What is visited again, and what waits for a visit that it does not need any more.

use jvspatial_core::{Control, Ended, Graph, Limit, WalkBuilder};

use super::support::*;

on_every_backend!(
    what_was_visited_by_a_later_edge_waits_no_more,
    each_revisit_that_is_asked_for_is_made,
    what_was_visited_is_still_known_when_its_revisit_is_taken_back,
    a_hook_that_is_refused_the_queue_at_a_limit_does_not_fail_the_walk,
);

fn orders() -> [fn(WalkBuilder<Probe>) -> WalkBuilder<Probe>; 3] {
    [WalkBuilder::breadth_first, WalkBuilder::depth_first, WalkBuilder::by_rank]
}

async fn what_was_visited_by_a_later_edge_waits_no_more(graph: Graph) {
    let world = World::new(&graph, 3, &[(0, 1), (0, 2), (1, 2)]).await;
    for order in orders() {
        let last = world.id(2);
        let probe = Probe::roads().waits("looks", move |here, walk| {
            let (last, is_last) = (last.clone(), is(here, 2));
            Box::pin(async move {
                if is_last {
                    let mut queue = walk.queue().await?;
                    assert!(queue.is_empty() && !queue.is_queued(last), "{queue:?}");
                }
                Ok(Control::Continue)
            })
        });
        assert_eq!(run(order(world.walk(probe))).await.walker.visited.len(), 3);
    }
}

async fn each_revisit_that_is_asked_for_is_made(graph: Graph) {
    let world = World::line(&graph, 2).await;
    for order in orders() {
        let first = world.id(0);
        let probe = Probe::roads().hook("again", move |here, walk| {
            if is(here, 1) {
                walk.revisit(&first);
                walk.revisit(&first);
            }
            Ok(Control::Continue)
        });
        assert_eq!(run(order(world.walk(probe))).await.walker.visited, [0, 1, 0, 0]);
    }
}

async fn what_was_visited_is_still_known_when_its_revisit_is_taken_back(graph: Graph) {
    let world = World::new(&graph, 2, &[(0, 1), (1, 0)]).await;
    for order in orders() {
        let first = world.id(0);
        let probe = Probe::roads().waits("takes back", move |here, walk| {
            let (first, is_first) = (first.clone(), is(here, 0));
            Box::pin(async move {
                if is_first {
                    let mut queue = walk.queue().await?;
                    queue.revisit([&first])?;
                    assert_eq!(queue.dequeue(&first), 1);
                }
                Ok(Control::Continue)
            })
        });
        assert_eq!(run(order(world.walk(probe))).await.walker.visited, [0, 1]);
    }
}

async fn a_hook_that_is_refused_the_queue_at_a_limit_does_not_fail_the_walk(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = Probe::roads().waits("holds", |_, walk| {
        Box::pin(async move {
            let _ = walk.queue().await?;
            Ok(Control::Continue)
        })
    });
    let outcome = run(world.walk(probe).max_queries(1)).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Limit(Limit::Queries(1)), 1));
    assert!(outcome.errors.is_empty());
}
