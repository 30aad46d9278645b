//! Reports as they come, walks visit by visit, and observers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use jvspatial_core::{
    Control, Ended, ErrorKind, Graph, Limit, Observer, OnError, Progress, WalkBuilder, Walker,
};

use super::support::*;
use crate::model::City;

on_every_backend!(
    a_stream_has_every_report_in_order,
    a_walk_runs_no_further_ahead_of_its_reader_than_there_is_room,
    a_stream_ends_with_the_error_after_the_reports,
    a_stream_that_never_begins_says_why,
    a_stream_dropped_in_the_middle_ends_the_walk,
    a_paused_stream_goes_on_from_its_outcome,
    a_stepper_visits_as_a_run_does,
    a_stepper_writes_after_each_step,
    a_stepper_hands_over_to_a_run,
    a_stepper_tells_the_error_once,
    an_observer_is_told_everything_in_order,
    an_observer_hears_of_limits_and_pauses,
);

fn reporting() -> Probe {
    Probe::roads().hook("reports", |here, walk| {
        walk.report(number(here));
        Ok(Control::Continue)
    })
}

async fn a_stream_has_every_report_in_order(graph: Graph) {
    let world = World::star(&graph, 50).await;
    for (room, chunk) in [(1, 1), (1, 1_000), (7, 10), (1_000, 1_000)] {
        let probe = reporting().exit(|_, walk| {
            walk.report(100);
            Ok(())
        });
        let mut stream = world.walk(probe).report_room(room).chunk_size(chunk).stream();
        assert!(stream.take_outcome().is_none());
        let reports: Vec<u32> = (&mut stream).try_collect().await.unwrap();
        assert_eq!(reports, Vec::from_iter((0..50).chain([100])));
        assert_eq!(stream.try_next().await.unwrap(), None);
        let outcome = stream.take_outcome().unwrap();
        assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, 50));
        assert!(outcome.reports.is_empty());
        assert_eq!(outcome.walker.exits, [Ended::Finished]);
    }
}

async fn a_walk_runs_no_further_ahead_of_its_reader_than_there_is_room(graph: Graph) {
    let world = World::star(&graph, 60).await;
    for room in [1, 5, 20] {
        let visits = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&visits);
        let probe = reporting().hook("counts", move |_, _| {
            seen.fetch_add(1, Ordering::Relaxed);
            Ok(Control::Continue)
        });
        let mut stream = world.walk(probe).report_room(room).stream();
        assert_eq!(visits.load(Ordering::Relaxed), 0, "nothing happens before it is polled");
        for taken in 1..=60 {
            assert!(stream.try_next().await.unwrap().is_some());
            let ahead = visits.load(Ordering::Relaxed) - taken;
            assert!(ahead as usize <= room + 1, "{ahead} ahead with room for {room}");
        }
        assert_eq!(stream.try_next().await.unwrap(), None);
    }
}

async fn a_stream_ends_with_the_error_after_the_reports(graph: Graph) {
    let world = World::star(&graph, 9).await;
    let fails =
        || {
            reporting().hook("fails", |here, _| {
                if is(here, 5) { Err(refusal()) } else { Ok(Control::Continue) }
            })
        };
    let mut stream = world.walk(fails()).report_room(2).stream();
    let mut reports = Vec::new();
    let error = loop {
        match stream.try_next().await {
            Ok(Some(report)) => reports.push(report),
            Ok(None) => panic!("it ended without its error"),
            Err(error) => break error,
        }
    };
    assert_eq!(reports, [0, 1, 2, 3, 4, 5]);
    assert_eq!(error.place().unwrap().hook, Some("fails"));
    assert_eq!(stream.try_next().await.unwrap(), None, "the error comes once");
    let outcome = stream.take_outcome().unwrap();
    assert_eq!((outcome.ended, outcome.walker.exits), (Ended::Failed, vec![Ended::Failed]));
    let mut stream = world.walk(fails()).on_error(OnError::Collect).stream();
    let reports: Vec<u32> = (&mut stream).try_collect().await.unwrap();
    assert_eq!(reports.len(), 9);
    assert_eq!(stream.take_outcome().unwrap().errors.len(), 1);
}

async fn a_stream_that_never_begins_says_why(graph: Graph) {
    let world = World::line(&graph, 1).await;
    let mut stream = world.walk(reporting()).chunk_size(0).stream();
    assert_eq!(stream.try_next().await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(stream.try_next().await.unwrap(), None);
    assert!(stream.take_outcome().is_none());
}

async fn a_stream_dropped_in_the_middle_ends_the_walk(graph: Graph) {
    let world = World::line(&graph, 9).await;
    let probe = reporting().hook("saves", |here, walk| {
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        Ok(Control::Continue)
    });
    let mut stream = world.walk(probe).report_room(1).batch_size(1).stream();
    for city in 0..3 {
        assert_eq!(stream.try_next().await.unwrap(), Some(city));
    }
    drop(stream);
    let visits: Vec<_> = world.visits().await.into_iter().flatten().collect();
    assert_eq!(visits[6..], [0, 0, 0], "it went no further");
    assert!(visits.is_sorted_by(|before, after| before >= after), "{visits:?}");
    let outcome = run(world.walk(reporting())).await;
    assert_eq!(outcome.reports.len(), 9, "the graph is as usable as before");
}

async fn a_paused_stream_goes_on_from_its_outcome(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let probe = reporting()
        .hook("pauses", |here, _| Ok(if is(here, 1) { Control::Pause } else { Control::Continue }));
    let mut stream = world.walk(probe).max_reports(3).stream();
    let reports: Vec<u32> = (&mut stream).try_collect().await.unwrap();
    assert_eq!(reports, [0, 1]);
    let outcome = stream.take_outcome().unwrap();
    drop(stream);
    assert_eq!(outcome.ended, Ended::Paused);
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.reports, [2]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Reports(3)), "those of the stream count");
}

