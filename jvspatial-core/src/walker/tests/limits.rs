use std::time::Duration;

use super::support::*;
use crate::ErrorKind;
use crate::walker::{Control, Ended, Limit, Uniqueness};

#[tokio::test]
async fn n_steps_allow_exactly_n_visits() {
    for chunk_size in [1, 2, 1_000] {
        for steps in 0..5 {
            let world = World::line(5).await;
            let walk = world.walk(Probe::roads()).chunk_size(chunk_size);
            let outcome = run(walk.max_steps(steps)).await;
            assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(steps)));
            assert_eq!(outcome.stats.visited, steps);
            assert_eq!(outcome.reports.len() as u64, steps);
            assert_eq!(outcome.walker.anys as u64, steps, "every hook of the last node runs");
        }
    }
}

#[tokio::test]
async fn a_walk_of_exactly_as_many_nodes_as_steps_is_finished() {
    let world = World::line(5).await;
    let outcome = run(world.walk(Probe::roads()).max_steps(5)).await;
    assert_eq!(outcome.ended, Ended::Finished);
}

#[tokio::test]
async fn missing_nodes_are_no_steps() {
    let world = World::star(4).await;
    world.remove(2).await;
    let outcome = run(world.walk(Probe::roads()).max_steps(3)).await;
    assert_eq!((outcome.stats.visited, outcome.ended), (3, Ended::Finished));
}

#[tokio::test]
async fn no_more_nodes_are_loaded_than_the_steps_need() {
    let world = World::star(100).await;
    let outcome = run(world.walk(Probe::roads()).max_steps(4)).await;
    assert_eq!(outcome.stats.visited, 4);
    assert_eq!(world.calls().loads, [1, 4]);
}

#[tokio::test]
async fn depth_n_allows_nodes_at_depth_n_and_is_named() {
    let world = World::line(5).await;
    for depth in 0..4 {
        let outcome = run(world.walk(Probe::roads()).max_depth(depth)).await;
        assert_eq!(outcome.ended, Ended::Limit(Limit::Depth(depth)));
        assert_eq!(outcome.stats.visited, u64::from(depth) + 1);
    }
}

#[tokio::test]
async fn a_depth_that_nobody_asks_to_pass_is_no_limit() {
    let world = World::line(5).await;
    let probe = Probe::new(|_, walk| {
        if walk.depth() < 2 {
            walk.follow(roads());
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe).max_depth(2)).await;
    assert_eq!((outcome.stats.visited, outcome.ended), (3, Ended::Finished));
}

#[tokio::test]
async fn depth_cuts_a_branch_and_the_others_go_on() {
    let world = World::new(6, &[(0, 1), (1, 2), (2, 3), (0, 4), (4, 5)]).await;
    let outcome = run(world.walk(Probe::roads()).depth_first().max_depth(2)).await;
    assert_eq!(outcome.reports, [0, 1, 2, 4, 5]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Depth(2)));
}

#[tokio::test(start_paused = true)]
async fn time_ends_the_walk_before_the_next_visit() {
    let world = World::line(10).await;
    let mut probe = Probe::roads();
    probe.delay = Duration::from_millis(10);
    let limit = Duration::from_millis(35);
    let outcome = run(world.walk(probe).max_time(limit)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Time(limit)));
    assert_eq!(outcome.reports, [0, 1, 2, 3]);
    assert_eq!(outcome.walker.exits, 1);
}

#[tokio::test(start_paused = true)]
async fn time_spent_paused_does_not_count() {
    let world = World::line(6).await;
    let mut probe = Probe::stops(1, Control::Pause);
    probe.delay = Duration::from_millis(10);
    let outcome = run(world.walk(probe).max_time(Duration::from_millis(100))).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.ended, Ended::Finished);
    let elapsed = outcome.stats.elapsed;
    assert!(elapsed >= Duration::from_millis(60) && elapsed < Duration::from_secs(1));
}

#[tokio::test]
async fn a_frontier_of_n_holds_exactly_n() {
    let world = World::star(6).await;
    let outcome = run(world.walk(Probe::roads()).max_frontier(5)).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, 6));
    assert_eq!(outcome.stats.peak_frontier, 5);

    let outcome = run(world.walk(Probe::roads()).max_frontier(4)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Frontier(4)));
    assert_eq!(outcome.reports, [0]);
    assert_eq!(outcome.walker.exits, 1);
}

#[tokio::test]
async fn more_starts_than_the_frontier_holds_are_a_named_limit() {
    let world = World::line(3).await;
    let walk = world.walk(Probe::roads()).from(town(1)).max_frontier(1);
    let outcome = run(walk).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Frontier(1)));
}

#[tokio::test]
async fn a_limit_ends_an_endless_cycle_and_the_outcome_has_everything() {
    let world = World::new(2, &[(0, 1), (1, 0)]).await;
    let walk = world.walk(Probe::roads()).uniqueness(Uniqueness::Unlimited);
    let outcome = run(walk.max_steps(5).trail(10)).await;
    assert_eq!(outcome.reports, [0, 1, 0, 1, 0]);
    assert_eq!(outcome.trail.len(), 5);
    assert_eq!(outcome.stats.visited, 5);
    assert_eq!(outcome.ended.to_string(), "ended by the limit of 5 steps");
}

#[tokio::test]
async fn sizes_out_of_range_are_refused_by_name() {
    let world = World::line(2).await;
    let walk = || world.walk(Probe::roads());
    for (walk, text) in [
        (walk().chunk_size(0), "(chunk size: 0, smallest: 1, largest: 1000000)"),
        (walk().batch_size(100_001), "(batch size: 100001, smallest: 1, largest: 100000)"),
    ] {
        let error = walk.run().await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = format!("size of a walk is out of its range {text}");
        assert_eq!(error.to_string(), expected);
    }
}
