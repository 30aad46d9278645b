//! What walkers get right that they get wrong where they come from; see the table in [`super`].

use std::time::Duration;

use jvspatial_core::{Control, Ended, ErrorKind, Graph, Limit, OnError, OnFull, StepOutcome};
use tokio::time::{Instant, sleep};

use super::support::*;
use crate::model::City;

on_every_backend!(
    hooks_run_in_the_order_they_are_declared,
    a_limit_of_n_steps_runs_the_hooks_of_exactly_n,
    a_limit_of_n_visits_allows_n_of_each,
    a_pause_stops_right_after_its_hook_and_exit_waits_for_the_real_end,
    nothing_runs_after_the_hook_that_disengages,
    a_limit_keeps_reports_trail_and_statistics_and_runs_exit,
    errors_are_apart_from_reports,
    a_pause_takes_no_time_but_a_deadline_stands,
    a_full_queue_says_what_it_dropped,
    the_queue_knows_a_node_by_its_id_whatever_its_fields,
    a_node_deleted_while_it_waits_is_missing,
    a_step_of_the_trail_tells_how_it_was_come_to,
    reading_neighbours_visits_none_of_them,
    a_walk_goes_on_with_all_it_had,
    nodes_are_visited_in_the_order_of_their_edges,
    walks_over_two_graphs_have_nothing_in_common,
    what_a_walk_saves_keeps_its_text_and_its_id,
);

/// A probe that reports which of its hooks ran: 1 for the first.
fn three_hooks(stop: Control) -> Probe {
    let report = |value, control| {
        move |_: &mut jvspatial_core::Here, walk: &mut jvspatial_core::Walk<Probe>| {
            walk.report(value);
            Ok(control)
        }
    };
    Probe::roads()
        .hook("zebra", report(1, Control::Continue))
        .hook("mole", report(2, stop))
        .hook("ant", report(3, Control::Continue))
}

async fn hooks_run_in_the_order_they_are_declared(graph: Graph) {
    let world = World::line(&graph, 2).await;
    let outcome = run(world.walk(three_hooks(Control::Continue))).await;
    assert_eq!(outcome.reports, [1, 2, 3, 1, 2, 3]);
    let outcome = run(world.walk(three_hooks(Control::Skip))).await;
    assert_eq!(outcome.reports, [1, 2, 1, 2], "a skip leaves out the rest of its node alone");
}

async fn a_limit_of_n_steps_runs_the_hooks_of_exactly_n(graph: Graph) {
    let world = World::line(&graph, 4).await;
    for chunk in [1, 1_000] {
        for steps in 0..=3_u32 {
            let walk = world.walk(Probe::roads()).chunk_size(chunk).trail(10);
            let outcome = run(walk.max_steps(steps.into())).await;
            assert_eq!(outcome.walker.visited, Vec::from_iter(0..steps));
            assert_eq!(outcome.trail.len(), steps as usize, "a step that is not made is no step");
            assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(steps.into())));
        }
        let outcome = run(world.walk(Probe::roads()).max_steps(4)).await;
        assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, 4));
    }
}

async fn a_limit_of_n_visits_allows_n_of_each(graph: Graph) {
    let world = World::new(&graph, 2, &[(0, 1), (1, 0)]).await;
    for visits in 0..=3_u32 {
        let walk = world.walk(Probe::roads()).uniqueness(jvspatial_core::Uniqueness::Unlimited);
        let outcome = run(walk.max_visits(visits)).await;
        let count = |city| outcome.walker.visited.iter().filter(|found| **found == city).count();
        assert_eq!([count(0), count(1)], [visits as usize; 2]);
        assert_eq!(outcome.ended, Ended::Limit(Limit::Visits(visits)));
    }
}

