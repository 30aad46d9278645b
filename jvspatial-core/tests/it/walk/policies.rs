//! Hooks that fail, panic or never end, and what ends a walk from outside.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jvspatial_core::{Control, Ended, ErrorKind, Graph, Limit, OnError, Result, StepOutcome};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::support::*;

on_every_backend!(
    after_an_error_the_policy_says_which_hooks_run,
    an_error_names_walker_hook_node_and_depth,
    a_hook_that_panics_has_failed,
    a_hook_that_panics_while_it_waits_has_failed,
    a_hook_that_never_ends_fails_when_its_time_is_over,
    a_deadline_drops_a_hook_that_waits,
    a_deadline_drops_a_hook_that_leaves,
    a_cancelled_walk_ends_before_the_next_visit,
    a_cancelled_walk_drops_the_hook_that_waits,
    a_cancelled_walk_drops_a_hook_that_leaves,
);

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(30);

/// A probe whose second hook fails at city 1, and whose third reports.
fn failing() -> Probe {
    let probe = Probe::roads().hook("fails", |here, _| match number(here) {
        1 => Err(refusal()),
        _ => Ok(Control::Continue),
    });
    reporting(probe)
}

fn reporting(probe: Probe) -> Probe {
    probe.hook("reports", |here, walk| {
        walk.report(number(here));
        Ok(Control::Continue)
    })
}

/// A probe that waits for ever at city 1, between two hooks that report.
fn stuck() -> Probe {
    stuck_after(&Arc::default())
}

/// One that tells when it begins to wait.
fn stuck_after(reached: &Arc<Notify>) -> Probe {
    let reached = reached.clone();
    let probe = reporting(Probe::roads()).waits("waits", move |here, _| {
        let (here, reached) = (number(here), reached.clone());
        Box::pin(async move {
            if here == 1 {
                reached.notify_one();
                pending::<()>().await;
            }
            Ok(Control::Continue)
        })
    });
    reporting(probe)
}

async fn after_an_error_the_policy_says_which_hooks_run(graph: Graph) {
    let world = World::star(&graph, 3).await;
    let outcome = end(world.walk(failing()).on_error(OnError::Collect)).await;
    assert_eq!((outcome.ended, outcome.errors.len()), (Ended::Finished, 1));
    assert_eq!(outcome.reports, [0, 1, 2]);
    let outcome = end(world.walk(failing()).on_error(OnError::Skip).trail(9)).await;
    assert_eq!((outcome.ended, outcome.errors.len()), (Ended::Finished, 1));
    assert_eq!(outcome.reports, [0, 2]);
    assert_eq!(outcome.trail.get(2).unwrap().outcome, StepOutcome::Failed);
    let outcome = end(world.walk(failing()).trail(9)).await;
    assert_eq!((outcome.ended, outcome.errors.len()), (Ended::Failed, 0));
    assert_eq!(outcome.reports, [0]);
    assert_eq!(outcome.walker.visited, [0, 1], "nothing is visited after it");
    assert_eq!(outcome.trail.last().unwrap().outcome, StepOutcome::Failed);
}

async fn an_error_names_walker_hook_node_and_depth(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let error = world.walk(failing()).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Application);
    let place = error.place().unwrap();
    assert_eq!((place.walker, place.hook, place.depth), ("Probe", Some("fails"), 1));
    assert_eq!(place.at, Some(world.id(1)));
    let read = |here: &mut jvspatial_core::Here| here.decode::<crate::model::Country>().map(drop);
    let probe = Probe::new().hook("reads", move |here, _| read(here).map(Into::into));
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid, "an error of the library keeps its kind");
}

async fn a_hook_that_panics_has_failed(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let panics = || {
        let probe = Probe::roads().hook("panics", |here, _| {
            assert!(!is(here, 1), "no city {}", 1);
            Ok(Control::Continue)
        });
        reporting(probe)
    };
    let outcome = end(world.walk(panics()).on_error(OnError::Collect)).await;
    assert_eq!((outcome.ended, outcome.reports), (Ended::Finished, vec![0, 1, 2]));
    assert_eq!(outcome.errors[0].context("panic"), Some("no city 1"));
    assert_eq!(outcome.errors[0].place().unwrap().hook, Some("panics"));
    let outcome = end(world.walk(panics())).await;
    assert_eq!((outcome.ended, outcome.reports), (Ended::Failed, vec![0]));
    assert_eq!(outcome.walker.exits, [Ended::Failed]);
}