fn ordered<W: Walker>(walk: WalkBuilder<W>, order: u8) -> WalkBuilder<W> {
    match order {
        0 => walk,
        1 => walk.depth_first(),
        _ => walk.by_rank(),
    }
}

async fn a_stepper_visits_as_a_run_does(graph: Graph) {
    let roads = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 0), (2, 5)];
    let world = World::new(&graph, 6, &roads).await;
    for order in 0..3 {
        let whole = run(ordered(world.walk(reporting()), order).trail(9)).await;
        let mut stepper = ordered(world.walk(reporting()), order).trail(9).stepper();
        assert!(stepper.outcome().is_none());
        let mut steps = 0;
        while stepper.step().await.unwrap() {
            steps += 1;
            let outcome = stepper.outcome().unwrap();
            assert_eq!(outcome.reports, whole.reports[..steps]);
            assert_eq!(outcome.walker.exits.len(), usize::from(outcome.ended != Ended::Paused));
        }
        assert!(!stepper.step().await.unwrap(), "it is over");
        let outcome = stepper.into_outcome().unwrap();
        assert_eq!((steps, outcome.ended), (6, Ended::Finished));
        assert_eq!(outcome.walker.exits, [Ended::Finished]);
        let way = |outcome: &jvspatial_core::Outcome<Probe>| {
            let steps = outcome.trail.recent(9).map(|step| (step.entity.clone(), step.parent));
            steps.collect::<Vec<_>>()
        };
        assert_eq!(way(&outcome), way(&whole));
    }
}

async fn a_stepper_writes_after_each_step(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = Probe::roads().hook("saves", |here, walk| {
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        Ok(Control::Continue)
    });
    let mut stepper = world.walk(probe).stepper();
    for step in 1..=3 {
        assert!(stepper.step().await.unwrap());
        let visits: u64 = world.visits().await.into_iter().flatten().sum();
        assert_eq!(visits, step);
    }
}

async fn a_stepper_hands_over_to_a_run(graph: Graph) {
    let world = World::line(&graph, 5).await;
    let mut stepper = world.walk(reporting()).max_steps(4).stepper();
    assert!(stepper.step().await.unwrap() && stepper.step().await.unwrap());
    let outcome = stepper.into_outcome().unwrap().resume().await.unwrap();
    assert_eq!(outcome.reports, [0, 1, 2, 3]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(4)));
}

async fn a_stepper_tells_the_error_once(graph: Graph) {
    let world = World::line(&graph, 3).await;
    let probe = reporting()
        .hook("fails", |here, _| if is(here, 1) { Err(refusal()) } else { Ok(Control::Continue) });
    let mut stepper = world.walk(probe).stepper();
    assert!(stepper.step().await.unwrap());
    assert_eq!(stepper.step().await.unwrap_err().place().unwrap().hook, Some("fails"));
    assert!(!stepper.step().await.unwrap());
    assert_eq!(stepper.outcome().unwrap().ended, Ended::Failed);
    assert_eq!(stepper.outcome().unwrap().walker.exits, [Ended::Failed]);
}

/// Writes down what it is told, with how much was visited then.
#[derive(Debug, Default)]
struct Listener(Mutex<Vec<(String, u64)>>);

impl Listener {
    fn note(&self, what: impl Into<String>, progress: &Progress) {
        assert_eq!(progress.walker, "Probe");
        self.0.lock().unwrap().push((what.into(), progress.stats.visited));
    }

    fn told(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Listener {
    fn started(&self, progress: &Progress) {
        self.note("started", progress);
    }

    fn visit(&self, progress: &Progress) {
        self.note("visit", progress);
    }

    fn chunk(&self, progress: &Progress) {
        self.note(format!("chunk, {} wait", progress.waiting), progress);
    }

    fn limit(&self, limit: Limit, progress: &Progress) {
        self.note(limit.to_string(), progress);
    }

    fn finished(&self, ended: Ended, progress: &Progress) {
        self.note(ended.to_string(), progress);
    }
}

fn owned(told: &[(&str, u64)]) -> Vec<(String, u64)> {
    told.iter().map(|(what, visited)| ((*what).to_owned(), *visited)).collect()
}

async fn an_observer_is_told_everything_in_order(graph: Graph) {
    let world = World::star(&graph, 4).await;
    let listener = Arc::new(Listener::default());
    let _ = run(world.walk(reporting()).observer(listener.clone()).chunk_size(2)).await;
    let expected = [
        ("started", 0),
        ("visit", 1),
        ("chunk, 3 wait", 1),
        ("visit", 2),
        ("visit", 3),
        ("chunk, 1 wait", 3),
        ("visit", 4),
        ("chunk, 0 wait", 4),
        ("finished", 4),
    ];
    assert_eq!(listener.told(), owned(&expected));
}

async fn an_observer_hears_of_limits_and_pauses(graph: Graph) {
    let world = World::line(&graph, 4).await;
    let listener = Arc::new(Listener::default());
    let probe = Probe::stops(1, Control::Pause);
    let walk = world.walk(probe).observer(listener.clone()).max_steps(3);
    let outcome = run(walk).await.resume().await.unwrap();
    assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(3)));
    let expected = [
        ("started", 0),
        ("visit", 1),
        ("chunk, 1 wait", 1),
        ("visit", 2),
        ("chunk, 1 wait", 2),
        ("paused", 2),
        ("started", 2),
        ("visit", 3),
        ("chunk, 1 wait", 3),
        ("limit of 3 steps", 3),
        ("ended by the limit of 3 steps", 3),
    ];
    assert_eq!(listener.told(), owned(&expected));
}
