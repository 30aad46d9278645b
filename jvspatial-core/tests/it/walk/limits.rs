//! Every limit allows exactly what it says, and the outcome names it. Those of steps and visits are in
//! [`super::contract`], the deadline in [`super::policies`].

use std::time::Duration;

use jvspatial_core::{Control, Ended, Graph, Limit, OnConflict, OnError, OnFull};
use tokio::time::sleep;

use super::support::*;
use crate::model::{City, Road};

on_every_backend!(
    a_limit_of_depth_n_visits_what_is_n_edges_away,
    a_limit_of_time_lets_the_hook_under_way_end,
    a_limit_of_n_lets_n_wait_at_once,
    what_found_no_room_may_be_met_again,
    what_found_no_room_to_be_visited_anew_is_still_known,
    a_limit_of_n_reports_keeps_n,
    a_limit_of_n_queries_asks_n_times,
    a_limit_of_bytes_counts_those_of_what_is_visited,
    a_limit_of_n_writes_makes_n,
    a_limit_of_n_errors_keeps_n,
    a_limit_of_n_conflicts_keeps_n,
    a_hook_that_comes_to_a_limit_ends_its_visit,
);

async fn a_limit_of_depth_n_visits_what_is_n_edges_away(graph: Graph) {
    let world = World::new(&graph, 5, &[(0, 1), (1, 2), (2, 3), (0, 4)]).await;
    for (depth, visited) in [(0, vec![0]), (1, vec![0, 1, 4]), (2, vec![0, 1, 4, 2])] {
        let outcome = run(world.walk(Probe::roads()).max_depth(depth)).await;
        assert_eq!(outcome.walker.visited, visited);
        assert_eq!(outcome.ended, Ended::Limit(Limit::Depth(depth)));
    }
    let probe = Probe::new().hook("follow", |here, walk| {
        if number(here) == 0 {
            walk.follow(roads());
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe).max_depth(1)).await;
    assert_eq!(outcome.ended, Ended::Finished, "nobody asked to go further");
    let outcome = run(world.walk(Probe::roads()).max_depth(1).max_steps(2)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(2)), "it is this one that ended the walk");
}

async fn a_limit_of_time_lets_the_hook_under_way_end(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let limit = Duration::from_millis(700);
    let probe = Probe::roads().waits("sleeps", move |here, walk| {
        let here = number(here);
        Box::pin(async move {
            if here == 1 {
                sleep(limit).await;
            }
            walk.report(here);
            Ok(Control::Continue)
        })
    });
    let outcome = run(world.walk(probe).max_time(limit)).await;
    assert_eq!(outcome.reports, [0, 1]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Time(limit)));
    let outcome = run(world.walk(Probe::roads()).max_time(Duration::ZERO)).await;
    assert_eq!(outcome.stats.visited, 0);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Time(Duration::ZERO)));
}

async fn a_limit_of_n_lets_n_wait_at_once(graph: Graph) {
    let world = World::star(&graph, 5).await;
    let outcome = run(world.walk(Probe::roads()).max_frontier(4)).await;
    assert_eq!((outcome.ended, outcome.stats.peak_frontier), (Ended::Finished, 4));
    let outcome = run(world.walk(Probe::roads()).max_frontier(3)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Frontier(3)));
    assert_eq!((outcome.walker.visited, outcome.stats.peak_frontier), (vec![0], 3));
    for order in 0..3 {
        let walk = world.walk(Probe::roads()).max_frontier(3).on_full(OnFull::Drop);
        let walk = match order {
            0 => walk,
            1 => walk.depth_first(),
            _ => walk.by_rank(),
        };
        let outcome = run(walk).await;
        assert_eq!((outcome.ended, outcome.stats.dropped), (Ended::Finished, 1));
        assert_eq!(outcome.walker.visited, [0, 1, 2, 3]);
    }
}

async fn what_found_no_room_may_be_met_again(graph: Graph) {
    let world = World::new(&graph, 3, &[(0, 1), (0, 2), (1, 2)]).await;
    let walk = world.walk(Probe::roads()).max_frontier(1).on_full(OnFull::Drop);
    let outcome = run(walk).await;
    assert_eq!(outcome.walker.visited, [0, 1, 2]);
    assert_eq!(outcome.stats.dropped, 1);
}

async fn what_found_no_room_to_be_visited_anew_is_still_known(graph: Graph) {
    let world = World::new(&graph, 2, &[(0, 1), (1, 0)]).await;
    for depth_first in [false, true] {
        let probe = Probe::roads().hook("again", |here, walk| {
            if is(here, 0) {
                walk.revisit(here.id());
            }
            Ok(Control::Continue)
        });
        let walk = world.walk(probe).max_frontier(1).on_full(OnFull::Drop).max_steps(9);
        let outcome = run(if depth_first { walk.depth_first() } else { walk }).await;
        assert_eq!((outcome.walker.visited, outcome.ended), (vec![0, 1], Ended::Finished));
        assert_eq!(outcome.stats.dropped, 1);
    }
}

async fn a_limit_of_n_reports_keeps_n(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = || {
        Probe::roads().hook("reports", |here, walk| {
            walk.report(number(here) * 2);
            walk.report(number(here) * 2 + 1);
            Ok(Control::Continue)
        })
    };
    for reports in 0..6 {
        let outcome = run(world.walk(probe()).max_reports(reports)).await;
        assert_eq!(outcome.reports.len() as u64, reports);
        assert_eq!(outcome.ended, Ended::Limit(Limit::Reports(reports)));
    }
    assert_eq!(run(world.walk(probe()).max_reports(6)).await.ended, Ended::Finished);
}

