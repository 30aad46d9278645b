//! How walks with checkpoints end, and when that is no end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jvspatial_core::{
    Control, Ended, Graph, Here, HookError, Limit, Stored, Walk, WalkBuilder, Walker,
};
use serde::{Deserialize, Serialize};

use super::checkpoint_tally::*;
use super::support::*;
use crate::model::City;
use crate::trap::Trap;

on_every_backend!(
    a_walk_that_fails_stands_at_its_checkpoint_and_exit_waits,
    a_walk_that_is_cancelled_stands_at_its_checkpoint,
    a_paused_walk_goes_on_from_its_checkpoint_too,
    limits_go_on_counting,
    exit_hooks_run_once_with_all_that_was_written_before,
    hooks_that_leave_write_in_bounded_batches,
);

async fn a_walk_that_fails_stands_at_its_checkpoint_and_exit_waits(graph: Graph) {
    let world = world(&graph).await;
    let failing = Tally { fails_at: Some(5), ..Tally::default() };
    let walk = graph.walk(failing).from(world.id(0)).chunk_size(2).checkpoint("tally", 1);
    let outcome = end(walk).await;
    assert_eq!((outcome.ended, outcome.walker.exits.len()), (Ended::Failed, 0));
    let error = outcome.error.unwrap();
    let facts = ["writes made", "writes dropped"].map(|fact| error.context(fact));
    assert_eq!(facts, [Some("3"), Some("1")], "{error}");
    assert_eq!(world.visits().await.into_iter().flatten().sum::<u64>(), 3);
    // What made it fail is mended in the walker that was stored.
    let mut resumed = graph.resume::<Tally>("tally").await.unwrap().stepper();
    assert!(resumed.step().await.unwrap());
    let mut outcome = resumed.into_outcome().unwrap();
    outcome.walker.fails_at = None;
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.walker.exits, ["finished"]);
    assert_eq!((told(&world).await, kept(&graph).await), (vec![(1, 1); 9], 0));
}

async fn a_walk_that_is_cancelled_stands_at_its_checkpoint(graph: Graph) {
    let world = world(&graph).await;
    let stop = Arc::new(tokio::sync::Notify::new());
    let (told_to, observed) = (Arc::clone(&stop), Arc::clone(&stop));
    #[derive(Debug)]
    struct Stops(Arc<tokio::sync::Notify>, AtomicBool);
    impl jvspatial_core::Observer for Stops {
        fn chunk(&self, progress: &jvspatial_core::Progress) {
            if progress.stats.visited >= 3 && !self.1.swap(true, Ordering::Relaxed) {
                self.0.notify_one();
            }
        }
    }
    let walk = tally(&graph, &world).checkpoint("tally", 1_000);
    let walk = walk.until(async move { told_to.notified().await });
    let outcome = end(walk.observer(Arc::new(Stops(observed, AtomicBool::new(false))))).await;
    assert_eq!((outcome.ended, outcome.walker.exits.len()), (Ended::Cancelled, 0));
    assert_eq!(world.visits().await.into_iter().flatten().sum::<u64>(), 3, "all that was done");
    let outcome = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!((outcome.walker.exits.len(), outcome.reports.len()), (1, 6));
    assert_eq!(told(&world).await, [(1, 1); 9]);
}

async fn a_paused_walk_goes_on_from_its_checkpoint_too(graph: Graph) {
    for in_memory in [true, false] {
        let world = world(&graph).await;
        let mut stepper = tally(&graph, &world).checkpoint("tally", 1_000).stepper();
        for _ in 0..4 {
            assert!(stepper.step().await.unwrap());
        }
        assert_eq!(world.visits().await.into_iter().flatten().sum::<u64>(), 4);
        let outcome = stepper.into_outcome().unwrap();
        let outcome = match in_memory {
            true => outcome.resume().await.unwrap(),
            false => run(graph.resume::<Tally>("tally").await.unwrap()).await,
        };
        assert_eq!((outcome.stats.visited, outcome.walker.cities), (9, 9));
        assert_eq!((told(&world).await, kept(&graph).await), (vec![(1, 1); 9], 0));
    }
}

