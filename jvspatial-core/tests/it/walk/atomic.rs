//! Walks that write all or nothing.

use jvspatial_core::{Control, Ended, ErrorKind, Graph, OnError, WalkBuilder, WriteMode};

use super::support::*;
use crate::model::{City, Road};

on_every_backend!(
    nobody_sees_an_atomic_walk_before_its_end,
    an_atomic_walk_reads_what_it_wrote,
    an_atomic_walk_that_fails_leaves_nothing,
    an_atomic_walk_that_ends_early_is_written,
    an_atomic_walk_that_pauses_goes_on_or_leaves_nothing,
    an_atomic_walk_that_is_outrun_leaves_nothing,
    an_atomic_walk_that_is_dropped_leaves_nothing,
);

fn counting() -> Probe {
    Probe::roads().hook("counts", |here, walk| {
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        Ok(Control::Continue)
    })
}

fn atomic(world: &World, probe: Probe) -> WalkBuilder<Probe> {
    world.walk(probe).write_mode(WriteMode::Atomic)
}

async fn nobody_sees_an_atomic_walk_before_its_end(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let outside = world.clone();
    let probe = counting().waits("looks", move |_, walk| {
        let outside = outside.clone();
        Box::pin(async move {
            let sum: u64 = outside.visits().await.into_iter().flatten().sum();
            walk.report(u32::try_from(sum).unwrap());
            Ok(Control::Continue)
        })
    });
    let outcome = run(atomic(&world, probe).chunk_size(1).batch_size(1)).await;
    assert_eq!(outcome.reports, [0; 4]);
    assert_eq!(outcome.stats.written, 4);
    assert_eq!(world.visits().await, [Some(1); 4]);
}

async fn an_atomic_walk_reads_what_it_wrote(graph: Graph) {
    let world = World::line(&graph, 1).await;
    let probe = Probe::new().waits("grows", |here, walk| {
        Box::pin(async move {
            let city = here.decode::<City>()?;
            let inside = walk.graph().nodes::<City>().count().await?;
            walk.report(u32::try_from(inside).unwrap());
            if inside < 4 {
                let new = walk.create(City::new(&inside.to_string()));
                walk.connect(&city, &new, Road { km: 1 });
            }
            walk.follow(roads());
            Ok(Control::Continue)
        })
    });
    let outcome = run(atomic(&world, probe)).await;
    assert_eq!(outcome.reports, [1, 2, 3, 4]);
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3], "what it created is visited");
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 4);
}

async fn an_atomic_walk_that_fails_leaves_nothing(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let fails =
        || {
            counting().hook("fails", |here, _| {
                if is(here, 2) { Err(refusal()) } else { Ok(Control::Continue) }
            })
        };
    let outcome = end(atomic(&world, fails()).batch_size(1).chunk_size(1)).await;
    assert_eq!((outcome.ended, outcome.stats.written), (Ended::Failed, 0));
    let error = outcome.error.unwrap();
    assert_eq!(error.context("writes made"), Some("0"), "{error}");
    assert_eq!(error.context("writes dropped"), Some("3"), "{error}");
    assert_eq!(world.visits().await, [Some(0); 3]);
    let outcome = end(atomic(&world, fails()).on_error(OnError::Collect)).await;
    assert_eq!((outcome.ended, outcome.errors.len()), (Ended::Finished, 1));
    assert_eq!(world.visits().await, [Some(1); 3]);
    let outcome = end(atomic(&world, counting().exit(|_, _| Err(refusal())))).await;
    assert_eq!(outcome.ended, Ended::Failed);
    assert_eq!(world.visits().await, [Some(1); 3]);
}

async fn an_atomic_walk_that_ends_early_is_written(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = counting().hook("ends", |here, _| {
        Ok(if is(here, 1) { Control::Disengage } else { Control::Continue })
    });
    assert_eq!(run(atomic(&world, probe)).await.ended, Ended::Disengaged);
    assert_eq!(world.visits().await, [Some(1), Some(1), Some(0)]);
    let _ = run(atomic(&world, counting()).max_steps(2)).await;
    assert_eq!(world.visits().await, [Some(2), Some(2), Some(0)]);
}

async fn an_atomic_walk_that_pauses_goes_on_or_leaves_nothing(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let pausing = || {
        counting().hook("pauses", |here, _| {
            Ok(if is(here, 1) { Control::Pause } else { Control::Continue })
        })
    };
    let paused = run(atomic(&world, pausing())).await;
    assert_eq!(world.visits().await, [Some(0); 3]);
    drop(paused);
    let paused = run(atomic(&world, pausing())).await;
    assert_eq!(world.visits().await, [Some(0); 3]);
    assert_eq!(paused.resume().await.unwrap().ended, Ended::Finished);
    assert_eq!(world.visits().await, [Some(1); 3]);
}

async fn an_atomic_walk_that_is_outrun_leaves_nothing(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let rival = world.clone();
    let probe = Probe::roads().waits("outrun", move |here, walk| {
        let (rival, is_last) = (rival.clone(), is(here, 2));
        let mut city = here.decode::<City>().unwrap();
        Box::pin(async move {
            if is_last {
                rival.graph.modify::<City>(&city, |city| city.visits += 10).await?;
            }
            city.visits += 1;
            walk.save(&mut city);
            Ok(Control::Continue)
        })
    });
    let outcome = end(atomic(&world, probe)).await;
    assert_eq!((outcome.ended, outcome.stats.written), (Ended::Failed, 0));
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Conflict);
    assert_eq!(world.visits().await, [Some(0), Some(0), Some(10)]);
}

async fn an_atomic_walk_that_is_dropped_leaves_nothing(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let (reached, at) = tokio::sync::oneshot::channel();
    let mut reached = Some(reached);
    let probe = counting().waits("waits", move |here, _| {
        let reached = reached.take_if(|_| is(here, 2));
        Box::pin(async move {
            if let Some(reached) = reached {
                let _ = reached.send(());
                std::future::pending::<()>().await;
            }
            Ok(Control::Continue)
        })
    });
    let walk = end(atomic(&world, probe).chunk_size(1).batch_size(1));
    tokio::select! {
        outcome = Box::pin(walk) => panic!("ended {}", outcome.ended),
        reached = at => reached.unwrap(),
    }
    assert_eq!(world.visits().await, [Some(0); 3]);
    // Whatever it held is let go.
    graph.modify::<City>(world.id(0), |city| city.visits = 3).await.unwrap();
}
