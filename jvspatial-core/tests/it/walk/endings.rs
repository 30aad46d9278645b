//! Every way in which a walk can end runs `on_exit` once, and leaves what the walk gathered.

use std::future::{pending, ready};
use std::time::Duration;

use jvspatial_core::{
    Control, Ended, Error, ErrorKind, Graph, Limit, OnError, Outcome, WalkBuilder,
};
use tokio::time::Instant;

use super::support::*;
use crate::model::City;

on_every_backend!(
    whatever_ends_a_walk_exit_runs_once_and_the_outcome_has_all,
    a_walk_whose_database_goes_away_keeps_what_it_has,
    an_error_counts_the_writes_made_and_dropped,
    the_exit_hook_sees_what_ended_the_walk,
    a_limit_that_the_exit_hook_comes_to_is_named,
    a_walk_from_nowhere_ends_at_once,
);

/// A probe that reports and saves where it is, and says good-bye by 100.
fn busy() -> Probe {
    let probe = Probe::roads().hook("works", |here, walk| {
        walk.report(number(here));
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        Ok(Control::Continue)
    });
    probe.exit(|_, walk| {
        walk.report(100);
        Ok(())
    })
}

fn ends(at: u32, control: Control) -> Probe {
    busy().hook("ends", move |here, _| Ok(if is(here, at) { control } else { Control::Continue }))
}

fn fails(at: u32) -> Probe {
    busy().hook(
        "fails",
        move |here, _| {
            if is(here, at) { Err(refusal()) } else { Ok(Control::Continue) }
        },
    )
}

/// A walk that visits cities 0 and 1 has ended as it should.
fn check(name: &str, outcome: &Outcome<Probe>, ended: Ended) {
    assert_eq!(outcome.ended, ended, "{name}: {:?}", outcome.error);
    assert_eq!(outcome.walker.exits, [ended], "{name}");
    assert_eq!(outcome.walker.visited, [0, 1], "{name}");
    assert_eq!(outcome.stats.visited, 2, "{name}");
    assert_eq!(outcome.trail.len(), 2, "{name}");
    assert_eq!(outcome.error.is_some(), ended == Ended::Failed, "{name}: {:?}", outcome.error);
}

async fn whatever_ends_a_walk_exit_runs_once_and_the_outcome_has_all(graph: Graph) {
    type Setting = fn(WalkBuilder<Probe>) -> WalkBuilder<Probe>;
    let same: Setting = |walk| walk;
    let cases: [(&str, u32, Probe, Setting, Ended); 11] = [
        ("finished", 2, busy(), same, Ended::Finished),
        ("disengaged", 4, ends(1, Control::Disengage), same, Ended::Disengaged),
        ("failed", 4, fails(1), same, Ended::Failed),
        ("steps", 4, busy(), |walk| walk.max_steps(2), Ended::Limit(Limit::Steps(2))),
        ("depth", 4, busy(), |walk| walk.max_depth(1), Ended::Limit(Limit::Depth(1))),
        ("queries", 4, busy(), |walk| walk.max_queries(4), Ended::Limit(Limit::Queries(4))),
        ("writes", 4, busy(), |walk| walk.max_writes(1), Ended::Limit(Limit::Writes(1))),
        ("reports", 4, busy(), |walk| walk.max_reports(1), Ended::Limit(Limit::Reports(1))),
        (
            "errors",
            4,
            fails(1),
            |walk| walk.on_error(OnError::Collect).max_errors(0),
            Ended::Limit(Limit::Errors(0)),
        ),
        (
            "cancelled",
            4,
            busy().waits("waits", |here, _| {
                let here = number(here);
                Box::pin(
                    async move { if here == 1 { pending().await } else { Ok(Control::Continue) } },
                )
            }),
            |walk| walk.until(tokio::time::sleep(Duration::from_millis(200))),
            Ended::Cancelled,
        ),
        (
            "deadline",
            4,
            busy().waits("waits", |here, _| {
                let here = number(here);
                Box::pin(
                    async move { if here == 1 { pending().await } else { Ok(Control::Continue) } },
                )
            }),
            |walk| walk.deadline(Instant::now() + Duration::from_millis(200)),
            Ended::Limit(Limit::Deadline),
        ),
    ];
    for (name, cities, probe, set, ended) in cases {
        let world = World::line(&graph, cities).await;
        let outcome = end(set(world.walk(probe).trail(9))).await;
        check(name, &outcome, ended);
        let reports: &[u32] = if name == "reports" { &[0] } else { &[0, 1, 100] };
        assert_eq!(outcome.reports, reports, "{name}");
        let written = match ended {
            Ended::Failed => 0,
            Ended::Limit(Limit::Writes(_)) => 1,
            _ => 2,
        };
        assert_eq!(outcome.stats.written, written, "{name}: all but a failure writes what waits");
        let visits: u64 = world.visits().await.into_iter().flatten().sum();
        assert_eq!(visits, written, "{name}");
    }
}

