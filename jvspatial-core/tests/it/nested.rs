//! Walks inside of the hooks of walks.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jvspatial_core::__private::guard;
use jvspatial_core::{
    Control, Ended, Error, ErrorKind, Graph, Here, HookError, Limit, ParallelWalker, Result,
    Stored, Walk, Walker, WriteMode, out,
};
use tokio::time::Instant;

use crate::model::{City, Road};

type Doing<'a> = Pin<Box<dyn Future<Output = Result<Control>> + Send + 'a>>;
type Hook = dyn for<'a> Fn(Stored<City>, &'a mut Walk<Outer>) -> Doing<'a> + Send + Sync;

/// A walker along all roads with one hook, which may be shared.
#[derive(Clone)]
struct Outer(Arc<Hook>);

impl Outer {
    fn new(
        hook: impl for<'a> Fn(Stored<City>, &'a mut Walk<Self>) -> Doing<'a> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(hook))
    }
}

impl Walker for Outer {
    type Report = String;
    const NAME: &'static str = "Outer";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.visit_shared(here, walk).await
    }
}

impl ParallelWalker for Outer {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        walk.follow(out::<Road>());
        let city = here.decode::<City>()?;
        let answer = guard((self.0)(city, walk)).await;
        walk.answered("outer", answer)
    }
}

/// What an [`Inner`] reports.
struct Name(String);

impl From<Name> for String {
    fn from(Name(name): Name) -> Self {
        format!("in {name}")
    }
}

/// Reports the name and the visits of all cities along the roads, and adds to the visits.
#[derive(Clone, Copy, Default)]
struct Inner {
    adds: u64,
    fails_at: Option<&'static str>,
}

impl Walker for Inner {
    type Report = Name;
    const NAME: &'static str = "Inner";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        walk.follow(out::<Road>());
        let mut city = here.decode::<City>()?;
        if self.fails_at == Some(&*city.name) {
            let error = Error::new(ErrorKind::Application, "refused");
            return walk.answered("inner", Err(error));
        }
        walk.report(Name(format!("{} {}", city.name, city.visits)));
        if self.adds > 0 {
            city.visits += self.adds;
            walk.save(&mut city);
        }
        Ok(Control::Continue)
    }
}

/// Cities on a line, by name.
async fn line(graph: &Graph, names: &[&str]) -> Vec<Stored<City>> {
    let cities = graph.create_many(names.iter().map(|name| City::new(name))).await.unwrap();
    for pair in cities.windows(2) {
        graph.connect(&pair[0], &pair[1], Road { km: 1 }).await.unwrap();
    }
    cities
}

async fn visits(graph: &Graph) -> Vec<u64> {
    let cities = graph.nodes::<City>().all().await.unwrap();
    let mut cities: Vec<_> = cities.iter().map(|city| (&city.name, city.visits)).collect();
    cities.sort();
    cities.into_iter().map(|(_, visits)| visits).collect()
}

async fn reports_flow_to_the_walk_around_it_in_order(graph: Graph) {
    let cities = line(&graph, &["a", "b", "c"]).await;
    let outer = Outer::new(|city, walk| {
        Box::pin(async move {
            walk.report(format!("before {}", city.name));
            let inner = walk.spawn(Inner::default()).max_depth(1).trail(9).run().await?;
            assert!(inner.reports.is_empty(), "they were handed on");
            assert_eq!(inner.trail.steps().next().unwrap().entity, *city.id());
            walk.report("after".to_owned());
            Ok(Control::Continue)
        })
    });
    let outcome = graph.walk(outer.clone()).from(&cities[0]).run().await.unwrap();
    let expected = [
        "before a", "in a 0", "in b 0", "after", "before b", "in b 0", "in c 0", "after",
        "before c", "in c 0", "after",
    ];
    assert_eq!(outcome.reports, expected);
    let mut stream = graph.walk(outer.clone()).from(&cities[0]).report_room(1).stream();
    let mut streamed = Vec::new();
    while let Some(report) = stream.try_next().await.unwrap() {
        streamed.push(report);
    }
    assert_eq!(streamed, expected);
    let outcome = graph.walk(outer).from(&cities[0]).max_reports(6).run().await.unwrap();
    assert_eq!(outcome.reports, expected[..6]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Reports(6)));
}