async fn a_limit_of_n_queries_asks_n_times(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let all = run(world.walk(Probe::roads())).await.stats.queries;
    for queries in 0..all {
        let outcome = run(world.walk(Probe::roads()).max_queries(queries)).await;
        assert_eq!(outcome.ended, Ended::Limit(Limit::Queries(queries)));
        assert_eq!(outcome.stats.queries, queries);
        assert_eq!(outcome.stats.visited, queries.div_ceil(2));
    }
    assert_eq!(run(world.walk(Probe::roads()).max_queries(all)).await.ended, Ended::Finished);
    let all = run(world.walk(Probe::leaving())).await.stats.queries;
    for queries in 0..all {
        let outcome = run(world.walk(Probe::leaving()).max_queries(queries)).await;
        assert_eq!(outcome.ended, Ended::Limit(Limit::Queries(queries)));
        assert_eq!(outcome.stats.queries, queries, "to leave a node it is read again");
    }
    let parts = || {
        Probe::new().hook("parts", |here, walk| {
            walk.disconnect::<Road>(here.id(), here.id());
            Ok(Control::Continue)
        })
    };
    assert_eq!(run(world.walk(parts())).await.stats.queries, 2);
    let outcome = run(world.walk(parts()).max_queries(1)).await;
    assert_eq!((outcome.ended, outcome.stats.queries), (Ended::Limit(Limit::Queries(1)), 1));
}

async fn a_limit_of_bytes_counts_those_of_what_is_visited(graph: Graph) {
    let world = World::line(&graph, 4).await;
    for cities in 1..4_u32 {
        let bytes = run(world.walk(Probe::roads()).max_steps(cities.into())).await.stats.bytes;
        let outcome = run(world.walk(Probe::roads()).max_bytes(bytes)).await;
        assert_eq!(outcome.walker.visited, Vec::from_iter(0..cities));
        assert_eq!(outcome.ended, Ended::Limit(Limit::Bytes(bytes)));
        assert_eq!(outcome.stats.bytes, bytes);
        let outcome = run(world.walk(Probe::roads()).max_bytes(bytes - 1)).await;
        assert_eq!(outcome.walker.visited, Vec::from_iter(0..cities - 1));
    }
}

async fn a_limit_of_n_writes_makes_n(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = || {
        Probe::roads().hook("writes", |here, walk| {
            let mut city = here.decode::<City>()?;
            for _ in 0..3 {
                city.visits += 1;
                walk.save(&mut city);
            }
            walk.create(City::new("new"));
            Ok(Control::Continue)
        })
    };
    let mut before = 3;
    for writes in 0..6 {
        let outcome = run(world.walk(probe()).max_writes(writes)).await;
        assert_eq!(outcome.ended, Ended::Limit(Limit::Writes(writes)));
        assert_eq!(outcome.stats.written, writes, "saves of one node are one write");
        before += writes / 2;
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), before);
    }
    assert_eq!(run(world.walk(probe()).max_writes(6)).await.ended, Ended::Finished);
}

async fn a_limit_of_n_errors_keeps_n(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = || Probe::roads().hook("fails", |_, _| Err(refusal()));
    for errors in 0..3 {
        let walk = world.walk(probe()).on_error(OnError::Collect).max_errors(errors);
        let outcome = run(walk).await;
        assert_eq!((outcome.errors.len(), outcome.walker.visited.len()), (errors, errors + 1));
        assert_eq!(outcome.ended, Ended::Limit(Limit::Errors(errors)));
    }
    let walk = world.walk(probe()).on_error(OnError::Collect).max_errors(3);
    assert_eq!(run(walk).await.ended, Ended::Finished);
}

async fn a_limit_of_n_conflicts_keeps_n(graph: Graph) {
    let cases = [(1, Ended::Limit(Limit::Errors(1))), (2, Ended::Finished)];
    for ((conflicts, ended), batch) in cases.into_iter().flat_map(|case| [(case, 1), (case, 9)]) {
        let world = World::line(&graph, 3).await;
        let rival = graph.clone();
        let probe = Probe::roads().waits("works", move |here, walk| {
            let rival = rival.clone();
            Box::pin(async move {
                let mut city = here.decode::<City>()?;
                if city.name != "2" {
                    rival.modify::<City>(&city, |city| city.visits += 10).await?;
                }
                city.visits += 1;
                walk.save(&mut city);
                Ok(Control::Continue)
            })
        });
        let walk = world.walk(probe).on_conflict(OnConflict::Report).batch_size(batch);
        let outcome = run(walk.max_errors(conflicts)).await;
        assert_eq!((outcome.ended, outcome.conflicts.len()), (ended, conflicts));
    }
}

async fn a_hook_that_comes_to_a_limit_ends_its_visit(graph: Graph) {
    let world = World::star(&graph, 4).await;
    for chunk in [1, 1_000] {
        let probe = Probe::roads().hook("works", |here, walk| {
            walk.report(number(here));
            walk.report(number(here));
            let mut city = here.decode::<City>()?;
            city.visits += 1;
            walk.save(&mut city);
            Ok(Control::Continue)
        });
        let outcome = run(world.walk(probe).max_reports(3).chunk_size(chunk)).await;
        assert_eq!(outcome.walker.visited, [0, 1]);
        assert_eq!(outcome.stats.written, 2, "what it did besides stands");
    }
}
