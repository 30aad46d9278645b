//! A walk that goes on from its checkpoint.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use jvspatial_core::{
    Control, Ended, ErrorKind, Fork, Graph, Here, HookError, Limit, OnConflict, Outcome,
    ParallelWalker, Stored, Walk, WalkBuilder, Walker, WriteMode,
};
use jvspatial_db::{Collection, Id};
use serde::{Deserialize, Serialize};

use super::support::*;
use crate::model::City;
use crate::parallel::documents;
use crate::trap::Trap;

on_every_backend!(
    a_walk_goes_on_with_all_it_had_at_its_checkpoint,
    every_write_is_made_once_wherever_the_walk_is_stopped,
    a_walk_dropped_at_any_await_point_goes_on,
    a_walk_that_has_ended_leaves_no_checkpoint,
    nothing_is_written_but_with_a_checkpoint,
    a_checkpoint_of_another_version_or_walker_is_refused_with_both,
    a_second_walk_of_a_name_is_refused,
    a_second_runner_comes_to_a_conflict_and_changes_nothing,
    a_checkpoint_of_an_earlier_walk_is_not_taken_for_that_of_a_later_one,
    a_name_is_any_text_of_bounded_length,
    checkpoints_are_listed_and_discarded,
    a_discarded_checkpoint_ends_its_walk_with_a_conflict,
    a_node_deleted_meanwhile_is_missing,
    a_walk_that_fails_stands_at_its_checkpoint_and_exit_waits,
    a_walk_that_is_cancelled_stands_at_its_checkpoint,
    a_paused_walk_goes_on_from_its_checkpoint_too,
    limits_go_on_counting,
    settings_are_kept_and_those_that_decide_the_course_cannot_be_changed,
    what_cannot_be_made_again_is_refused,
    conflicts_are_judged_as_in_other_walks,
    exit_hooks_run_once_with_all_that_was_written_before,
    hooks_that_leave_write_in_bounded_batches,
    a_long_history_is_stored_once,
    a_chunk_with_more_writes_than_a_batch_can_hold_says_so,
    a_walker_that_cannot_be_read_any_more_is_told,
);

/// Counts every city that it visits, in itself and in the city, which notes the number of the visit too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tallies<const VERSION: u32> {
    cities: u64,
    exits: Vec<String>,
    leaves: bool,
    fails_at: Option<u64>,
}

type Tally = Tallies<1>;

impl<const VERSION: u32> Tallies<VERSION> {
    fn count(here: &Here, walk: &mut Walk<Self>) -> Result<(), HookError> {
        let mut city: Stored<City> = here.decode()?;
        city.visits += 1;
        city.tags.push(walk.step().to_string());
        walk.save(&mut city);
        walk.report(city.name.parse().unwrap());
        walk.follow(roads());
        Ok(())
    }
}

impl<const VERSION: u32> Walker for Tallies<VERSION> {
    type Report = u32;
    const NAME: &'static str = "Tally";
    const VERSION: u32 = VERSION;

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        if self.fails_at == Some(walk.step()) {
            return Err(refusal().into());
        }
        self.cities += 1;
        Self::count(here, walk)?;
        Ok(Control::Continue)
    }

    async fn exit(&mut self, ended: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.exits.push(ended.to_string());
        let sum = self.cities;
        walk.create(City { visits: sum, ..City::new("sum") });
        Ok(())
    }
}

impl ParallelWalker for Tally {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        Self::count(here, walk)?;
        Ok(Control::Continue)
    }
}

impl Fork for Tally {
    fn fork(&self) -> Self {
        Self { cities: 0, ..self.clone() }
    }

    fn merge(&mut self, part: Self) {
        self.cities += part.cities;
    }
}

/// The documents of checkpoints.
async fn kept(graph: &Graph) -> usize {
    documents(graph, Collection::System).await.len()
}

/// Five cities in a star and a line behind one of them.
async fn world(graph: &Graph) -> World {
    World::new(graph, 9, &[(0, 1), (0, 2), (0, 3), (0, 4), (4, 5), (5, 6), (6, 7), (7, 8)]).await
}

fn tally(graph: &Graph, world: &World) -> WalkBuilder<Tally> {
    graph.walk(Tally::default()).from(world.id(0)).chunk_size(2)
}