async fn a_hook_that_panics_while_it_waits_has_failed(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = Probe::roads().waits("panics", |here, _| {
        let here = number(here);
        Box::pin(async move {
            tokio::task::yield_now().await;
            assert_ne!(here, 1, "unlucky");
            Ok(Control::Continue)
        })
    });
    let outcome = end(world.walk(reporting(probe)).on_error(OnError::Skip)).await;
    assert_eq!((outcome.ended, outcome.reports), (Ended::Finished, vec![0, 2]));
    assert_eq!(outcome.errors.len(), 1);
    let exit = Probe::roads().exit(|_, _| panic!("at the end"));
    let outcome = end(world.walk(exit)).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Failed, 3));
    assert_eq!(outcome.error.unwrap().context("panic"), Some("at the end"));
    let leave = Probe::leaving().leave(|here, _| {
        assert!(!is(here, 2), "left");
        Ok(Control::Continue)
    });
    let outcome = end(world.walk(leave).on_error(OnError::Collect)).await;
    assert_eq!((outcome.ended, outcome.errors.len()), (Ended::Finished, 1));
    assert_eq!(outcome.walker.left, [2, 1, 0]);
}

async fn a_hook_that_never_ends_fails_when_its_time_is_over(graph: Graph) {
    let world = World::star(&graph, 3).await;
    let outcome = end(world.walk(stuck()).hook_timeout(SHORT).on_error(OnError::Skip)).await;
    assert_eq!(outcome.ended, Ended::Finished);
    assert_eq!(outcome.reports, [0, 0, 1, 2, 2], "what it did before stands");
    assert_eq!(outcome.errors[0].place().unwrap().at, Some(world.id(1)));
    let outcome = end(world.walk(stuck()).hook_timeout(SHORT)).await;
    assert_eq!((outcome.ended, outcome.reports), (Ended::Failed, vec![0, 0, 1]));
    assert_eq!(outcome.walker.exits, [Ended::Failed]);
}

async fn a_deadline_drops_a_hook_that_waits(graph: Graph) {
    let world = World::star(&graph, 3).await;
    let walk = world.walk(stuck()).trail(9).deadline(Instant::now() + 10 * SHORT);
    let outcome = timeout(PATIENCE, end(walk)).await.unwrap();
    assert_eq!(outcome.ended, Ended::Limit(Limit::Deadline));
    assert_eq!(outcome.reports, [0, 0, 1]);
    assert_eq!(outcome.trail.last().unwrap().outcome, StepOutcome::UnderWay);
    assert_eq!(outcome.walker.exits, [Ended::Limit(Limit::Deadline)]);
}

async fn a_cancelled_walk_ends_before_the_next_visit(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let token = Arc::new(Notify::new());
    let cancel = Arc::clone(&token);
    let probe = Probe::roads().hook("cancels", move |here, _| {
        if is(here, 1) {
            cancel.notify_one();
        }
        Ok(Control::Continue)
    });
    let until = async move { token.notified().await };
    let outcome = end(world.walk(reporting(probe)).until(until)).await;
    assert_eq!((outcome.ended, outcome.reports), (Ended::Cancelled, vec![0, 1]));
    assert_eq!(outcome.walker.exits, [Ended::Cancelled]);
}

async fn a_cancelled_walk_drops_the_hook_that_waits(graph: Graph) {
    let world = World::star(&graph, 3).await;
    let reached = Arc::new(Notify::new());
    let walk = world.walk(stuck_after(&reached)).until(async move { reached.notified().await });
    let outcome = timeout(PATIENCE, end(walk)).await.unwrap();
    assert_eq!((outcome.ended, outcome.reports), (Ended::Cancelled, vec![0, 0, 1]));
    assert_eq!(outcome.walker.exits, [Ended::Cancelled]);
}

/// Leaves nothing: whoever leaves city 2 waits for ever.
struct Lingering;

impl jvspatial_core::Walker for Lingering {
    type Report = u32;
    const NAME: &'static str = "Lingering";
    const LEAVES: bool = true;

    async fn visit(
        &mut self,
        _: &mut jvspatial_core::Here,
        walk: &mut jvspatial_core::Walk<Self>,
    ) -> Result<Control, jvspatial_core::HookError> {
        walk.follow(roads());
        Ok(Control::Continue)
    }

    async fn leave(
        &mut self,
        here: &mut jvspatial_core::Here,
        walk: &mut jvspatial_core::Walk<Self>,
    ) -> Result<(), jvspatial_core::HookError> {
        walk.report(number(here));
        pending().await
    }
}

async fn a_deadline_drops_a_hook_that_leaves(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let walk = world.walk(Lingering).deadline(Instant::now() + 10 * SHORT);
    let outcome = timeout(PATIENCE / 5, end(walk)).await.expect("the deadline has passed");
    assert_eq!((outcome.ended, outcome.reports), (Ended::Limit(Limit::Deadline), vec![2]));
}

async fn a_cancelled_walk_drops_a_hook_that_leaves(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let walk = world.walk(Lingering).until(sleep(10 * SHORT));
    let outcome = timeout(PATIENCE / 5, end(walk)).await.expect("it was cancelled");
    assert_eq!((outcome.ended, outcome.reports), (Ended::Cancelled, vec![2]));
}
