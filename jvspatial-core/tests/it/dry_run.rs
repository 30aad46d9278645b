//! A dry run shows what a walk would change, changes nothing, and can be made true.

use std::pin::Pin;

use jvspatial_core::__private::guard;
use jvspatial_core::{
    ChangeKind, Control, DryRun, Ended, Error, ErrorKind, Graph, Here, HookError, PlannedChange,
    Result, Stored, Walk, WalkBuilder, Walker, WriteMode, out,
};
use jvspatial_db::{Collection, Document, Id, Version};
use proptest::prelude::*;

use crate::backends::graphs;
use crate::model::{City, Road};
use crate::parallel::{Plan, Way, builder, documents, plan, seen};
use crate::spy::Spy;

type Doing<'a> = Pin<Box<dyn Future<Output = Result<Control>> + Send + 'a>>;

type Hook = Box<dyn for<'a> FnMut(Stored<City>, &'a mut Walk<Act>) -> Doing<'a> + Send>;

/// A walker along all roads with one hook.
struct Act(Hook);

impl Walker for Act {
    type Report = String;
    const NAME: &'static str = "Act";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        walk.follow(out::<Road>());
        let city = here.decode::<City>()?;
        let answer = guard((self.0)(city, walk)).await;
        walk.answered("act", answer)
    }
}

fn act(
    hook: impl for<'a> FnMut(Stored<City>, &'a mut Walk<Act>) -> Doing<'a> + Send + 'static,
) -> Act {
    Act(Box::new(hook))
}

/// Cities on a line, by name.
async fn line(graph: &Graph, names: &[&str]) -> Vec<Stored<City>> {
    let cities = graph.create_many(names.iter().map(|name| City::new(name))).await.unwrap();
    for pair in cities.windows(2) {
        graph.connect(&pair[0], &pair[1], Road { km: 1 }).await.unwrap();
    }
    cities
}

/// Everything that is stored.
async fn everything(graph: &Graph) -> Vec<String> {
    stored(graph, |_| {}).await
}

async fn stored(graph: &Graph, change: impl Fn(&mut Document)) -> Vec<String> {
    let mut stored = Vec::new();
    for collection in [Collection::Node, Collection::Edge, Collection::Object] {
        for mut document in documents(graph, collection).await {
            change(&mut document);
            stored.push(document.to_bson().unwrap().to_string());
        }
    }
    stored.sort();
    stored
}

/// Of each change, what becomes of which, and its versions.
fn summary(changes: &[PlannedChange]) -> Vec<(ChangeKind, Id, Option<u64>, Option<u64>)> {
    let number = |version: Option<Version>| version.map(Version::get);
    let line = |change: &PlannedChange| {
        (change.kind, change.id.clone(), number(change.before), number(change.after))
    };
    changes.iter().map(line).collect()
}

async fn dry<W: Walker>(walk: WalkBuilder<W>) -> DryRun<W> {
    walk.dry_run().await.unwrap_or_else(|error| panic!("{error}"))
}

async fn changes_are_told_and_not_made_until_they_are_applied(graph: Graph) {
    let cities = line(&graph, &["a", "b", "c"]).await;
    let before = everything(&graph).await;
    let walker = act(|mut city, walk| {
        Box::pin(async move {
            match city.name.as_str() {
                "a" => {
                    city.visits = 7;
                    walk.save(&mut city);
                    let founded = walk.create(City::new("d"));
                    walk.connect(&city, &founded, Road { km: 9 });
                }
                "c" => walk.delete(&city),
                _ => {}
            }
            Ok(Control::Continue)
        })
    });
    let dry_run = dry(graph.walk(walker).from(&cities[0]).batch_size(1)).await;
    assert_eq!(everything(&graph).await, before, "a dry run changes nothing");
    assert_eq!(dry_run.outcome.ended, Ended::Finished);
    let kinds: Vec<_> = dry_run.changes.iter().map(|change| change.kind).collect();
    let (created, updated, deleted) =
        (ChangeKind::Created, ChangeKind::Updated, ChangeKind::Deleted);
    assert_eq!(kinds, [deleted, deleted, updated, created, created]);
    let [road, gone, saved, founded, joined] = &dry_run.changes[..] else { unreachable!() };
    let ends = road.ends.as_ref().unwrap();
    assert_eq!((&ends.source, &ends.target), (cities[1].id(), cities[2].id()));
    assert_eq!(
        summary(std::slice::from_ref(gone))[0],
        (deleted, cities[2].id().clone(), Some(1), None)
    );
    assert_eq!(
        summary(std::slice::from_ref(saved))[0],
        (updated, cities[0].id().clone(), Some(1), Some(2))
    );
    assert_eq!(saved.document.as_ref().unwrap().decode::<City>().unwrap().visits, 7);
    let ends = joined.ends.as_ref().unwrap();
    assert_eq!((&ends.source, &ends.target), (cities[0].id(), &founded.id));
    assert_eq!((founded.before, founded.after), (None, Some(Version::FIRST)));

    let applied = dry_run.apply().await.unwrap();
    assert_eq!((applied.written, applied.detached), (5, 0));
    assert_eq!(graph.get::<City>(&cities[0]).await.unwrap().unwrap().visits, 7);
    assert!(graph.get::<City>(&cities[2]).await.unwrap().is_none());
    assert_eq!(graph.edges::<Road>().count().await.unwrap(), 2);
    let error = dry_run.apply().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "what is applied is not applied again: {error}");
}

