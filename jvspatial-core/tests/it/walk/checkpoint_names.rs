//! Which checkpoint a walk goes on from, and what is refused.

use std::sync::atomic::Ordering;

use jvspatial_core::{Control, Ended, ErrorKind, Graph, Here, HookError, Walk, Walker, WriteMode};
use jvspatial_db::{Collection, WriteBatch};
use serde::{Deserialize, Serialize};

use super::checkpoint_tally::*;
use super::support::*;
use crate::parallel::documents;
use crate::trap::Trap;

on_every_backend!(
    a_checkpoint_of_another_version_or_walker_is_refused_with_both,
    a_second_walk_of_a_name_is_refused,
    a_second_runner_comes_to_a_conflict_and_changes_nothing,
    a_checkpoint_of_an_earlier_walk_is_not_taken_for_that_of_a_later_one,
    a_name_is_any_text_of_bounded_length,
    checkpoints_are_listed_and_discarded,
    a_discarded_checkpoint_ends_its_walk_with_a_conflict,
    settings_are_kept_and_those_that_decide_the_course_cannot_be_changed,
    what_cannot_be_made_again_is_refused,
    a_walker_that_cannot_be_read_any_more_is_told,
    a_checkpoint_that_declares_more_parts_than_there_can_be_is_corrupt,
);

async fn a_checkpoint_of_another_version_or_walker_is_refused_with_both(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = graph.resume::<Tallies<7>>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let versions = ["expected version", "found version"].map(|fact| error.context(fact));
    assert_eq!(versions, [Some("7"), Some("1")]);

    #[derive(Debug, Serialize, Deserialize)]
    struct Other;
    impl Walker for Other {
        type Report = ();
        const NAME: &'static str = "Other";
        async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
            Ok(Control::Continue)
        }
    }
    let error = graph.resume::<Other>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let walkers = ["expected walker", "found walker"].map(|fact| error.context(fact));
    assert_eq!(walkers, [Some("Other"), Some("Tally")]);
    assert_eq!(graph.resume::<Tally>("other").await.unwrap_err().kind(), ErrorKind::NotFound);
    let _ = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(told(&world).await, [(1, 1); 9]);
}

async fn a_second_walk_of_a_name_is_refused(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = tally(&graph, &world).checkpoint("tally", 1).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate, "{error}");
    assert_eq!(error.context("checkpoint"), Some("\"tally\""));
    let _ = run(tally(&graph, &world).checkpoint("another", 1)).await;
}

async fn a_second_runner_comes_to_a_conflict_and_changes_nothing(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let slow = graph.resume::<Tally>("tally").await.unwrap();
    let fast = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(fast.ended, Ended::Finished);
    let outcome = end(slow).await;
    assert_eq!((outcome.ended, outcome.walker.exits.len()), (Ended::Failed, 0));
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("used by another walk"), "{error}");
    assert_eq!((told(&world).await, sums(&graph).await), (vec![(1, 1); 9], vec![9]));

    // Two that go on at once.
    let world = self::world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let first = graph.resume::<Tally>("tally").await.unwrap();
    let second = graph.resume::<Tally>("tally").await.unwrap();
    let (first, second) = tokio::join!(first.run(), second.run());
    let errors: Vec<_> = [first.err(), second.err()].into_iter().flatten().collect();
    assert_eq!(errors.len(), 1, "one of them");
    assert_eq!(errors[0].kind(), ErrorKind::Conflict, "{}", errors[0]);
    assert_eq!((told(&world).await, kept(&graph).await), (vec![(1, 1); 9], 0));
}

async fn a_checkpoint_of_an_earlier_walk_is_not_taken_for_that_of_a_later_one(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let stale = graph.resume::<Tally>("tally").await.unwrap();
    assert!(graph.discard_checkpoint("tally").await.unwrap());
    // The same walk again, come just as far.
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = stale.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let _ = run(graph.resume::<Tally>("tally").await.unwrap()).await;
    assert_eq!(kept(&graph).await, 0);
}