/// Goes on with the walk called `name`, or begins it.
async fn resume_or(graph: &Graph, name: &str, walk: WalkBuilder<Tally>) -> WalkBuilder<Tally> {
    match graph.resume::<Tally>(name).await {
        Ok(resumed) => resumed,
        Err(error) if error.kind() == ErrorKind::NotFound => walk.checkpoint(name, 1),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a walk with a checkpoint after each chunk until write number `left` is under way.
async fn stop_at(graph: &Graph, world: &World, left: usize, after: bool) -> Option<Outcome<Tally>> {
    let trap = Trap::new(graph, left, after);
    let walk = tally(&trap.graph(), world).checkpoint("tally", 1);
    trap.watch(run(walk)).await
}

/// The number of each city's visits, and how many of them it tells of.
async fn told(world: &World) -> Vec<(u64, usize)> {
    let found = world.graph.get_many::<City>(&world.cities).await.unwrap();
    found.into_iter().flatten().map(|city| (city.visits, city.tags.len())).collect()
}

/// What the `on_exit` hooks have stored.
async fn sums(graph: &Graph) -> Vec<u64> {
    let found = graph.nodes::<City>().filter(|city| city.name.eq("sum")).all().await.unwrap();
    found.into_iter().map(|city| city.visits).collect()
}

async fn a_walk_goes_on_with_all_it_had_at_its_checkpoint(graph: Graph) {
    let world = world(&graph).await;
    let trap = Trap::new(&graph, 2, false);
    let walk = tally(&trap.graph(), &world).trail(100).checkpoint("tally", 1);
    assert!(trap.watch(walk.run()).await.is_none());
    assert_eq!(world.visits().await.into_iter().flatten().sum::<u64>(), 3, "two chunks");

    let outcome = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(outcome.ended, Ended::Finished);
    assert_eq!((outcome.walker.cities, outcome.stats.visited), (9, 9));
    assert_eq!(outcome.reports, [3, 4, 5, 6, 7, 8], "those since the checkpoint");
    let trod: Vec<_> = outcome.trail.steps().map(|step| step.sequence).collect();
    assert_eq!(trod, (1..=9).collect::<Vec<_>>());
    assert_eq!(told(&world).await, [(1, 1); 9]);
    assert_eq!(outcome.stats.written, 10);
}

async fn every_write_is_made_once_wherever_the_walk_is_stopped(graph: Graph) {
    for (left, after) in (0..8).flat_map(|left| [(left, false), (left, true)]) {
        let world = world(&graph).await;
        let mut is_over = stop_at(&graph, &world, left, after).await.is_some();
        for life in [1, usize::MAX] {
            // What the `on_exit` hooks wrote is there when the walk has ended, and only then.
            if is_over || !sums(&graph).await.is_empty() {
                break;
            }
            let trap = Trap::new(&graph, life, after);
            let reached = trap.graph();
            let walk = resume_or(&reached, "tally", tally(&reached, &world)).await;
            is_over = trap.watch(run(walk)).await.is_some();
        }
        assert_eq!(told(&world).await, [(1, 1); 9], "{left} {after}");
        assert_eq!(sums(&graph).await, [9], "{left} {after}");
        assert_eq!(kept(&graph).await, 0, "{left} {after}");
        graph.nodes::<City>().delete().await.unwrap();
    }
}

async fn a_walk_dropped_at_any_await_point_goes_on(graph: Graph) {
    let mut polls = 1;
    loop {
        let world = world(&graph).await;
        let trap = Trap::new(&graph, usize::MAX, false);
        let mut walk = Box::pin(run(tally(&trap.graph(), &world).checkpoint("tally", 1)));
        let mut is_over = false;
        for _ in 0..polls {
            let poll = |context: &mut Context<'_>| Poll::Ready(walk.as_mut().poll(context));
            if poll_fn(poll).await.is_ready() {
                is_over = true;
                break;
            }
            // What runs elsewhere has a chance to end.
            tokio::time::sleep(std::time::Duration::from_micros(200)).await;
        }
        drop(walk);
        if !is_over {
            // What was under way when it was dropped is written or not by now.
            trap.settled().await;
            let has_ended = !sums(&graph).await.is_empty();
            if !has_ended {
                let _ = run(resume_or(&graph, "tally", tally(&graph, &world)).await).await;
            }
        }
        assert_eq!(told(&world).await, [(1, 1); 9], "after {polls} polls");
        assert_eq!((sums(&graph).await, kept(&graph).await), (vec![9], 0), "{polls}");
        graph.nodes::<City>().delete().await.unwrap();
        if is_over {
            break;
        }
        polls += 1;
    }
    assert!(polls > 10, "{polls} polls are too few to tell");
}

async fn a_walk_that_has_ended_leaves_no_checkpoint(graph: Graph) {
    for every in [1, 2, 1_000] {
        let world = world(&graph).await;
        let outcome = run(tally(&graph, &world).checkpoint("tally", every)).await;
        assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, 9));
        assert_eq!(outcome.reports, (0..9).collect::<Vec<_>>());
        assert_eq!((kept(&graph).await, told(&world).await), (0, vec![(1, 1); 9]));
    }
    let walks: [fn(WalkBuilder<Tally>) -> WalkBuilder<Tally>; 3] =
        [|walk| walk.max_steps(3), |walk| walk.parallel(2), |walk| walk.parallel_forked(2)];
    for walk in walks {
        let world = world(&graph).await;
        let outcome = run(walk(tally(&graph, &world)).checkpoint("tally", 1)).await;
        assert_eq!(outcome.walker.exits.len(), 1);
        assert_eq!(kept(&graph).await, 0);
    }
}