async fn what_the_walk_around_it_asked_to_write_is_seen(graph: Graph) {
    for mode in [WriteMode::Batched, WriteMode::Immediate, WriteMode::Atomic] {
        let cities = line(&graph, &["a", "b", "c"]).await;
        let b = cities[1].clone();
        let outer = Outer::new(move |mut city, walk| {
            let mut b = b.clone();
            Box::pin(async move {
                walk.report(format!("{} {}", city.name, city.visits));
                if city.name == "a" {
                    b.visits = 5;
                    walk.save(&mut b);
                    let founded = walk.create(City::new("d"));
                    walk.connect(&city, &founded, Road { km: 2 });
                    let _ = walk.spawn(Inner::default()).depth_first().run().await?;
                }
                city.visits += 1;
                walk.save(&mut city);
                Ok(Control::Continue)
            })
        });
        // Both are loaded before the hook of the first one writes.
        let starts = [&cities[0], &cities[1]];
        let outcome = graph.walk(outer).from_many(starts).write_mode(mode).run().await.unwrap();
        let reports = ["a 0", "in a 0", "in b 5", "in c 0", "in d 0", "b 5", "d 0", "c 0"];
        let mut found: Vec<_> = outcome.reports.iter().map(String::as_str).collect();
        assert_eq!(found.len(), reports.len(), "{mode:?}: {found:?}");
        found[6..].sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(found, reports, "{mode:?}");
        let read = graph.get::<City>(&cities[1]).await.unwrap().unwrap();
        assert_eq!((read.visits, read.version().get()), (6, 3), "{mode:?}");
    }
}

async fn a_failure_is_the_hooks_and_keeps_the_inner_place(graph: Graph) {
    let cities = line(&graph, &["a", "b"]).await;
    let outer = Outer::new(|_, walk| {
        Box::pin(async move {
            let inner = Inner { fails_at: Some("b"), ..Inner::default() };
            let _ = walk.spawn(inner).run().await?;
            Ok(Control::Continue)
        })
    });
    let outcome = graph.walk(outer).from(&cities[0]).outcome().await.unwrap();
    assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Failed, 1));
    assert_eq!(outcome.reports, ["in a 0"]);
    let error = outcome.error.unwrap();
    let place = error.place().unwrap();
    assert_eq!((place.walker, place.hook, place.depth), ("Inner", Some("inner"), 1));
    assert_eq!(place.at.as_ref(), Some(cities[1].id()));
}

async fn it_is_part_of_an_atomic_walk_and_of_a_dry_run(graph: Graph) {
    let cities = line(&graph, &["a", "b"]).await;
    let outer = |fails: bool| {
        Outer::new(move |city, walk| {
            Box::pin(async move {
                if city.name == "a" {
                    let inner = Inner { adds: 3, ..Inner::default() };
                    let _ = walk.spawn(inner).run().await?;
                } else if fails {
                    return Err(Error::new(ErrorKind::Application, "refused"));
                }
                Ok(Control::Continue)
            })
        })
    };
    let walk = graph.walk(outer(true)).from(&cities[0]).write_mode(WriteMode::Atomic);
    assert!(walk.run().await.is_err());
    assert_eq!(visits(&graph).await, [0, 0]);
    let dry_run = graph.walk(outer(false)).from(&cities[0]).dry_run().await.unwrap();
    assert_eq!(visits(&graph).await, [0, 0]);
    assert_eq!(dry_run.changes.len(), 2);
    assert_eq!(dry_run.apply().await.unwrap().written, 2);
    assert_eq!(visits(&graph).await, [3, 3]);
    let walk = graph.walk(outer(false)).from(&cities[0]).write_mode(WriteMode::Atomic);
    assert_eq!(walk.run().await.unwrap().ended, Ended::Finished);
    assert_eq!(visits(&graph).await, [6, 6]);
}

