use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::support::*;
use crate::out;
use crate::walker::{Control, Ended};

#[tokio::test]
async fn a_chunk_costs_one_load_and_one_query_for_each_distinct_expansion() {
    let mut world = World::star(7).await;
    world.join::<Ferry>(&[(1, 2)]).await;
    let probe = Probe::new(|town, walk| {
        walk.follow(roads());
        if town.number % 2 == 1 {
            walk.follow(out::<Ferry>());
        }
        walk.follow(roads());
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    let calls = world.calls();
    assert_eq!(calls.loads, [1, 6]);
    assert_eq!(calls.expansions, [2, 12, 3]);
    assert_eq!((outcome.stats.chunks, outcome.stats.queries), (2, 5));
    assert!(!calls.with_edges, "without a trail no edge is looked up");
}

#[tokio::test]
async fn a_level_larger_than_a_chunk_is_loaded_in_chunks() {
    let world = World::star(8).await;
    let outcome = run(world.walk(Probe::roads()).chunk_size(3)).await;
    assert_eq!(outcome.reports, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(world.calls().loads, [1, 3, 3, 1]);
}

#[tokio::test]
async fn a_walk_that_follows_nothing_asks_nothing() {
    let world = World::line(3).await;
    let outcome = run(world.walk(Probe::new(|_, _| Ok(Control::Continue)))).await;
    assert_eq!(outcome.reports, [0]);
    assert!(world.calls().expansions.is_empty());
}

#[tokio::test]
async fn a_node_deleted_while_it_waits_is_counted_and_not_visited() {
    let world = World::star(4).await;
    let paused = run(world.walk(Probe::stops(0, Control::Pause))).await;
    world.remove(2).await;
    let outcome = paused.resume().await.unwrap();
    assert_eq!(outcome.reports, [0, 1, 3]);
    assert_eq!((outcome.stats.visited, outcome.stats.missing), (3, 1));
    assert_eq!(outcome.ended, Ended::Finished);
}

#[tokio::test]
async fn a_node_without_hooks_of_its_type_still_meets_the_hooks_for_all() {
    let world = World::line(1).await;
    let mut batch = world.batch();
    let entity = <Island as crate::Entity>::entity_name();
    let id = jvspatial_db::Id::with_key(jvspatial_db::Collection::Node, entity, "i").unwrap();
    batch.insert(id.clone(), &Island {}).unwrap();
    world.write(batch).await;
    let outcome = run(world.walk(Probe::roads()).from(id)).await;
    assert_eq!((outcome.walker.towns, outcome.walker.anys), (1, 2));
}

#[tokio::test]
async fn a_walk_can_be_spawned() {
    let world = World::line(3).await;
    let walk = world.walk(Probe::roads());
    let outcome = tokio::spawn(walk.run()).await.unwrap().unwrap();
    assert_eq!(outcome.stats.visited, 3);
}

#[tokio::test]
async fn other_tasks_run_between_chunks() {
    for (chunk_size, turns) in [(200, 5), (1, 5)] {
        let world = World::star(1_000).await;
        let counted = Arc::new(AtomicU32::new(0));
        let other = tokio::spawn({
            let counted = counted.clone();
            async move {
                loop {
                    counted.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        drop(run(world.walk(Probe::roads()).chunk_size(chunk_size)).await);
        assert!(counted.load(Ordering::Relaxed) >= turns);
        other.abort();
    }
}

#[tokio::test]
async fn a_hook_reads_the_graph_beside_its_walk() {
    let world = World::line(2).await;
    let graph = world.graph();
    let database = Arc::clone(graph.database());
    let probe = Probe::new(move |_, walk| {
        assert!(Arc::ptr_eq(walk.graph().database(), &database));
        Ok(Control::Continue)
    });
    assert_eq!(run(graph.walk(probe).from(town(0))).await.reports, [0]);
}