async fn a_pause_stops_right_after_its_hook_and_exit_waits_for_the_real_end(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let probe = Probe::stops(2, Control::Pause).hook("after", |here, walk| {
        walk.report(number(here));
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.ended, Ended::Paused);
    assert_eq!(outcome.walker.visited, [0, 1, 2]);
    assert_eq!(outcome.reports, [0, 1], "the hook after the one that paused was left out");
    assert!(outcome.walker.exits.is_empty(), "{:?}", outcome.walker.exits);
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3]);
    assert_eq!(outcome.reports, [0, 1, 3]);
    assert_eq!(outcome.walker.exits, [Ended::Finished]);
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.walker.exits, [Ended::Finished], "what is over stays over");
}

async fn nothing_runs_after_the_hook_that_disengages(graph: Graph) {
    let world = World::star(&graph, 5).await;
    for chunk in [1, 2, 1_000] {
        let probe = Probe::stops(2, Control::Disengage).hook("after", |here, walk| {
            walk.report(number(here));
            Ok(Control::Continue)
        });
        let outcome = run(world.walk(probe).chunk_size(chunk)).await;
        assert_eq!(outcome.walker.visited, [0, 1, 2]);
        assert_eq!(outcome.reports, [0, 1]);
        assert_eq!(outcome.walker.exits, [Ended::Disengaged]);
    }
}

async fn a_limit_keeps_reports_trail_and_statistics_and_runs_exit(graph: Graph) {
    let world = World::line(&graph, 5).await;
    let probe = three_hooks(Control::Continue).exit(|_, walk| {
        walk.report(100);
        Ok(())
    });
    let outcome = run(world.walk(probe).max_steps(2).trail(10)).await;
    assert_eq!(outcome.reports, [1, 2, 3, 1, 2, 3, 100]);
    assert_eq!(outcome.trail.len(), 2);
    assert_eq!(outcome.stats.visited, 2);
    assert_eq!(outcome.walker.exits, [Ended::Limit(Limit::Steps(2))]);
}

async fn errors_are_apart_from_reports(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let fails = || {
        Probe::roads()
            .hook(
                "fails",
                |here, _| if is(here, 2) { Err(refusal()) } else { Ok(Control::Continue) },
            )
            .hook("reports", |here, walk| {
                walk.report(number(here));
                Ok(Control::Continue)
            })
            .exit(|_, _| Err(refusal()))
    };
    let cases = [
        (OnError::Collect, vec![0, 1, 2, 3]),
        (OnError::Skip, vec![0, 1, 3]),
        (OnError::Fail, vec![0, 1]),
    ];
    for (policy, reports) in cases {
        let outcome = end(world.walk(fails()).on_error(policy)).await;
        assert_eq!(outcome.reports, reports, "{policy:?}");
        let mut errors: Vec<_> = outcome.error.iter().chain(&outcome.errors).collect();
        let places = errors.iter_mut().map(|error| error.place().unwrap());
        let places: Vec<_> =
            places.map(|place| (place.hook, place.at.clone(), place.depth)).collect();
        let (at, depth) = (Some(world.id(2)), 1);
        assert_eq!(places[0], (Some("fails"), at, depth), "{policy:?}");
        assert_eq!(places[1].0, Some("exit"), "{policy:?}");
        assert_eq!(places[1].1, None, "an exit is nowhere");
    }
}

async fn a_pause_takes_no_time_but_a_deadline_stands(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let pause = Duration::from_millis(60);
    let walk = world.walk(Probe::stops(1, Control::Pause)).max_time(Duration::from_secs(20));
    let begun = Instant::now();
    let outcome = run(walk).await;
    let worked = begun.elapsed();
    sleep(pause).await;
    let went_on = Instant::now();
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.ended, Ended::Finished);
    assert!(outcome.stats.elapsed <= worked + went_on.elapsed(), "{:?}", outcome.stats.elapsed);

    let deadline = Instant::now() + Duration::from_secs(20);
    let outcome = run(world.walk(Probe::stops(1, Control::Pause)).deadline(deadline)).await;
    assert_eq!(outcome.ended, Ended::Paused);
    let deadline = Instant::now();
    let outcome = run(world.walk(Probe::stops(1, Control::Pause)).deadline(deadline)).await;
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Limit(Limit::Deadline), 0));
}