async fn limits_go_on_counting(graph: Graph) {
    type Limited = fn(WalkBuilder<Tally>) -> WalkBuilder<Tally>;
    let limits: [(Limited, Limit); 5] = [
        (|walk| walk.max_steps(6), Limit::Steps(6)),
        (|walk| walk.max_writes(6), Limit::Writes(6)),
        (|walk| walk.max_reports(6), Limit::Reports(6)),
        (|walk| walk.max_depth(3), Limit::Depth(3)),
        (|walk| walk.max_queries(7), Limit::Queries(7)),
    ];
    for (limited, limit) in limits {
        let world = world(&graph).await;
        let whole = end(limited(tally(&graph, &world))).await;
        assert_eq!(whole.ended, Ended::Limit(limit));
        let world = self::world(&graph).await;
        let trap = Trap::new(&graph, 2, true);
        let walk = limited(tally(&trap.graph(), &world)).checkpoint("tally", 1);
        assert!(trap.watch(end(walk)).await.is_none());
        let resumed = end(graph.resume::<Tally>("tally").await.unwrap()).await;
        assert_eq!(resumed.ended, Ended::Limit(limit));
        assert_eq!(resumed.stats.visited, whole.stats.visited, "{limit}");
        assert_eq!(kept(&graph).await, 0, "that is an end");
    }
}

async fn exit_hooks_run_once_with_all_that_was_written_before(graph: Graph) {
    // Writes 0 to 4 are those of the chunks, 5 and 6 what is left and the end.
    for (left, after) in (0..8).flat_map(|left| [(left, false), (left, true)]) {
        let world = World::line(&graph, 4).await;
        let trap = Trap::new(&graph, left, after);
        let reached = trap.graph();
        let walk = reached.walk(Tally::default()).from(world.id(0)).max_steps(3);
        let walk = walk.chunk_size(1).checkpoint("tally", 2);
        if trap.watch(end(walk)).await.is_none() && sums(&graph).await.is_empty() {
            let again = graph.walk(Tally::default()).from(world.id(0)).max_steps(3).chunk_size(1);
            let outcome = end(resume_or(&graph, "tally", again).await).await;
            assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(3)), "{left} {after}");
            assert_eq!(outcome.walker.exits.len(), 1);
        }
        assert_eq!(sums(&graph).await, [3], "{left} {after}");
        assert_eq!(told(&world).await, [(1, 1), (1, 1), (1, 1), (0, 0)]);
        assert_eq!(kept(&graph).await, 0);
        graph.nodes::<City>().delete().await.unwrap();
    }
}

/// Saves every city when it leaves it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Leaver {
    left: u64,
}

impl Walker for Leaver {
    type Report = u32;
    const NAME: &'static str = "Leaver";
    const LEAVES: bool = true;

    async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        walk.follow(roads());
        Ok(Control::Continue)
    }

    async fn leave(&mut self, here: &mut Here, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.left += 1;
        let mut city: Stored<City> = here.decode()?;
        city.visits += 1;
        city.tags.push(walk.step().to_string());
        walk.save(&mut city);
        Ok(())
    }
}

async fn hooks_that_leave_write_in_bounded_batches(graph: Graph) {
    let mut stopped = 0;
    for left in 0..20 {
        let world = World::line(&graph, 30).await;
        let trap = Trap::new(&graph, left, left % 2 == 0);
        let reached = trap.graph();
        let walk = reached.walk(Leaver::default()).from(world.id(0)).chunk_size(4);
        let walk = walk.batch_size(4).checkpoint("leaver", 10);
        let left = match trap.watch(run(walk)).await {
            Some(outcome) => outcome.walker.left,
            None => {
                stopped += 1;
                match graph.resume::<Leaver>("leaver").await {
                    Ok(resumed) => run(resumed).await.walker.left,
                    Err(_) if told(&world).await == [(1, 1); 30] => 30,
                    Err(_) => {
                        let walk = graph.walk(Leaver::default()).from(world.id(0));
                        run(walk.checkpoint("leaver", 10)).await.walker.left
                    }
                }
            }
        };
        assert_eq!((left, told(&world).await), (30, vec![(1, 1); 30]));
        assert_eq!(kept(&graph).await, 0);
    }
    assert!(stopped >= 8, "the leaving takes several batches: {stopped}");
}