async fn of_each_document_the_net_change_is_told(graph: Graph) {
    let cities = line(&graph, &["a", "b"]).await;
    for mode in [WriteMode::Batched, WriteMode::Immediate, WriteMode::Atomic] {
        let walker = act(|mut city, walk| {
            Box::pin(async move {
                if city.name == "a" {
                    city.visits += 1;
                    walk.save(&mut city);
                } else {
                    let founded = walk.graph().create(City::new("c")).await?;
                    walk.graph().connect(&city, &founded, Road { km: 2 }).await?;
                    walk.graph().delete(&founded).await?;
                    let all = walk.graph().nodes::<City>();
                    all.update(|city| city.visits.inc(10)).many().await?;
                    let mut read = walk.graph().get::<City>(&city).await?.unwrap();
                    read.visits += 100;
                    walk.graph().save(&mut read).await?;
                }
                Ok(Control::Continue)
            })
        });
        let walk = graph.walk(walker).from(&cities[0]).chunk_size(1).batch_size(1);
        let dry_run = dry(walk.write_mode(mode)).await;
        assert!(dry_run.outcome.error.is_none(), "{:?}", dry_run.outcome.error);
        let mut told = summary(&dry_run.changes);
        told.sort_by(|a, b| a.1.cmp(&b.1));
        let once = |city: usize| (ChangeKind::Updated, cities[city].id().clone(), Some(1), Some(2));
        assert_eq!(told, [once(0), once(1)], "{mode:?}");
        let visits = |change: &PlannedChange| {
            change.document.as_ref().unwrap().decode::<City>().unwrap().visits
        };
        let mut visits: Vec<_> = dry_run.changes.iter().map(visits).collect();
        visits.sort_unstable();
        assert_eq!(visits, [11, 110], "{mode:?}");
    }
}

async fn a_document_that_others_changed_is_named_and_nothing_is_written(graph: Graph) {
    let cities = line(&graph, &["a", "b", "c"]).await;
    let plan = || {
        let walker = act(|mut city, walk| {
            Box::pin(async move {
                city.visits += 1;
                walk.save(&mut city);
                if city.name == "a" {
                    let founded = walk.create(City::new("d"));
                    walk.connect(&city, &founded, Road { km: 9 });
                }
                Ok(Control::Continue)
            })
        });
        dry(graph.walk(walker).from(&cities[0]))
    };
    let dry_run = plan().await;
    graph.modify::<City>(&cities[1], |city| city.visits = 50).await.unwrap();
    let before = everything(&graph).await;
    let error = dry_run.apply().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(error.context("id"), Some(&*cities[1].id().to_string()), "{error}");
    assert_eq!(error.context("found version"), Some("2"), "{error}");
    assert_eq!(everything(&graph).await, before);

    let dry_run = plan().await;
    graph.delete(&cities[2]).await.unwrap();
    let before = everything(&graph).await;
    let error = dry_run.apply().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(error.context("id"), Some(&*cities[2].id().to_string()), "{error}");
    assert_eq!(everything(&graph).await, before);

    let mut dry_run = plan().await;
    dry_run.changes.retain(|change| change.id != *cities[2].id());
    graph.modify::<City>(&cities[0], |city| city.visits = 50).await.unwrap();
    dry_run.changes.retain(|change| change.id != *cities[0].id());
    assert_eq!(dry_run.apply().await.unwrap().written, 3, "what is taken out is not applied");
}