async fn a_walk_whose_database_goes_away_keeps_what_it_has(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let probe = busy().waits("closes", |here, walk| {
        let graph = walk.graph().clone();
        let here = number(here);
        Box::pin(async move {
            if here == 1 {
                graph.close().await?;
            }
            Ok(Control::Continue)
        })
    });
    let outcome = end(world.walk(probe).trail(9)).await;
    check("closed", &outcome, Ended::Failed);
    assert_eq!(outcome.reports, [0, 1, 100]);
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(error.context("writes made"), Some("0"), "{error}");
    assert_eq!(error.context("writes dropped"), Some("2"), "{error}");
    assert_eq!(error.place().unwrap().walker, "Probe");
}

async fn an_error_counts_the_writes_made_and_dropped(graph: Graph) {
    let world = World::line(&graph, 6).await;
    let outcome = end(world.walk(fails(4)).chunk_size(1).batch_size(2)).await;
    assert_eq!((outcome.ended, outcome.stats.written), (Ended::Failed, 4));
    let error = outcome.error.unwrap();
    assert_eq!(error.context("writes made"), Some("4"), "{error}");
    assert_eq!(error.context("writes dropped"), Some("1"), "{error}");
    let visits: Vec<_> = world.visits().await.into_iter().flatten().collect();
    assert_eq!(visits, [1, 1, 1, 1, 0, 0]);
}

async fn the_exit_hook_sees_what_ended_the_walk(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let sees = |probe: Probe| {
        probe.exit(|_, walk| {
            walk.report(u32::from(walk.error().is_some()));
            walk.report(u32::try_from(walk.errors().len()).unwrap());
            walk.report(u32::try_from(walk.step()).unwrap());
            walk.report(walk.depth());
            walk.follow(roads());
            Ok(())
        })
    };
    let outcome = end(world.walk(sees(fails(2)))).await;
    assert_eq!(outcome.reports, [0, 1, 2, 1, 0, 3, 2]);
    assert_eq!(outcome.error.unwrap().context("writes dropped"), Some("3"));
    let outcome = end(world.walk(sees(fails(2))).on_error(OnError::Collect)).await;
    assert_eq!(outcome.reports, [0, 1, 2, 3, 0, 1, 4, 3]);
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3], "nothing is followed from an exit");
}

async fn a_limit_that_the_exit_hook_comes_to_is_named(graph: Graph) {
    let world = World::line(&graph, 1).await;
    let create = |walk: &mut jvspatial_core::Walk<Probe>| walk.create(City::new("new"));
    let probe = Probe::new().exit(move |_, walk| {
        create(walk);
        Ok::<_, Error>(())
    });
    let outcome = end(world.walk(probe).max_writes(0)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Writes(0)));
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
    let probe = Probe::new().exit(|_, walk| {
        walk.report(1);
        walk.report(2);
        Ok(())
    });
    let outcome = end(world.walk(probe).max_reports(1)).await;
    assert_eq!(outcome.reports, [1]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Reports(1)));
}

async fn a_walk_from_nowhere_ends_at_once(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let outcome = end(graph.walk(busy()).from_many(Vec::<jvspatial_db::Id>::new())).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, 0));
    assert_eq!(outcome.walker.exits, [Ended::Finished]);
    let outcome = end(world.walk(busy()).until(ready(()))).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Cancelled, 0));
    graph.delete(world.id(0)).await.unwrap();
    let outcome = end(world.walk(busy())).await;
    assert_eq!((outcome.ended, outcome.stats.missing), (Ended::Failed, 1));
    assert_eq!(outcome.walker.exits, [Ended::Failed]);
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::NotFound);
}