async fn hooks_that_run_in_parallel_come_to_the_same(graph: Graph) {
    let cities =
        graph.create_many((0..40).map(|number| City::new(&format!("{number:02}")))).await.unwrap();
    for city in &cities[1..] {
        graph.connect(&cities[0], city, Road { km: 1 }).await.unwrap();
    }
    let outer = Outer::new(|mut city, walk| {
        Box::pin(async move {
            let number: u64 = city.name.parse().map_err(Error::application)?;
            city.visits += 1;
            walk.save(&mut city);
            if number > 0 && number.is_multiple_of(7) {
                let inner = Inner { adds: 10, ..Inner::default() };
                let _ = walk.spawn(inner).run().await?;
            }
            walk.report(city.name.clone());
            Ok(Control::Continue)
        })
    });
    let outcome = graph.walk(outer.clone()).from(&cities[0]).run().await.unwrap();
    let once = visits(&graph).await;
    assert_eq!(once[7], 11);
    assert_eq!(once.iter().sum::<u64>(), 90);
    for (concurrency, times) in [(3, 2), (20, 3)] {
        let walk = graph.walk(outer.clone()).from(&cities[0]).parallel(3).concurrency(concurrency);
        let parallel = walk.run().await.unwrap();
        assert!(parallel.stats.repeated > 0);
        assert_eq!(parallel.reports.len(), outcome.reports.len());
        let order = |reports: &[String]| -> Vec<String> {
            reports
                .iter()
                .map(|report| report.rsplit_once(' ').map_or(&**report, |(a, _)| a).to_owned())
                .collect()
        };
        assert_eq!(order(&parallel.reports), order(&outcome.reports));
        let now: Vec<_> = once.iter().map(|visits| visits * times).collect();
        assert_eq!(visits(&graph).await, now);
    }
}

/// Spawns its own kind until it may not.
struct Deep(u32);

impl Walker for Deep {
    type Report = u32;
    const NAME: &'static str = "Deep";

    async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        walk.report(self.0);
        let inner = walk.spawn(Self(self.0 + 1)).run().await;
        walk.answered("deep", inner.map(|_| Control::Continue))
    }
}

async fn walks_are_nested_sixteen_deep_at_most(graph: Graph) {
    let outcome = graph.walk(Deep(0)).outcome().await.unwrap();
    assert_eq!(outcome.reports, Vec::from_iter(0..=16));
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(error.context("limit"), Some("16"));
}

/// Waits for ever.
struct Sleeper;

impl Walker for Sleeper {
    type Report = Name;
    const NAME: &'static str = "Sleeper";

    async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
        std::future::pending().await
    }
}

async fn the_deadline_of_the_walk_around_it_and_its_end_are_its_own(graph: Graph) {
    let cities = line(&graph, &["a"]).await;
    let outer = Outer::new(|_, walk| {
        Box::pin(async move {
            let far = Instant::now() + Duration::from_secs(3_600);
            let _ = walk.spawn(Sleeper).deadline(far).run().await?;
            Ok(Control::Continue)
        })
    });
    let soon = Duration::from_millis(30);
    let walk = graph.walk(outer.clone()).from(&cities[0]).deadline(Instant::now() + soon);
    assert_eq!(walk.run().await.unwrap().ended, Ended::Limit(Limit::Deadline));
    let walk = graph.walk(outer).from(&cities[0]).until(tokio::time::sleep(soon));
    assert_eq!(walk.run().await.unwrap().ended, Ended::Cancelled);
}

/// Spawns when all is over.
struct Late;

impl Walker for Late {
    type Report = String;
    const NAME: &'static str = "Late";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        walk.follow(out::<Road>());
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        Ok(Control::Continue)
    }

    async fn exit(&mut self, _: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        let first = walk.graph().nodes::<City>().filter(|city| city.name.eq("a")).first().await?;
        let first = first.map(|city| city.id().clone());
        let inner = walk.spawn(Inner { adds: 1, ..Inner::default() }).from_many(first).run().await;
        walk.answered("late", inner.map(|_| Control::Continue)).map(drop)
    }
}

async fn the_hook_at_the_end_may_walk_too(graph: Graph) {
    let cities = line(&graph, &["a", "b"]).await;
    let outcome = graph.walk(Late).from(&cities[0]).run().await.unwrap();
    assert_eq!(outcome.reports, ["in a 1", "in b 1"]);
    assert_eq!(visits(&graph).await, [2, 2]);
}

on_every_backend!(
    reports_flow_to_the_walk_around_it_in_order,
    what_the_walk_around_it_asked_to_write_is_seen,
    a_failure_is_the_hooks_and_keeps_the_inner_place,
    it_is_part_of_an_atomic_walk_and_of_a_dry_run,
    hooks_that_run_in_parallel_come_to_the_same,
    walks_are_nested_sixteen_deep_at_most,
    the_deadline_of_the_walk_around_it_and_its_end_are_its_own,
    the_hook_at_the_end_may_walk_too,
);
