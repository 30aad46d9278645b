//! A walk that was stopped and went on comes to the same as one that was not: a property test over random graphs, walkers
//! and ways to walk.

use std::sync::atomic::{AtomicUsize, Ordering};

use jvspatial_core::{Ended, ErrorKind, Graph, Outcome, Stats, WalkBuilder};
use jvspatial_db::{Collection, Id};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::checkpoint_plan::{Deed, Plan, Roamer, build, plan};
use crate::backends::graphs;
use crate::parallel::documents;
use crate::trap::Trap;

/// How many cases there are.
const CASES: u32 = 500;

/// All that can be seen of a walk.
#[derive(Debug, PartialEq)]
struct Seen {
    ended: Ended,
    error: Option<String>,
    stats: Vec<(&'static str, u64)>,
    trail: Vec<String>,
    sum: u64,
    exits: u32,
    /// What is in the database, with its versions.
    stored: Vec<(String, u64)>,
    reports: Vec<String>,
    errors: usize,
    conflicts: Vec<ErrorKind>,
}

/// Goes on until the end.
async fn to_the_end<const LEAVES: bool>(
    walk: WalkBuilder<Roamer<LEAVES>>,
) -> Outcome<Roamer<LEAVES>> {
    let mut outcome = walk.outcome().await.unwrap_or_else(|error| panic!("{error}"));
    for _ in 0..100 {
        if outcome.ended != Ended::Paused {
            break;
        }
        outcome = outcome.go_on().await;
    }
    outcome
}

async fn see<const LEAVES: bool>(graph: &Graph, outcome: Outcome<Roamer<LEAVES>>) -> Seen {
    let Stats { visited, edges, revisited, missing, added, already_visited, dropped, .. } =
        outcome.stats;
    let Stats { chunks, queries, bytes, written, unchanged, conflicts, batches, .. } =
        outcome.stats;
    let stats = vec![
        ("visited", visited),
        ("edges", edges),
        ("revisited", revisited),
        ("missing", missing),
        ("added", added),
        ("already visited", already_visited),
        ("dropped", dropped),
        ("chunks", chunks),
        ("queries", queries),
        ("bytes", bytes),
        ("written", written),
        ("unchanged", unchanged),
        ("conflicts", conflicts),
        ("batches", batches),
        ("peak", outcome.stats.peak_frontier as u64),
    ];
    let cities = &outcome.walker.cities;
    let name = |id: &Id| match cities.iter().position(|city| city == id) {
        Some(number) => number.to_string(),
        None => "another".to_owned(),
    };
    let steps = outcome.trail.steps().map(|step| {
        let jvspatial_core::Step { sequence, entity, edge, parent, depth, outcome, .. } = step;
        let (entity, by) = (name(entity), edge.is_some());
        format!("{sequence}: {entity} {by} from {parent:?} at {depth}: {outcome:?}")
    });
    let mut trail: Vec<String> = steps.collect();
    trail.push(format!("and {} before", outcome.trail.forgotten()));
    let mut stored = Vec::new();
    for collection in [Collection::Node, Collection::Edge] {
        for document in documents(graph, collection).await {
            let ends = document.ends.as_ref();
            let ends = ends.map(|ends| (name(&ends.source), name(&ends.target)));
            let fields = String::from_utf8_lossy(document.body.as_bytes()).into_owned();
            stored.push((format!("{ends:?} {fields}"), document.version.get()));
        }
    }
    stored.sort();
    Seen {
        ended: outcome.ended,
        error: outcome.error.as_ref().map(|error| error.kind().to_string()),
        stats,
        trail,
        sum: outcome.walker.sum,
        exits: outcome.walker.exits,
        stored,
        errors: outcome.errors.len(),
        conflicts: outcome.conflicts.iter().map(jvspatial_core::Error::kind).collect(),
        reports: outcome.reports,
    }
}

/// A name for a checkpoint that no other walk has.
fn another_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// How often walks were stopped and went on from a checkpoint.
static RESUMED: AtomicUsize = AtomicUsize::new(0);

async fn whole<const LEAVES: bool>(graph: &Graph, plan: &Plan) -> Seen {
    let walker = build::<LEAVES>(graph, plan).await;
    let walk = plan.shared(plan.begin(graph, walker, &another_name()));
    see(graph, to_the_end(walk).await).await
}

/// One graph for all lives: the keys of another would not sort after those that were made before.
async fn stopped<const LEAVES: bool>(graph: &Graph, trap: &Trap, plan: &Plan) -> Seen {
    let (walker, name) = (build::<LEAVES>(graph, plan).await, another_name());
    let applied = trap.applied.load(Ordering::Relaxed);
    let mut stops = plan.stops.iter();
    loop {
        let stop = stops.next().map_or((usize::MAX, false), |stop| *stop);
        let walk = match graph.resume::<Roamer<LEAVES>>(&name).await {
            Ok(walk) => {
                RESUMED.fetch_add(1, Ordering::Relaxed);
                walk
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if trap.applied.load(Ordering::Relaxed) > applied {
                    // It was stopped after its last write, of which nobody has heard.
                    return whole::<LEAVES>(graph, plan).await;
                }
                plan.begin(graph, walker.clone(), &name)
            }
            Err(error) => panic!("{error}"),
        };
        trap.set(stop.0, stop.1);
        let ended = trap.watch(to_the_end(plan.shared(walk))).await;
        trap.set(usize::MAX, false);
        if let Some(outcome) = ended {
            return see(graph, outcome).await;
        }
    }
}

async fn compare<const LEAVES: bool>(
    graph: &Graph,
    trap: &Trap,
    plan: &Plan,
) -> Result<(), TestCaseError> {
    let mut whole = whole::<LEAVES>(graph, plan).await;
    let mut stopped = stopped::<LEAVES>(graph, trap, plan).await;
    prop_assert!(whole.reports.ends_with(&stopped.reports), "{whole:#?} {stopped:#?}");
    prop_assert!(whole.conflicts.ends_with(&stopped.conflicts), "{whole:#?} {stopped:#?}");
    prop_assert!(stopped.errors <= whole.errors, "{whole:#?} {stopped:#?}");
    // One that is stopped between a chunk and its pause goes on without the pause, and its checkpoint: what was saved before
    // and after it in two batches is saved in one.
    let pauses = plan.deeds.iter().flatten().any(|deed| matches!(deed, Deed::Pause));
    // What is loaded ahead for nothing, because a hook took hold of the queue, is not asked for again.
    // Neither is what is loaded ahead of a limit: one that goes on may come to the limit before it loads anything.
    let wasted = matches!(whole.ended, Ended::Limit(_))
        || plan.deeds.iter().flatten().any(|deed| matches!(deed, Deed::Next(_) | Deed::Dequeue(_)));
    for seen in [&mut whole, &mut stopped] {
        if pauses {
            seen.stats.retain(|(name, _)| !["batches", "written", "unchanged"].contains(name));
            seen.stored.iter_mut().for_each(|(_, version)| *version = 0);
        }
        seen.stats.retain(|(name, _)| !wasted || *name != "queries");
        seen.reports.clear();
        seen.conflicts.clear();
        seen.errors = 0;
    }
    prop_assert!(whole == stopped, "whole {whole:#?} stopped {stopped:#?}");
    Ok(())
}

#[test]
fn a_walk_that_was_stopped_and_goes_on_comes_to_the_same_as_one_that_was_not() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.unwrap();
    let opened = runtime.block_on(graphs());
    let traps = opened.iter().map(|graph| Trap::new(graph, usize::MAX, false));
    let graphs: Vec<_> = traps.map(|trap| (trap.graph(), trap)).collect();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&plan(), |plan| {
        for (graph, trap) in &graphs {
            runtime.block_on(async {
                match plan.settings.leaves {
                    true => compare::<true>(graph, trap, &plan).await,
                    false => compare::<false>(graph, trap, &plan).await,
                }
            })?;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let resumed = RESUMED.load(Ordering::Relaxed);
    assert!(resumed > CASES as usize / 2, "only {resumed} walks went on from a checkpoint");
}
