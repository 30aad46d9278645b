use super::support::*;
use crate::walker::{Control, Ended};

#[tokio::test]
async fn skip_leaves_out_the_nodes_other_hooks_and_keeps_its_wishes() {
    let world = World::line(3).await;
    let outcome = run(world.walk(Probe::stops(1, Control::Skip))).await;
    assert_eq!(outcome.reports, [0, 1, 2]);
    assert_eq!((outcome.walker.towns, outcome.walker.anys), (3, 2));
    assert_eq!(outcome.ended, Ended::Finished);
}

#[tokio::test]
async fn disengage_stops_at_once_also_within_a_chunk() {
    let world = World::star(6).await;
    let outcome = run(world.walk(Probe::stops(3, Control::Disengage))).await;
    assert_eq!(outcome.ended, Ended::Disengaged);
    assert_eq!(outcome.reports, [0, 1, 2, 3]);
    assert_eq!(outcome.walker.anys, 3, "the node's other hooks are left out");
    assert_eq!(outcome.walker.exits, 1);
    assert_eq!(world.calls().expansions, [1], "nothing is asked any more");
}

#[tokio::test]
async fn disengage_from_the_last_hook_stops_as_well() {
    let world = World::line(3).await;
    let mut probe = Probe::roads();
    probe.any = Control::Disengage;
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.reports, [0]);
}

#[tokio::test]
async fn a_paused_walk_resumes_as_if_it_had_not_stopped() {
    let roads = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 7)];
    for depth_first in [false, true] {
        for chunk_size in [1, 2, 1_000] {
            for at in 0..8 {
                let world = World::new(8, &roads).await;
                let walk = |probe| {
                    let walk = world.walk(probe).chunk_size(chunk_size).trail(100);
                    if depth_first { walk.depth_first() } else { walk }
                };
                let through = run(walk(Probe::roads())).await;
                let paused = run(walk(Probe::stops(at, Control::Pause))).await;
                assert_eq!(paused.ended, Ended::Paused);
                assert_eq!(paused.reports.last(), Some(&at), "nothing after the pause");
                assert_eq!(paused.walker.exits, 0);
                let steps = paused.stats.visited;

                let resumed = paused.resume().await.unwrap();
                assert_eq!(resumed.ended, Ended::Finished);
                assert_eq!(resumed.reports, through.reports);
                assert_eq!(resumed.stats.visited, 8);
                assert_eq!(resumed.walker.towns, 8, "no hook runs twice");
                assert_eq!(resumed.walker.anys, 7, "the pause left one out");
                assert_eq!(resumed.walker.exits, 1);
                assert!(steps <= 8);
                let ways = |trail: &crate::walker::Trail| {
                    let steps = trail.steps();
                    steps
                        .map(|s| (s.sequence, s.entity.clone(), s.parent, s.edge.clone()))
                        .collect::<Vec<_>>()
                };
                assert_eq!(ways(&resumed.trail), ways(&through.trail));
            }
        }
    }
}

#[tokio::test]
async fn limits_count_on_after_a_pause() {
    let world = World::line(6).await;
    let outcome = run(world.walk(Probe::stops(1, Control::Pause)).max_steps(4)).await;
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.reports, [0, 1, 2, 3]);
}

#[tokio::test]
async fn what_a_reader_took_at_a_pause_is_not_reported_again() {
    let world = World::line(4).await;
    let mut outcome = run(world.walk(Probe::stops(1, Control::Pause))).await;
    assert_eq!(std::mem::take(&mut outcome.reports), [0, 1]);
    assert_eq!(outcome.resume().await.unwrap().reports, [2, 3]);
}

#[tokio::test]
async fn resuming_a_walk_that_is_over_changes_nothing() {
    let world = World::line(3).await;
    let outcome = run(world.walk(Probe::roads())).await;
    let again = outcome.resume().await.unwrap();
    assert_eq!((again.reports.as_slice(), again.walker.exits), (&[0, 1, 2][..], 1));
}

#[tokio::test]
async fn exit_hooks_run_once_and_can_report_and_save() {
    let world = World::line(2).await;
    let mut town = world.get(1).await;
    let mut probe = Probe::roads();
    probe.farewell = Some(Box::new(move |walk| {
        assert_eq!((walk.step(), walk.depth()), (2, 1));
        walk.follow(roads());
        walk.report(99);
        town.seen = 7;
        walk.save(&mut town);
        Ok(())
    }));
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.reports, [0, 1, 99]);
    assert_eq!((outcome.walker.exits, outcome.stats.written), (1, 1));
    assert_eq!(world.get(1).await.seen, 7);
}
