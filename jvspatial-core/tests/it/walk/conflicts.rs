//! What becomes of writes when others change the same documents behind the walk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jvspatial_core::{Control, Ended, ErrorKind, Graph, OnConflict, WriteMode};

use super::support::*;
use crate::model::City;

on_every_backend!(
    a_conflict_ends_the_walk,
    conflicts_are_reported_and_the_rest_is_written,
    a_node_in_conflict_is_read_again_and_visited_anew,
    a_node_changed_again_and_again_is_given_up,
    a_node_that_others_delete_is_missing_when_visited_anew,
    a_conflict_that_ends_with_the_walk_is_not_lost,
    a_busy_rival_loses_nothing_and_neither_does_the_walk,
);

/// A probe that counts a visit of each city, while a rival changes cities 0 and 2 during the first one.
fn outrun(world: &World) -> Probe {
    let world = world.clone();
    let mut is_first = true;
    let probe = Probe::roads().waits("rival", move |_, _| {
        let world = world.clone();
        let is_due = std::mem::take(&mut is_first);
        Box::pin(async move {
            for city in [0, 2].into_iter().filter(|_| is_due) {
                let change = |city: &mut City| city.nickname = Some("x".to_owned());
                world.graph.modify::<City>(&world.cities[city], change).await?;
            }
            Ok(Control::Continue)
        })
    });
    probe.hook("counts", |here, walk| {
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        Ok(Control::Continue)
    })
}

async fn a_conflict_ends_the_walk(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let outcome = end(world.walk(outrun(&world)).chunk_size(1).batch_size(1)).await;
    assert_eq!((outcome.ended, outcome.walker.exits), (Ended::Failed, vec![Ended::Failed]));
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(world.visits().await[0], Some(0));
}

async fn conflicts_are_reported_and_the_rest_is_written(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let walk = world.walk(outrun(&world)).on_conflict(OnConflict::Report);
    let outcome = end(walk).await;
    assert_eq!(outcome.ended, Ended::Finished);
    assert_eq!((outcome.conflicts.len(), outcome.stats.conflicts), (1, 1));
    assert_eq!(outcome.conflicts[0].kind(), ErrorKind::Conflict);
    assert_eq!(outcome.stats.written, 3);
    assert_eq!(world.visits().await, [Some(0), Some(1), Some(1), Some(1)]);
}

async fn a_node_in_conflict_is_read_again_and_visited_anew(graph: Graph) {
    for mode in [WriteMode::Batched, WriteMode::Immediate] {
        for (chunk, batch) in [(1, 1), (1, 100), (1_000, 2), (1_000, 1_000)] {
            let world = World::star(&graph, 5).await;
            let probe = outrun(&world);
            let walk = world.walk(probe).on_conflict(OnConflict::Revisit(1)).write_mode(mode);
            let outcome = end(walk.chunk_size(chunk).batch_size(batch)).await;
            assert_eq!(outcome.ended, Ended::Finished, "{mode:?} {chunk} {batch}");
            assert_eq!((outcome.stats.conflicts, outcome.stats.revisited), (1, 1));
            assert_eq!(world.visits().await, [Some(1); 5], "each is changed once");
            for city in [0, 2] {
                assert_eq!(world.city(city).await.nickname.as_deref(), Some("x"));
            }
        }
    }
}

async fn a_node_changed_again_and_again_is_given_up(graph: Graph) {
    let world = World::line(&graph, 1).await;
    for most in [0, 1, 3] {
        let rival = graph.clone();
        let probe = Probe::new().waits("outrun", move |here, walk| {
            let rival = rival.clone();
            Box::pin(async move {
                let mut city = here.decode::<City>()?;
                rival.modify::<City>(&city, |city| city.visits += 1).await?;
                walk.save(&mut city);
                Ok(Control::Continue)
            })
        });
        let outcome = end(world.walk(probe).on_conflict(OnConflict::Revisit(most))).await;
        let error = outcome.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(error.context("visited anew"), Some(&*most.to_string()), "{error}");
        assert_eq!(outcome.stats.visited, u64::from(most) + 1);
        assert_eq!(outcome.walker.exits, [Ended::Failed]);
    }
}

async fn a_node_that_others_delete_is_missing_when_visited_anew(graph: Graph) {
    let world = World::star(&graph, 3).await;
    let rival = graph.clone();
    let probe = Probe::roads().waits("outrun", move |here, walk| {
        let rival = rival.clone();
        Box::pin(async move {
            let mut city = here.decode::<City>()?;
            if city.name == "1" {
                rival.delete(&city).await?;
            }
            city.visits += 1;
            walk.save(&mut city);
            Ok(Control::Continue)
        })
    });
    let outcome = end(world.walk(probe).on_conflict(OnConflict::Revisit(3))).await;
    assert_eq!((outcome.ended, outcome.stats.missing), (Ended::Finished, 1));
    assert_eq!(world.visits().await, [Some(1), None, Some(1)]);
}

/// A write that is found outdated when nothing is visited any more cannot be made up for.
async fn a_conflict_that_ends_with_the_walk_is_not_lost(graph: Graph) {
    for way in 0..3 {
        let world = World::line(&graph, 3).await;
        let probe = outrun(&world);
        let probe = probe.hook("ends", move |_, _| {
            Ok(if way == 0 { Control::Disengage } else { Control::Continue })
        });
        let walk = world.walk(probe).on_conflict(OnConflict::Revisit(3));
        let walk = match way {
            1 => walk.max_steps(1),
            2 => walk.max_queries(1),
            _ => walk,
        };
        let outcome = end(walk).await;
        assert_eq!(outcome.ended, Ended::Failed, "{way}");
        assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Conflict);
        assert_eq!(outcome.walker.exits, [Ended::Failed]);
        assert_eq!(world.visits().await[0], Some(0));
    }
}

async fn a_busy_rival_loses_nothing_and_neither_does_the_walk(graph: Graph) {
    const CITIES: usize = 60;
    let world = World::star(&graph, 60).await;
    let changes = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let rival = tokio::spawn({
        let (world, changes, done) = (world.clone(), Arc::clone(&changes), Arc::clone(&done));
        async move {
            for city in (0..500).map(|change| change * 7 % CITIES) {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let change = |city: &mut City| city.latitude += 1.0;
                world.graph.modify::<City>(&world.cities[city], change).await.unwrap();
                changes.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let probe = Probe::roads().waits("counts", |here, walk| {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut city = here.decode::<City>()?;
            city.visits += 1;
            walk.save(&mut city);
            Ok(Control::Continue)
        })
    });
    let walk = world.walk(probe).on_conflict(OnConflict::Revisit(1_000)).batch_size(7);
    let outcome = end(walk.chunk_size(20)).await;
    done.store(true, Ordering::Relaxed);
    rival.await.unwrap();
    assert_eq!(outcome.ended, Ended::Finished, "{:?}", outcome.error);
    assert_eq!(world.visits().await, [Some(1); CITIES], "the walk changed each once");
    let found = graph.get_many::<City>(&world.cities).await.unwrap();
    let sum: f64 = found.into_iter().flatten().map(|city| city.latitude).sum();
    assert_eq!(sum, changes.load(Ordering::Relaxed) as f64, "and took nothing back");
}
