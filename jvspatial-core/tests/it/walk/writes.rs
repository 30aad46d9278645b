//! What hooks write: joined in batches, seen by the walk itself, and by others when it says so.

use std::time::Duration;

use jvspatial_core::{Control, Ended, ErrorKind, Graph, Uniqueness, WriteMode};

use super::support::*;
use crate::model::{City, Road, Trip};

on_every_backend!(
    saves_go_out_in_batches,
    several_saves_of_one_node_are_one_write,
    a_walk_reads_what_it_has_saved,
    what_is_created_and_joined_is_visited,
    what_is_disconnected_is_not_followed,
    what_is_deleted_is_not_visited,
    a_node_deleted_unchanged_is_gone,
    one_document_is_written_as_the_calls_follow_one_another,
    an_edge_that_is_there_already_stays,
    an_edge_to_nowhere_ends_the_walk,
    immediate_writes_are_seen_before_the_next_visit,
    batched_writes_are_seen_after_their_batch,
    a_batch_that_is_old_enough_is_written,
    what_leaving_and_ending_writes_is_written,
);

fn visit_once(here: &jvspatial_core::Here, walk: &mut jvspatial_core::Walk<Probe>) {
    let mut city = here.decode::<City>().unwrap();
    city.visits += 1;
    walk.save(&mut city);
}

fn counting() -> Probe {
    Probe::roads().hook("counts", |here, walk| {
        visit_once(here, walk);
        Ok(Control::Continue)
    })
}

async fn saves_go_out_in_batches(graph: Graph) {
    let world = World::line(&graph, 7).await;
    for (size, batches) in [(1, 7), (3, 3), (7, 1), (100, 1)] {
        for chunk in [1, 1_000] {
            let walk = world.walk(counting()).batch_size(size).chunk_size(chunk);
            let stats = run(walk).await.stats;
            assert_eq!((stats.written, stats.batches), (7, batches), "{size}");
        }
    }
    assert_eq!(world.visits().await, [Some(8); 7]);
}