async fn a_full_queue_says_what_it_dropped(graph: Graph) {
    let world = World::star(&graph, 6).await;
    let ids = world.cities[1..].to_vec();
    let probe = Probe::new().waits("queues", move |here, walk| {
        let ids = ids.clone();
        Box::pin(async move {
            if is(here, 0) {
                let enqueued = walk.queue().await?.visit(&ids)?;
                let twice = walk.queue().await?.visit(&ids[..2])?;
                let counts = [enqueued.added, enqueued.dropped, twice.added, twice.already_visited];
                counts.into_iter().for_each(|count| walk.report(u32::try_from(count).unwrap()));
            }
            Ok(Control::Continue)
        })
    });
    let outcome = run(world.walk(probe).max_frontier(3).on_full(OnFull::Drop)).await;
    assert_eq!(outcome.reports, [3, 2, 0, 2]);
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3]);
    assert_eq!((outcome.ended, outcome.stats.dropped), (Ended::Finished, 2));
    let outcome = run(world.walk(Probe::roads()).max_frontier(3)).await;
    assert_eq!(
        outcome.ended,
        Ended::Limit(Limit::Frontier(3)),
        "unless told to, nothing is dropped"
    );
}

async fn the_queue_knows_a_node_by_its_id_whatever_its_fields(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let (rival, city) = (graph.clone(), world.id(2));
    let probe = Probe::roads().waits("looks", move |here, walk| {
        let (rival, city) = (rival.clone(), city.clone());
        Box::pin(async move {
            if is(here, 0) {
                rival.modify::<City>(&city, |city| city.visits = 7).await?;
                let read = rival.get::<City>(&city).await?.unwrap();
                let mut queue = walk.queue().await?;
                assert!(queue.is_queued(&read));
                assert_eq!(queue.dequeue(&read), 1);
                assert!(!queue.is_queued(&city));
            }
            Ok(Control::Continue)
        })
    });
    assert_eq!(run(world.walk(probe)).await.walker.visited, [0, 1, 3]);
}

async fn a_node_deleted_while_it_waits_is_missing(graph: Graph) {
    let world = World::star(&graph, 4).await;
    for (chunk, seen) in [(1, vec![0, 1, 3]), (1_000, vec![0, 1, 3])] {
        let (rival, city) = (graph.clone(), world.id(2));
        let probe = Probe::roads().waits("deletes", move |here, walk| {
            let (rival, city) = (rival.clone(), city.clone());
            Box::pin(async move {
                if is(here, 0) {
                    walk.queue().await?;
                    rival.delete(&city).await?;
                }
                Ok(Control::Continue)
            })
        });
        let outcome = run(world.walk(probe).chunk_size(chunk)).await;
        assert_eq!(outcome.walker.visited, seen);
        // The second walk finds no road to it any more.
        assert_eq!(outcome.stats.missing, u64::from(chunk == 1));
    }
}