async fn nothing_is_written_but_with_a_checkpoint(graph: Graph) {
    let world = world(&graph).await;
    let trap = Trap::new(&graph, usize::MAX, false);
    let walk = tally(&trap.graph(), &world).batch_size(100).checkpoint("tally", 3);
    let outcome = run(walk).await;
    assert_eq!(trap.others.load(Ordering::Relaxed), 0);
    // Chunks 3 and 6, what is left at the end, and the end.
    assert_eq!(trap.atomic.load(Ordering::Relaxed), 4);
    assert_eq!(outcome.stats.batches, 4);

    let world = self::world(&graph).await;
    let trap = Trap::new(&graph, usize::MAX, false);
    let _ = run(tally(&trap.graph(), &world).batch_size(2).checkpoint("tally", 1_000)).await;
    assert!(trap.atomic.load(Ordering::Relaxed) > 4, "a full batch is not held back");
}

async fn a_checkpoint_of_another_version_or_walker_is_refused_with_both(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = graph.resume::<Tallies<7>>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let versions = ["expected version", "found version"].map(|fact| error.context(fact));
    assert_eq!(versions, [Some("7"), Some("1")]);

    #[derive(Debug, Serialize, Deserialize)]
    struct Other;
    impl Walker for Other {
        type Report = ();
        const NAME: &'static str = "Other";
        async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
            Ok(Control::Continue)
        }
    }
    let error = graph.resume::<Other>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let walkers = ["expected walker", "found walker"].map(|fact| error.context(fact));
    assert_eq!(walkers, [Some("Other"), Some("Tally")]);
    assert_eq!(graph.resume::<Tally>("other").await.unwrap_err().kind(), ErrorKind::NotFound);
    let _ = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(told(&world).await, [(1, 1); 9]);
}

async fn a_second_walk_of_a_name_is_refused(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = tally(&graph, &world).checkpoint("tally", 1).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate, "{error}");
    assert_eq!(error.context("checkpoint"), Some("\"tally\""));
    let _ = run(tally(&graph, &world).checkpoint("another", 1)).await;
}

async fn a_second_runner_comes_to_a_conflict_and_changes_nothing(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let slow = graph.resume::<Tally>("tally").await.unwrap();
    let fast = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(fast.ended, Ended::Finished);
    let outcome = end(slow).await;
    assert_eq!((outcome.ended, outcome.walker.exits.len()), (Ended::Failed, 0));
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("used by another walk"), "{error}");
    assert_eq!((told(&world).await, sums(&graph).await), (vec![(1, 1); 9], vec![9]));

    // Two that go on at once.
    let world = self::world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let first = graph.resume::<Tally>("tally").await.unwrap();
    let second = graph.resume::<Tally>("tally").await.unwrap();
    let (first, second) = tokio::join!(first.run(), second.run());
    let errors: Vec<_> = [first.err(), second.err()].into_iter().flatten().collect();
    assert_eq!(errors.len(), 1, "one of them");
    assert_eq!(errors[0].kind(), ErrorKind::Conflict, "{}", errors[0]);
    assert_eq!((told(&world).await, kept(&graph).await), (vec![(1, 1); 9], 0));
}

async fn a_checkpoint_of_an_earlier_walk_is_not_taken_for_that_of_a_later_one(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let stale = graph.resume::<Tally>("tally").await.unwrap();
    assert!(graph.discard_checkpoint("tally").await.unwrap());
    // The same walk again, come just as far.
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = stale.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let _ = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(kept(&graph).await, 0);
}

