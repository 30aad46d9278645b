//! A panic anywhere in a walker, its observer or its merging becomes an error of that walk and of nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jvspatial_core::__private::{guard, guard_sync};
use jvspatial_core::{
    Control, Ended, ErrorKind, Fork, Graph, Here, HookError, Limit, Observer, OnError, Outcome,
    ParallelWalker, Progress, Stored, Walk, WalkBuilder, Walker, out,
};

use crate::backends::graphs;
use crate::model::{City, Road};

/// Panics at its k-th call.
#[derive(Clone, Debug, Default)]
struct Fuse {
    at: Option<usize>,
    calls: Arc<AtomicUsize>,
}

impl Fuse {
    fn at(k: usize) -> Self {
        Self { at: Some(k), ..Self::default() }
    }

    fn burn(&self) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(self.at != Some(call), "call {call}");
    }

    fn has_blown(&self) -> bool {
        self.at.is_some_and(|at| self.calls.load(Ordering::Relaxed) > at)
    }
}

/// Counts up the cities that roads lead to, with hooks of every kind.
#[derive(Clone, Debug, Default)]
struct Tour {
    fuse: Fuse,
    forks: Fuse,
    merged: usize,
}

impl Tour {
    async fn hooks(&self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        let mut city = here.decode::<City>()?;
        let answer = guard_sync(|| {
            self.fuse.burn();
            city.visits += 1;
            walk.save(&mut city);
            walk.follow(out::<Road>());
        });
        let control = walk.answered("counts", answer)?;
        if control != Control::Continue {
            return Ok(control);
        }
        let answer = guard(async {
            tokio::task::yield_now().await;
            self.fuse.burn();
            walk.report(city.name.clone());
        });
        let answer = answer.await;
        walk.answered("reports", answer)
    }
}

impl Walker for Tour {
    type Report = String;
    const NAME: &'static str = "Tour";
    const LEAVES: bool = true;

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.hooks(here, walk).await
    }

    async fn leave(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<(), HookError> {
        let answer = guard_sync(|| self.fuse.burn());
        walk.answered("leaves", answer).map(drop)
    }

    async fn exit(&mut self, _: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        let answer = guard_sync(|| self.fuse.burn());
        walk.answered("exits", answer).map(drop)
    }
}

impl ParallelWalker for Tour {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.hooks(here, walk).await
    }
}

impl Fork for Tour {
    fn fork(&self) -> Self {
        self.forks.burn();
        self.clone()
    }

    fn merge(&mut self, _: Self) {
        self.forks.burn();
        self.merged += 1;
    }
}

#[derive(Debug)]
struct Watcher(Fuse);

impl Observer for Watcher {
    fn started(&self, _: &Progress) {
        self.0.burn();
    }

    fn visit(&self, _: &Progress) {
        self.0.burn();
    }

    fn chunk(&self, _: &Progress) {
        self.0.burn();
    }

    fn limit(&self, _: Limit, _: &Progress) {
        self.0.burn();
    }

    fn finished(&self, _: Ended, _: &Progress) {
        self.0.burn();
    }
}

const CITIES: usize = 12;

