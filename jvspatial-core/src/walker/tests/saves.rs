use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::*;
use crate::ErrorKind;
use crate::walker::{Control, Uniqueness};

/// One that counts up every town and follows every road.
fn counts() -> Probe {
    Probe::new(|town, walk| {
        town.seen += 1;
        walk.save(town);
        walk.follow(roads());
        Ok(Control::Continue)
    })
}

#[tokio::test]
async fn saves_are_written_in_batches() {
    let world = World::star(8).await;
    let outcome = run(world.walk(counts()).batch_size(3)).await;
    assert_eq!((outcome.stats.written, outcome.stats.batches), (8, 3));
    assert_eq!(world.calls().writes, [3, 3, 2]);
    for number in 0..8 {
        let town = world.get(number).await;
        assert_eq!((town.seen, town.version().get()), (1, 2));
    }
}

#[tokio::test]
async fn several_saves_of_one_node_become_one() {
    let world = World::line(1).await;
    let probe = Probe::new(|town, walk| {
        for _ in 0..3 {
            town.seen += 1;
            walk.save(town);
            assert_eq!(town.version().get(), 2, "the version it will have");
        }
        Ok(Control::Continue)
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!(outcome.stats.written, 1);
    let town = world.get(0).await;
    assert_eq!((town.seen, town.version().get()), (3, 2));
}

#[tokio::test]
async fn a_node_visited_again_is_read_as_the_walk_saved_it() {
    for chunk_size in [1, 2, 1_000] {
        for batch_size in [1, 2, 500] {
            let world = World::new(3, &[(0, 1), (0, 1), (0, 2), (1, 2), (2, 0)]).await;
            let walk = world.walk(counts()).uniqueness(Uniqueness::Unlimited);
            let walk = walk.chunk_size(chunk_size).batch_size(batch_size);
            let outcome = run(walk.max_steps(60)).await;
            let mut visits = [0; 3];
            for number in outcome.reports {
                visits[number as usize] += 1;
            }
            for (number, visits) in (0..).zip(visits) {
                assert_eq!(world.get(number).await.seen, visits);
            }
        }
    }
}

#[tokio::test]
async fn a_node_saved_again_while_its_save_is_being_written_keeps_both() {
    for pauses in [[0, 0], [1, 0], [0, 1], [7, 0], [0, 7], [3, 3]] {
        for chunk_size in [1, 2, 1_000] {
            for batch_size in [1, 2, 3] {
                let world = World::new(3, &[(0, 1), (0, 1), (0, 2), (1, 2), (2, 0)]).await;
                for (pause, count) in world.database.pauses.iter().zip(pauses) {
                    pause.store(count, Ordering::Relaxed);
                }
                let walk = world.walk(counts()).uniqueness(Uniqueness::Unlimited);
                let walk = walk.chunk_size(chunk_size).batch_size(batch_size);
                let outcome = run(walk.max_steps(60)).await;
                let seen: u32 = outcome.reports.len() as u32;
                let mut total = 0;
                for number in 0..3 {
                    let town = world.get(number).await;
                    total += town.seen;
                    assert!(town.version().get() > 1, "{pauses:?}");
                }
                assert_eq!(
                    total, seen,
                    "{pauses:?}, chunks of {chunk_size}, batches of {batch_size}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_pause_writes_what_was_saved() {
    let world = World::line(3).await;
    let probe = Probe::new(|town, walk| {
        town.seen += 1;
        walk.save(town);
        walk.follow(roads());
        Ok(if town.number == 1 { Control::Pause } else { Control::Continue })
    });
    let paused = run(world.walk(probe)).await;
    assert_eq!(paused.stats.written, 2);
    assert_eq!(world.get(1).await.seen, 1);
    let outcome = paused.resume().await.unwrap();
    assert_eq!(outcome.stats.written, 3);
}

#[tokio::test]
async fn saves_made_before_a_limit_are_written() {
    let world = World::line(5).await;
    let outcome = run(world.walk(counts()).max_steps(3)).await;
    assert_eq!(outcome.stats.written, 3);
    assert_eq!(world.get(2).await.seen, 1);
    assert_eq!(world.get(3).await.seen, 0);
}

#[tokio::test]
async fn a_conflict_names_the_document_and_both_versions_and_what_was_written() {
    let world = World::star(6).await;
    let stale = world.get(4).await;
    world.change(4).await;
    let probe = Probe::new(move |town, walk| {
        let mut stale = if town.number == 4 { stale.clone() } else { town.clone() };
        walk.save(&mut stale);
        walk.follow(roads());
        Ok(Control::Continue)
    });
    let error = world.walk(probe).batch_size(3).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "walker Probe: document was changed by someone else (id: n.Town.4, expected version: 1, \
         found version: 2, writes made: 5, writes dropped: 1)"
    );
    assert_eq!(world.get(5).await.version().get(), 2);
}

#[tokio::test]
async fn a_stale_copy_of_a_node_that_waits_to_be_written_is_a_conflict() {
    let world = World::line(1).await;
    let probe = Probe::new(|town, walk| {
        let mut copy = town.clone();
        walk.save(town);
        walk.save(&mut copy);
        assert_eq!(copy.version().get(), 1, "a refused save changes nothing");
        Ok(Control::Continue)
    });
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.context("expected version"), Some("1"));
    assert_eq!(error.context("found version"), Some("2"));
    assert_eq!(error.context("writes dropped"), Some("1"));
    assert_eq!(error.place().unwrap().at, Some(town(0)));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_walk_loses_the_saves_not_written_and_halves_none() {
    for milliseconds in (5..100).step_by(10) {
        let world = World::line(10).await;
        let mut probe = counts();
        probe.delay = Duration::from_millis(10);
        let walk = world.walk(probe).batch_size(2).run();
        let limit = Duration::from_millis(milliseconds);
        assert!(tokio::time::timeout(limit, walk).await.is_err());
        let visited = u32::try_from(milliseconds / 10).unwrap();
        for number in 0..10 {
            let written = u32::from(number < visited / 2 * 2);
            assert_eq!(world.get(number).await.seen, written);
        }
    }
}

#[tokio::test]
async fn a_save_that_cannot_be_encoded_ends_the_walk_at_its_node() {
    let world = World::line(2).await;
    let probe = Probe::new(|town, walk| {
        town.unfit = true;
        walk.save(town);
        assert_eq!(town.version().get(), 1);
        Ok(Control::Continue)
    });
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(error.place().unwrap().at, Some(town(0)));
    assert!(error.to_string().contains("this town cannot be written"), "{error}");
}

#[tokio::test]
async fn a_save_of_an_exit_hook_that_cannot_be_encoded_is_an_error() {
    let world = World::line(1).await;
    let mut town = world.get(0).await;
    let mut probe = Probe::roads();
    probe.farewell = Some(Box::new(move |walk| {
        town.unfit = true;
        walk.save(&mut town);
        Ok(())
    }));
    let error = world.walk(probe).run().await.err().unwrap();
    assert!(error.to_string().contains("this town cannot be written"), "{error}");
}
