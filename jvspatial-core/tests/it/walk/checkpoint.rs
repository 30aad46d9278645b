//! A walk that goes on from its checkpoint.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use jvspatial_core::{
    Control, Ended, ErrorKind, Graph, Here, HookError, OnConflict, Stored, Walk, WalkBuilder,
    Walker,
};
use jvspatial_db::{Collection, Id};
use serde::{Deserialize, Serialize};

use super::checkpoint_tally::*;
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
    a_node_deleted_meanwhile_is_missing,
    conflicts_are_judged_as_in_other_walks,
    a_long_history_is_stored_once,
    a_chunk_with_more_writes_than_a_batch_can_hold_says_so,
);

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

async fn a_node_deleted_meanwhile_is_missing(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 2, false).await.is_none());
    graph.delete(&world.cities[3]).await.unwrap();
    let outcome = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!((outcome.ended, outcome.stats.missing), (Ended::Finished, 1));
    assert_eq!(outcome.stats.visited, 8);
    assert_eq!(told(&world).await, [(1, 1); 8]);
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