/// Cities in a tree, the root first.
async fn tree(graph: &Graph) -> Vec<Stored<City>> {
    let cities = (0..CITIES).map(|number| City::new(&number.to_string()));
    let cities: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
    let roads = (1..CITIES).map(|at| (&cities[(at - 1) / 3], &cities[at], Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    cities
}

type Way = fn(WalkBuilder<Tour>) -> WalkBuilder<Tour>;

const WAYS: [(&str, Way); 4] = [
    ("sequential", |walk| walk),
    ("depth first", |walk| walk.depth_first()),
    ("parallel", |walk| walk.parallel(2).concurrency(4)),
    ("forked", |walk| walk.parallel_forked(2)),
];

/// What a walk came to whose walker, observer or merging panicked: its error has a place, and the store is as good as new.
async fn check(graph: &Graph, root: &Stored<City>, case: &str, outcome: &Outcome<Tour>) {
    assert_eq!(outcome.ended, Ended::Failed, "{case}");
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::Application, "{case}: {error}");
    assert!(error.context("panic").unwrap().starts_with("call "), "{case}: {error}");
    let place = error.place().unwrap();
    assert_eq!(place.walker, "Tour", "{case}");
    let hook = place.hook.unwrap();
    if ["counts", "reports", "leaves"].contains(&hook) {
        let at = place.at.as_ref().unwrap();
        let city = graph.get::<City>(at).await.unwrap().unwrap();
        let number: u32 = city.name.parse().unwrap();
        let depth = [0, 1, 1, 1].get(number as usize).copied().unwrap_or(2);
        assert_eq!(place.depth, depth, "{case}: {error}");
    }
    assert_eq!(usize::from(hook == "exits"), usize::from(case.contains("exit")), "{case}: {hook}");
    let again = graph.walk(Tour::default()).from(root).run().await.unwrap();
    assert_eq!(again.reports.len(), CITIES, "{case}");
}

/// Walks with a fuse at every call until one does not blow any more; how many blew.
async fn at_every_call(
    case: &str,
    mut walk: impl AsyncFnMut(&Graph, &Stored<City>, usize) -> (Outcome<Tour>, bool),
) -> Vec<usize> {
    let mut blown = Vec::new();
    for graph in graphs().await {
        let root = tree(&graph).await.swap_remove(0);
        for k in 0.. {
            let (outcome, has_blown) = walk(&graph, &root, k).await;
            if !has_blown {
                assert!(outcome.error.is_none(), "{case} {k}");
                assert_eq!(outcome.reports.len(), CITIES, "{case} {k}");
                blown.push(k);
                break;
            }
            let hook = outcome.error.as_ref().and_then(|error| error.place()?.hook);
            let ending = if hook == Some("exits") { "exit" } else { "" };
            check(&graph, &root, &format!("{case} {k} {ending}"), &outcome).await;
        }
    }
    blown
}

#[tokio::test]
async fn a_panic_at_any_call_of_a_hook_is_an_error_with_its_place() {
    for (name, way) in WAYS {
        let blown = at_every_call(name, async |graph, root, k| {
            let walker = Tour { fuse: Fuse::at(k), ..Tour::default() };
            let fuse = walker.fuse.clone();
            // Another walk goes on meanwhile.
            let (outcome, other) = tokio::join!(
                way(graph.walk(walker).from(root)).outcome(),
                graph.walk(Look::default()).from(root).run(),
            );
            assert_eq!(other.unwrap().walker.visited, CITIES);
            (outcome.unwrap(), fuse.has_blown())
        })
        .await;
        // Two hooks for each city, one when it is left, and the one at the end.
        assert!(blown.iter().all(|calls| *calls == 3 * CITIES + 1), "{name}: {blown:?}");
    }
}

/// Visits every city.
#[derive(Default)]
struct Look {
    visited: usize,
}

impl Walker for Look {
    type Report = ();
    const NAME: &'static str = "Look";

    async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        self.visited += 1;
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

#[tokio::test]
async fn a_panic_at_any_call_of_an_observer_is_an_error() {
    for (name, way) in WAYS {
        let blown = at_every_call(name, async |graph, root, k| {
            let fuse = Fuse::at(k);
            let walk = way(graph.walk(Tour::default()).from(root));
            let walk = walk.observer(Arc::new(Watcher(fuse.clone())));
            let outcome = walk.outcome().await.unwrap();
            let hook = outcome.error.as_ref().and_then(|error| error.place()?.hook);
            assert_eq!(hook, fuse.has_blown().then_some("observer"), "{name} {k}");
            (outcome, fuse.has_blown())
        })
        .await;
        assert!(blown.iter().all(|calls| *calls > CITIES + 2), "{name}: {blown:?}");
    }
}

#[tokio::test]
async fn a_panic_at_any_fork_or_merge_is_an_error() {
    let blown = at_every_call("forked", async |graph, root, k| {
        let walker = Tour { forks: Fuse::at(k), ..Tour::default() };
        let fuse = walker.forks.clone();
        let outcome = graph.walk(walker).from(root).parallel_forked(2).outcome().await.unwrap();
        let hook = outcome.error.as_ref().and_then(|error| error.place()?.hook);
        assert_eq!(hook.is_some(), fuse.has_blown(), "{k}");
        assert!(hook.is_none_or(|hook| hook == "fork" || hook == "merge"), "{k}: {hook:?}");
        (outcome, fuse.has_blown())
    })
    .await;
    assert!(blown.iter().all(|calls| *calls >= 4), "{blown:?}");
}

#[tokio::test]
async fn a_panic_that_is_collected_leaves_the_rest_of_the_walk() {
    for graph in graphs().await {
        let root = tree(&graph).await.swap_remove(0);
        for (name, way) in WAYS {
            for k in 0..3 * CITIES {
                let walker = Tour { fuse: Fuse::at(k), ..Tour::default() };
                let walk = way(graph.walk(walker).from(&root)).on_error(OnError::Collect);
                let outcome = walk.run().await.unwrap();
                assert_eq!(outcome.errors.len(), 1, "{name} {k}");
                let place = outcome.errors[0].place().unwrap();
                let lost = usize::from(place.hook == Some("reports"));
                // A city whose first hook failed is reported, but follows nothing.
                if place.hook != Some("counts") {
                    assert_eq!(outcome.reports.len(), CITIES - lost, "{name} {k}");
                }
            }
        }
    }
}