async fn a_name_is_any_text_of_bounded_length(graph: Graph) {
    let world = world(&graph).await;
    let long = "/".repeat(60);
    for name in ["nightly/../recount", "\u{0}\n\"\\", "тур по городам", "%2e", ".", &long]
    {
        let trap = Trap::new(&graph, 1, false);
        let walk = tally(&trap.graph(), &world).checkpoint(name, 1);
        assert!(trap.watch(walk.run()).await.is_none());
        assert_eq!(graph.checkpoints().await.unwrap()[0].name, name);
        let _ = run(graph.resume::<Tally>(name).await.unwrap()).await;
    }
    let longer = "x".repeat(61);
    for (name, kind) in [("", ErrorKind::Invalid), (longer.as_str(), ErrorKind::Limit)] {
        let walk = tally(&graph, &world).checkpoint(name, 1);
        assert_eq!(walk.run().await.unwrap_err().kind(), kind);
        assert_eq!(graph.resume::<Tally>(name).await.unwrap_err().kind(), kind);
        assert_eq!(graph.discard_checkpoint(name).await.unwrap_err().kind(), kind);
    }
    let error = tally(&graph, &world).checkpoint("never", 0).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

async fn checkpoints_are_listed_and_discarded(graph: Graph) {
    assert!(graph.checkpoints().await.unwrap().is_empty());
    let world = world(&graph).await;
    for name in ["b", "a"] {
        let trap = Trap::new(&graph, 2, false);
        let walk = tally(&trap.graph(), &world).checkpoint(name, 1);
        assert!(trap.watch(walk.run()).await.is_none());
    }
    let listed = graph.checkpoints().await.unwrap();
    let names: Vec<_> = listed.iter().map(|checkpoint| checkpoint.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!((listed[0].walker.as_str(), listed[0].version), ("Tally", 1));
    assert_eq!((listed[0].visited, listed[0].waiting, listed[0].written), (3, 2, 3));
    assert!(graph.discard_checkpoint("a").await.unwrap());
    assert!(!graph.discard_checkpoint("a").await.unwrap());
    assert_eq!(graph.checkpoints().await.unwrap().len(), 1);
    assert!(graph.discard_checkpoint("b").await.unwrap());
    assert_eq!(kept(&graph).await, 0, "nothing of them is left");
}

async fn a_discarded_checkpoint_ends_its_walk_with_a_conflict(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let walk = graph.resume::<Tally>("tally").await.unwrap();
    assert!(graph.discard_checkpoint("tally").await.unwrap());
    let error = walk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(kept(&graph).await, 0);
}

async fn a_node_deleted_meanwhile_is_missing(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 2, false).await.is_none());
    graph.delete(&world.cities[3]).await.unwrap();
    let outcome = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!((outcome.ended, outcome.stats.missing), (Ended::Finished, 1));
    assert_eq!(outcome.stats.visited, 8);
    assert_eq!(told(&world).await, [(1, 1); 8]);
}

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