async fn a_walk_that_failed_tells_what_it_would_leave_but_is_not_applied_unasked(graph: Graph) {
    let cities = line(&graph, &["a", "b"]).await;
    for (mode, left) in [(WriteMode::Immediate, 1), (WriteMode::Atomic, 0)] {
        let walker = act(|mut city, walk| {
            Box::pin(async move {
                if city.name == "b" {
                    return Err(Error::new(ErrorKind::Application, "refused"));
                }
                walk.save(&mut city);
                Ok(Control::Continue)
            })
        });
        let mut dry_run = dry(graph.walk(walker).from(&cities[0]).write_mode(mode)).await;
        assert_eq!(dry_run.outcome.ended, Ended::Failed);
        assert_eq!(dry_run.changes.len(), left, "{mode:?}");
        let error = dry_run.apply().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        let error = dry_run.outcome.error.take().unwrap();
        assert_eq!(error.place().unwrap().at.as_ref(), Some(cities[1].id()));
        assert_eq!(dry_run.apply().await.unwrap().written, left);
    }
}

async fn a_pause_ends_a_dry_run(graph: Graph) {
    let cities = line(&graph, &["a", "b"]).await;
    let walker = act(|mut city, walk| {
        Box::pin(async move {
            walk.save(&mut city);
            Ok(Control::Pause)
        })
    });
    let dry_run = dry(graph.walk(walker).from(&cities[0])).await;
    assert_eq!(dry_run.outcome.ended, Ended::Paused);
    assert_eq!(dry_run.changes.len(), 1);
    assert_eq!(dry_run.apply().await.unwrap().written, 1);
    let outcome = dry_run.outcome.resume().await.unwrap();
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Paused, 1));
}

async fn a_handle_that_a_hook_kept_is_closed_afterwards(graph: Graph) {
    let cities = line(&graph, &["a"]).await;
    let (keep, kept) = std::sync::mpsc::channel();
    let walker = act(move |_, walk| {
        keep.send(walk.graph().clone()).unwrap();
        Box::pin(async { Ok(Control::Continue) })
    });
    let dry_run = dry(graph.walk(walker).from(&cities[0])).await;
    assert!(dry_run.changes.is_empty());
    assert_eq!(dry_run.apply().await.unwrap().written, 0);
    let kept = kept.recv().unwrap();
    let error = kept.create(City::new("late")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[tokio::test]
async fn a_backend_without_transactions_has_no_dry_runs() {
    let (graph, _) = Spy::graph();
    let cities = line(&graph, &["a"]).await;
    let walker = act(|_, _| Box::pin(async { Ok(Control::Continue) }));
    let error = graph.walk(walker).from(&cities[0]).dry_run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

on_every_backend!(
    changes_are_told_and_not_made_until_they_are_applied,
    of_each_document_the_net_change_is_told,
    a_document_that_others_changed_is_named_and_nothing_is_written,
    a_walk_that_failed_tells_what_it_would_leave_but_is_not_applied_unasked,
    a_pause_ends_a_dry_run,
    a_handle_that_a_hook_kept_is_closed_afterwards,
);

/// The walk of a plan made on one graph, and on another as a dry run that is applied.
async fn compare(plan: &Plan, way: Way) -> Result<(), TestCaseError> {
    // Several saves of a document are one.
    let without_version = |document: &mut Document| document.version = Version::NONE;
    for (walked, dried) in graphs().await.iter().zip(graphs().await) {
        let plan = match walked.database().capabilities().ordinals {
            true => plan.clone().without_names(),
            false => plan.clone(),
        };
        let plan = &plan;
        let mut outcome = builder(walked, plan, way).await.outcome().await.unwrap();
        let builder = builder(&dried, plan, way).await;
        let before = everything(&dried).await;
        let mut dry_run = dry(builder).await;
        prop_assert_eq!(&everything(&dried).await, &before);
        let error = dry_run.outcome.error.take();
        let applied = dry_run.apply().await;
        prop_assert!(applied.is_ok(), "{applied:?}");
        dry_run.outcome.error = error;
        // Whoever knows nodes by ordinals leaves some out without counting them; a transaction does not.
        outcome.stats.already_visited = dry_run.outcome.stats.already_visited;
        let ended = vec![outcome.ended];
        let walk = seen(outcome, ended, stored(walked, without_version).await);
        let ended = vec![dry_run.outcome.ended];
        let dry = seen(dry_run.outcome, ended, stored(&dried, without_version).await);
        prop_assert!(walk == dry, "{}", walk.first_difference(&dry));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dry_run_that_is_applied_leaves_what_the_walk_leaves(
        plan in plan(),
        way in prop_oneof![
            2 => Just(Way::Sequential),
            1 => Just(Way::Parallel { workers: 3, concurrency: 5 }),
            1 => Just(Way::Forked { workers: 2 }),
        ],
    ) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
        runtime.unwrap().block_on(compare(&plan, way))?;
    }
}