async fn several_saves_of_one_node_are_one_write(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let probe = Probe::roads().hook("saves", |here, walk| {
        let mut city = here.decode::<City>()?;
        for _ in 0..4 {
            city.visits += 1;
            walk.save(&mut city);
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.stats.written, 2);
    let city = world.city(1).await;
    assert_eq!((city.visits, city.version().get()), (4, 2));
}

async fn a_walk_reads_what_it_has_saved(graph: Graph) {
    let world = World::new(&graph, 2, &[(0, 1), (1, 0)]).await;
    for (batch, rounds) in [(100, 1), (1, 2)] {
        let walk = world.walk(counting()).uniqueness(Uniqueness::Unlimited).batch_size(batch);
        let outcome = run(walk.max_steps(6)).await;
        assert_eq!(outcome.stats.visited, 6);
        assert_eq!(world.visits().await, [Some(3 * rounds); 2]);
    }
    let read = Probe::new()
        .hook("counts", |here, walk| {
            visit_once(here, walk);
            Ok(Control::Continue)
        })
        .hook("reads", |here, walk| {
            walk.report(u32::try_from(here.decode::<City>()?.visits).unwrap());
            Ok(Control::Continue)
        });
    assert_eq!(run(world.walk(read)).await.reports, [7], "so does the next hook of a node");
}

async fn what_is_created_and_joined_is_visited(graph: Graph) {
    let world = World::line(&graph, 1).await;
    let probe = Probe::new().hook("grows", |here, walk| {
        let city = here.decode::<City>()?;
        if number(here) < 3 {
            let name = (number(here) + 1).to_string();
            let new = walk.create(City::new(&name));
            walk.connect(&city, &new, Road { km: 1 });
            walk.connect_ids(&new, &city, Trip { year: 1 });
        }
        walk.follow(every_edge());
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3]);
    assert_eq!((outcome.stats.written, outcome.stats.batches), (9, 3));
    let counts = (graph.edges::<Road>().count().await, graph.edges::<Trip>().count().await);
    assert_eq!((counts.0.unwrap(), counts.1.unwrap()), (3, 3));
}

async fn what_is_disconnected_is_not_followed(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let id = world.id(2);
    let probe = Probe::roads().hook("parts", move |here, walk| {
        if is(here, 0) {
            walk.disconnect::<Road>(here.id(), &id);
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.walker.visited, [0, 1, 3]);
    assert_eq!(graph.edges::<Road>().count().await.unwrap(), 2);
    let id = world.id(1);
    let probe = Probe::roads().hook("joins and parts", move |here, walk| {
        if is(here, 0) {
            walk.connect_ids(&id, here.id(), Road { km: 7 });
            walk.disconnect::<Road>(&id, here.id());
            walk.disconnect::<Road>(here.id(), &id);
            walk.connect_ids(here.id(), &id, Road { km: 8 });
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.walker.visited, [0, 3, 1], "the new road is the last");
    let mut roads: Vec<_> = graph.edges::<Road>().all().await.unwrap();
    roads.sort_by_key(|road| road.km);
    assert_eq!(roads.iter().map(|road| road.km).collect::<Vec<_>>(), [8, FIRST_ROAD + 2]);
}

async fn what_is_deleted_is_not_visited(graph: Graph) {
    for chunk in [1, 1_000] {
        let world = World::new(&graph, 4, &[(0, 1), (0, 2), (0, 3), (2, 3)]).await;
        let id = world.id(2);
        let probe = Probe::roads().hook("deletes", move |here, walk| {
            if is(here, 1) {
                walk.delete(&id);
                walk.delete(&id);
            }
            Ok(Control::Continue)
        });
        let outcome = run(world.walk(probe).chunk_size(chunk)).await;
        assert_eq!(outcome.walker.visited, [0, 1, 3]);
        assert_eq!((outcome.stats.missing, outcome.stats.written), (1, 1));
        assert_eq!(outcome.stats.unchanged, 1);
        assert_eq!(world.visits().await, [Some(0), Some(0), None, Some(0)]);
        assert_eq!(graph.edges::<Road>().count().await.unwrap(), 2, "its edges went with it");
        graph.nodes::<City>().delete().await.unwrap();
    }
}

async fn a_node_deleted_unchanged_is_gone(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let probe = Probe::roads().hook("deletes", |here, walk| {
        let mut city = here.decode::<City>()?;
        if city.name == "1" {
            city.visits = 5;
            walk.save(&mut city);
            walk.delete_unchanged(&city);
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.stats.written, 2);
    assert_eq!(world.visits().await, [Some(0), None]);
}

async fn one_document_is_written_as_the_calls_follow_one_another(graph: Graph) {
    let world = World::line(&graph, 1).await;
    let probe = Probe::new().hook("writes", |_, walk| {
        let mut kept = walk.create(City::new("kept"));
        kept.visits = 1;
        walk.save(&mut kept);
        kept.visits = 2;
        walk.save(&mut kept);
        let gone = walk.create(City::new("gone"));
        walk.delete(&gone);
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.ended, Ended::Finished);
    let cities = graph.nodes::<City>().filter(|city| city.name.ne("0")).all().await.unwrap();
    let found: Vec<_> = cities.iter().map(|city| (&*city.name, city.visits)).collect();
    assert_eq!(found, [("kept", 2)]);
    let probe = Probe::new().hook("writes", |here, walk| {
        let mut city = here.decode::<City>()?;
        walk.delete(here.id());
        walk.save(&mut city);
        Ok(Control::Continue)
    });
    let error = end(world.walk(probe)).await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound, "what was deleted cannot be saved");
    assert_eq!(error.place().unwrap().hook, Some("writes"));
}

async fn an_edge_that_is_there_already_stays(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let id = world.id(1);
    let probe = Probe::roads().hook("joins", move |here, walk| {
        if is(here, 0) {
            walk.connect_ids(here.id(), &id, Road { km: 1 });
            walk.connect_ids(here.id(), &id, Trip { year: 1 });
            walk.connect_ids(here.id(), &id, Trip { year: 2 });
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!((outcome.stats.written, outcome.stats.unchanged), (2, 1));
    assert_eq!(graph.edges::<Road>().all().await.unwrap()[0].km, FIRST_ROAD);
}

async fn an_edge_to_nowhere_ends_the_walk(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let gone = world.id(1);
    graph.delete(&gone).await.unwrap();
    let probe = Probe::roads().hook("joins", move |here, walk| {
        walk.connect_ids(here.id(), &gone, Road { km: 1 });
        Ok(Control::Continue)
    });
    let outcome = end(world.walk(probe)).await;
    assert_eq!(outcome.ended, Ended::Failed);
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(graph.edges::<Road>().count().await.unwrap(), 0);
}

/// A probe that saves, and reports how often others see that the city before was visited.
fn looking(world: &World) -> Probe {
    let world = world.clone();
    counting().waits("looks", move |here, walk| {
        let (world, here) = (world.clone(), number(here) as usize);
        Box::pin(async move {
            let before = world.city(here.saturating_sub(1)).await.visits;
            walk.report(u32::try_from(before).unwrap());
            Ok(Control::Continue)
        })
    })
}

async fn immediate_writes_are_seen_before_the_next_visit(graph: Graph) {
    for chunk in [1, 1_000] {
        let world = World::star(&graph, 4).await;
        let walk = world.walk(looking(&world)).write_mode(WriteMode::Immediate);
        assert_eq!(run(walk.chunk_size(chunk)).await.reports, [0, 1, 1, 1]);
    }
}

async fn batched_writes_are_seen_after_their_batch(graph: Graph) {
    let world = World::line(&graph, 5).await;
    let outcome = run(world.walk(looking(&world)).chunk_size(1).batch_size(100)).await;
    assert_eq!(outcome.reports, [0; 5]);
    assert_eq!(world.visits().await, [Some(1); 5], "all are at the end");
}

async fn a_batch_that_is_old_enough_is_written(graph: Graph) {
    let world = World::line(&graph, 5).await;
    let stats = run(world.walk(counting()).batch_age(Duration::ZERO)).await.stats;
    assert_eq!((stats.batches, stats.chunks), (5, 5));
    let stats = run(world.walk(counting()).batch_age(Duration::from_secs(3_600))).await.stats;
    assert_eq!(stats.batches, 1);
}

async fn what_leaving_and_ending_writes_is_written(graph: Graph) {
    for mode in [WriteMode::Batched, WriteMode::Immediate, WriteMode::Atomic] {
        let world = World::line(&graph, 3).await;
        let probe = Probe::leaving().leave(|here, walk| {
            let mut city = here.decode::<City>()?;
            city.visits += 10;
            walk.save(&mut city);
            Ok(Control::Continue)
        });
        let probe = probe.exit(|_, walk| {
            walk.create(City::new("end"));
            Ok(())
        });
        let stats = run(world.walk(probe).write_mode(mode)).await.stats;
        assert_eq!(stats.written, 4, "{mode:?}");
        let batches = if mode == WriteMode::Immediate { 4 } else { 2 };
        assert_eq!(stats.batches, batches, "{mode:?}");
        assert_eq!(world.visits().await, [Some(10); 3], "{mode:?}");
    }
    let ends = graph.nodes::<City>().filter(|city| city.name.eq("end")).count().await;
    assert_eq!(ends.unwrap(), 3);
}