async fn a_step_of_the_trail_tells_how_it_was_come_to(graph: Graph) {
    let world = World::new(&graph, 3, &[(0, 1), (1, 2), (2, 0)]).await;
    let outcome = run(world.walk(Probe::stops(2, Control::Skip)).trail(10)).await;
    let roads = graph.edges::<crate::model::Road>().all().await.unwrap();
    let road = |km| roads.iter().find(|road| road.km == km).map(|road| road.id().clone());
    let steps: Vec<_> = outcome.trail.recent(10).cloned().collect();
    assert_eq!(outcome.stats.visited, 3, "each is counted once");
    let parents: Vec<_> =
        steps.iter().map(|step| (step.sequence, step.parent, step.depth)).collect();
    assert_eq!(parents, [(1, None, 0), (2, Some(1), 1), (3, Some(2), 2)]);
    let entities: Vec<_> = steps.iter().map(|step| step.entity.clone()).collect();
    assert_eq!(entities, world.cities);
    let edges: Vec<_> = steps.iter().map(|step| step.edge.clone()).collect();
    assert_eq!(edges, [None, road(FIRST_ROAD), road(FIRST_ROAD + 1)]);
    assert!(steps.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let outcomes: Vec<_> = steps.iter().map(|step| step.outcome).collect();
    use StepOutcome::{Continued, Skipped};
    assert_eq!(outcomes, [Continued, Continued, Skipped]);
    let path = outcome.trail.path_to_start(3).unwrap();
    assert_eq!(path.iter().map(|step| step.sequence).collect::<Vec<_>>(), [3, 2, 1]);
}

async fn reading_neighbours_visits_none_of_them(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let probe = Probe::new().waits("reads", |here, walk| {
        Box::pin(async move {
            let from = [here.id().clone()];
            let found = walk.graph().neighbors(&from, roads().to::<City>()).await?;
            walk.report(u32::try_from(found[0].len()).unwrap());
            Ok(Control::Continue)
        })
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!((outcome.reports, outcome.walker.visited), (vec![3], vec![0]));
}

async fn a_walk_goes_on_with_all_it_had(graph: Graph) {
    let world = World::line(&graph, 6).await;
    let probe = Probe::roads().hook("counts", |here, walk| {
        walk.report(number(here));
        Ok(if number(here) % 2 == 1 { Control::Pause } else { Control::Continue })
    });
    let mut outcome = run(world.walk(probe).trail(10).max_steps(5)).await;
    let mut pauses = 0;
    while outcome.ended == Ended::Paused {
        pauses += 1;
        outcome = outcome.resume().await.unwrap();
    }
    assert_eq!(pauses, 2);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(5)), "limits count on, too");
    assert_eq!(outcome.reports, [0, 1, 2, 3, 4]);
    assert_eq!(outcome.walker.visited, [0, 1, 2, 3, 4]);
    assert_eq!((outcome.trail.len(), outcome.stats.visited), (5, 5));
}

async fn nodes_are_visited_in_the_order_of_their_edges(graph: Graph) {
    let order = [3, 1, 5, 2, 4];
    let roads: Vec<_> = order.iter().map(|&city| (0, city as usize)).collect();
    let world = World::new(&graph, 6, &roads).await;
    for _ in 0..3 {
        assert_eq!(run(world.walk(Probe::roads())).await.walker.visited[1..], order);
        let walk = world.walk(Probe::roads()).depth_first();
        assert_eq!(run(walk).await.walker.visited[1..], order);
    }
}

async fn walks_over_two_graphs_have_nothing_in_common(graph: Graph) {
    let other = Graph::open("memory:").await.unwrap();
    let (here, there) = (World::line(&graph, 3).await, World::star(&other, 4).await);
    let pausing = run(here.walk(Probe::stops(1, Control::Pause))).await;
    let (first, second) = tokio::join!(pausing.resume(), run(there.walk(Probe::roads())));
    assert_eq!(first.unwrap().walker.visited, [0, 1, 2]);
    assert_eq!(second.walker.visited, [0, 1, 2, 3]);
    let error = there.graph.walk(Probe::roads()).from(here.id(0)).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

async fn what_a_walk_saves_keeps_its_text_and_its_id(graph: Graph) {
    const NAME: &str = "Zürich — 東京";
    let city = graph.create_with_key("custom-1", City::new("0")).await.unwrap();
    let probe = Probe::new().hook("names", |here, walk| {
        let mut city = here.decode::<City>()?;
        city.name = NAME.to_owned();
        walk.save(&mut city);
        Ok(Control::Continue)
    });
    let _ = run(graph.walk(probe).from(&city)).await;
    let read = graph.get::<City>("n.City.custom-1".parse::<jvspatial_db::Id>().unwrap()).await;
    assert_eq!(read.unwrap().unwrap().name, NAME);
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
}