async fn a_name_is_any_text_of_bounded_length(graph: Graph) {
    let world = world(&graph).await;
    let long = "/".repeat(60);
    for name in ["nightly/../recount", "\u{0}\n\"\\", "тур по городам", "%2e", ".", &long]
    {
        let trap = Trap::new(&graph, 1, false);
        let walk = tally(&trap.graph(), &world).checkpoint(name, 1);
        assert!(trap.watch(walk.run()).await.is_none());
        assert_eq!(graph.checkpoints().await.unwrap()[0].name, name);
        let _ = run(graph.resume::<Tally>(name).await.unwrap()).await;
    }
    let longer = "x".repeat(61);
    for (name, kind) in [("", ErrorKind::Invalid), (longer.as_str(), ErrorKind::Limit)] {
        let walk = tally(&graph, &world).checkpoint(name, 1);
        assert_eq!(walk.run().await.unwrap_err().kind(), kind);
        assert_eq!(graph.resume::<Tally>(name).await.unwrap_err().kind(), kind);
        assert_eq!(graph.discard_checkpoint(name).await.unwrap_err().kind(), kind);
    }
    let error = tally(&graph, &world).checkpoint("never", 0).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

async fn checkpoints_are_listed_and_discarded(graph: Graph) {
    assert!(graph.checkpoints().await.unwrap().is_empty());
    let world = world(&graph).await;
    for name in ["b", "a"] {
        let trap = Trap::new(&graph, 2, false);
        let walk = tally(&trap.graph(), &world).checkpoint(name, 1);
        assert!(trap.watch(walk.run()).await.is_none());
    }
    let listed = graph.checkpoints().await.unwrap();
    let names: Vec<_> = listed.iter().map(|checkpoint| checkpoint.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!((listed[0].walker.as_str(), listed[0].version), ("Tally", 1));
    assert_eq!((listed[0].visited, listed[0].waiting, listed[0].written), (3, 2, 3));
    assert!(graph.discard_checkpoint("a").await.unwrap());
    assert!(!graph.discard_checkpoint("a").await.unwrap());
    assert_eq!(graph.checkpoints().await.unwrap().len(), 1);
    assert!(graph.discard_checkpoint("b").await.unwrap());
    assert_eq!(kept(&graph).await, 0, "nothing of them is left");
}

async fn a_discarded_checkpoint_ends_its_walk_with_a_conflict(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let walk = graph.resume::<Tally>("tally").await.unwrap();
    assert!(graph.discard_checkpoint("tally").await.unwrap());
    let error = walk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(kept(&graph).await, 0);
}

async fn settings_are_kept_and_those_that_decide_the_course_cannot_be_changed(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let resumed = || async { graph.resume::<Tally>("tally").await.unwrap() };
    for walk in [
        resumed().await.depth_first(),
        resumed().await.from(world.id(1)),
        resumed().await.uniqueness(jvspatial_core::Uniqueness::Unlimited),
        resumed().await.checkpoint("another", 1),
    ] {
        let error = walk.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    let trap = Trap::new(&graph, usize::MAX, false);
    let resumed = trap.graph().resume::<Tally>("tally").await.unwrap();
    let _ = run(resumed.chunk_size(1).checkpoint("tally", 4)).await;
    assert_eq!(told(&world).await, [(1, 1); 9]);
    assert_eq!(trap.atomic.load(Ordering::Relaxed), 3, "after chunks 4 and 8, and at the end");
}

async fn what_cannot_be_made_again_is_refused(graph: Graph) {
    let world = world(&graph).await;
    let walk = || tally(&graph, &world).checkpoint("tally", 1);
    for mode in [WriteMode::Immediate, WriteMode::Atomic] {
        let error = walk().write_mode(mode).run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    assert_eq!(walk().dry_run().await.unwrap_err().kind(), ErrorKind::Unsupported);
    let plain = tally(&Trap::without_atomic_batches(&graph), &world).checkpoint("tally", 1);
    let error = plain.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");

    #[derive(Debug, Serialize, Deserialize)]
    struct Nests;
    impl Walker for Nests {
        type Report = u32;
        const NAME: &'static str = "Nests";
        async fn visit(
            &mut self,
            _: &mut Here,
            walk: &mut Walk<Self>,
        ) -> Result<Control, HookError> {
            let _ = walk.spawn(Tally::default()).run().await?;
            Ok(Control::Continue)
        }
    }
    let walk = graph.walk(Nests).from(world.id(0)).checkpoint("nests", 1);
    assert_eq!(Box::pin(walk.run()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!((kept(&graph).await, told(&world).await), (0, vec![(0, 0); 9]));
}

async fn a_walker_that_cannot_be_read_any_more_is_told(graph: Graph) {
    #[derive(Debug, Serialize, Deserialize)]
    struct Changed {
        cities: String,
    }
    impl Walker for Changed {
        type Report = ();
        const NAME: &'static str = "Tally";
        async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
            Ok(Control::Continue)
        }
    }
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let error = graph.resume::<Changed>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("cities"), "{error}");
    assert_eq!(graph.checkpoints().await.unwrap().len(), 1);
}

async fn a_checkpoint_that_declares_more_parts_than_there_can_be_is_corrupt(graph: Graph) {
    let world = world(&graph).await;
    assert!(stop_at(&graph, &world, 1, false).await.is_none());
    let stored = documents(&graph, Collection::System).await;
    let head = stored.into_iter().find(|found| found.id.entity() == "WalkCheckpoint").unwrap();
    let mut fields: bson::Document = head.decode().unwrap();
    fields.get_document_mut("head").unwrap().insert("past_parts", i64::from(u32::MAX));
    let mut batch = WriteBatch::new(graph.database().capabilities().encoding);
    batch.update(head.id, head.version, &fields).unwrap();
    assert!(graph.database().write(batch).await.unwrap().is_complete());
    let error = graph.resume::<Tally>("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let error = graph.discard_checkpoint("tally").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