async fn settings_are_kept_and_those_that_decide_the_course_cannot_be_changed(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let resumed = || async { graph.resume::<Tally>("tally").await.unwrap() };
    for walk in [
        resumed().await.depth_first(),
        resumed().await.from(world.id(1)),
        resumed().await.uniqueness(jvspatial_core::Uniqueness::Unlimited),
        resumed().await.checkpoint("another", 1),
    ] {
        let error = walk.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    let trap = Trap::new(&graph, usize::MAX, false);
    let resumed = trap.graph().resume::<Tally>("tally").await.unwrap();
    let _ = run(resumed.chunk_size(1).checkpoint("tally", 4)).await;
    assert_eq!(told(&world).await, [(1, 1); 9]);
    assert_eq!(trap.atomic.load(Ordering::Relaxed), 3, "after chunks 4 and 8, and at the end");
}

async fn what_cannot_be_made_again_is_refused(graph: Graph) {
    let world = world(&graph).await;
    let walk = || tally(&graph, &world).checkpoint("tally", 1);
    for mode in [WriteMode::Immediate, WriteMode::Atomic] {
        let error = walk().write_mode(mode).run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    assert_eq!(walk().dry_run().await.unwrap_err().kind(), ErrorKind::Unsupported);
    let plain = tally(&Trap::without_atomic_batches(&graph), &world).checkpoint("tally", 1);
    let error = plain.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");

    #[derive(Debug, Serialize, Deserialize)]
    struct Nests;
    impl Walker for Nests {
        type Report = u32;
        const NAME: &'static str = "Nests";
        async fn visit(
            &mut self,
            _: &mut Here,
            walk: &mut Walk<Self>,
        ) -> Result<Control, HookError> {
            let _ = walk.spawn(Tally::default()).run().await?;
            Ok(Control::Continue)
        }
    }
    let walk = graph.walk(Nests).from(world.id(0)).checkpoint("nests", 1);
    assert_eq!(Box::pin(walk.run()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!((kept(&graph).await, told(&world).await), (0, vec![(0, 0); 9]));
}

/// A walker whose first visit has a rival change cities 0 and 2.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Outrun {
    cities: Vec<Id>,
}

impl Walker for Outrun {
    type Report = u32;
    const NAME: &'static str = "Outrun";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        let mut city: Stored<City> = here.decode()?;
        if walk.step() == 1 {
            for rivals in [0, 2] {
                let change = |city: &mut City| city.nickname = Some("x".to_owned());
                walk.graph().modify::<City>(&self.cities[rivals], change).await?;
            }
        }
        city.visits += 1;
        walk.save(&mut city);
        walk.follow(roads());
        Ok(Control::Continue)
    }
}

async fn conflicts_are_judged_as_in_other_walks(graph: Graph) {
    for chunk in [1, 2, 1_000] {
        for policy in [OnConflict::Report, OnConflict::Revisit(1), OnConflict::Fail] {
            let world = World::star(&graph, 5).await;
            let walker = Outrun { cities: world.cities.clone() };
            let walk = world.walk(walker).on_conflict(policy).chunk_size(chunk);
            let outcome = end(walk.checkpoint("outrun", 1)).await;
            let visits = world.visits().await;
            match policy {
                OnConflict::Report => {
                    assert_eq!((outcome.ended, outcome.conflicts.len()), (Ended::Finished, 1));
                    assert_eq!((outcome.stats.conflicts, outcome.stats.written), (1, 4));
                    assert_eq!(visits, [Some(0), Some(1), Some(1), Some(1), Some(1)]);
                }
                OnConflict::Revisit(_) => {
                    assert_eq!((outcome.ended, outcome.stats.revisited), (Ended::Finished, 1));
                    assert_eq!(visits, [Some(1); 5]);
                }
                _ => {
                    assert_eq!(outcome.ended, Ended::Failed);
                    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Conflict);
                    assert_eq!(visits, [Some(0); 5], "nothing of the batch");
                }
            }
            assert_eq!(world.city(0).await.nickname.as_deref(), Some("x"));
            assert_eq!(kept(&graph).await, 0, "{policy:?}");
        }
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

/// Follows every road, and writes nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Looker;

impl Walker for Looker {
    type Report = u32;
    const NAME: &'static str = "Looker";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        walk.report(number(here));
        walk.follow(roads());
        Ok(Control::Continue)
    }
}

async fn a_long_history_is_stored_once(graph: Graph) {
    const CITIES: u32 = 4_500;
    let world = World::star(&graph, CITIES).await;
    let trap = Trap::new(&graph, 3, false);
    let walk = trap.graph().walk(Looker).from(world.id(0)).chunk_size(1_000);
    assert!(trap.watch(walk.checkpoint("looker", 1).run()).await.is_none());
    let stored = documents(&graph, Collection::System).await;
    let long = stored.iter().filter(|part| part.id.to_string().contains(".past.")).count();
    assert_eq!(long, 1, "4,000 of them lie in a part of their own");
    assert!(stored.iter().all(|part| part.body.as_bytes().len() <= 1024 * 1024));
    let outcome = run(graph.resume::<Looker>("looker").await.unwrap()).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, u64::from(CITIES)));
    assert_eq!(outcome.reports.last(), Some(&(CITIES - 1)));
    assert_eq!(kept(&graph).await, 0);
}

async fn a_chunk_with_more_writes_than_a_batch_can_hold_says_so(graph: Graph) {
    #[derive(Debug, Serialize, Deserialize)]
    struct Floods;
    impl Walker for Floods {
        type Report = ();
        const NAME: &'static str = "Floods";
        async fn visit(
            &mut self,
            _: &mut Here,
            walk: &mut Walk<Self>,
        ) -> Result<Control, HookError> {
            for _ in 0..100_001 {
                walk.create(City::new("flood"));
            }
            Ok(Control::Continue)
        }
    }
    let error = graph.walk(Floods).checkpoint("floods", 1).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("limit")), (ErrorKind::Limit, Some("100000")));
    assert!(error.context("checkpoint").is_some(), "{error}");
    assert_eq!((kept(&graph).await, graph.nodes::<City>().count().await.unwrap()), (0, 0));
}

async fn a_walker_that_cannot_be_read_any_more_is_told(graph: Graph) {
    #[derive(Debug, Serialize, Deserialize)]
    struct Changed {
        cities: String,
    }
    impl Walker for Changed {
        type Report = ();
        const NAME: &'static str = "Tally";
        async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
            Ok(Control::Continue)
        }
    }
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = graph.resume::<Changed>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("cities"), "{error}");
    assert_eq!(graph.checkpoints().await.unwrap().len(), 1);
}
