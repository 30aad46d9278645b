//! Workers begin with the next chunk while this one is ended, and what they did in vain does not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jvspatial_core::{
    Control, Ended, Fork, Graph, Here, HookError, Limit, Outcome, ParallelWalker, Uniqueness, Walk,
    WalkBuilder, Walker, out,
};
use jvspatial_db::Id;

use super::support::World;
use crate::model::{City, Road};

/// How many cities there are, each with roads to the next few.
const CITIES: u32 = 200;
const ROADS: usize = 5;
/// Where the frontier overflows, some chunks after the first.
const ROOM: usize = 300;
/// How often a walk is made to see its workers begin early.
const ATTEMPTS: u32 = 500;

/// Reports each city and follows its roads.
#[derive(Default)]
struct Count {
    /// How often its hook has run, in all forks.
    hooks: Arc<AtomicU64>,
    /// How often it has run in a visit that counts, where forks are merged.
    counted: u64,
}

impl Count {
    fn act(&self, here: &Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        self.hooks.fetch_add(1, Ordering::Relaxed);
        walk.report(here.decode::<City>()?.name.clone());
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

impl Walker for Count {
    type Report = String;
    const NAME: &'static str = "Count";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.counted += 1;
        self.act(here, walk)
    }
}

impl ParallelWalker for Count {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.act(here, walk)
    }
}

impl Fork for Count {
    fn fork(&self) -> Self {
        Self { hooks: Arc::clone(&self.hooks), counted: 0 }
    }

    fn merge(&mut self, part: Self) {
        self.counted += part.counted;
    }
}

/// Cities with roads to the next few each, in a circle.
async fn circle() -> World {
    let graph = Graph::open("memory:").await.unwrap();
    let count = CITIES as usize;
    let roads = (0..count).flat_map(|from| (1..=ROADS).map(move |by| (from, (from + by) % count)));
    World::new(&graph, CITIES, &roads.collect::<Vec<_>>()).await
}

/// A walk that ends when its frontier is full.
fn walk(world: &World) -> WalkBuilder<Count> {
    let walk = world.walk(Count::default()).chunk_size(8);
    walk.uniqueness(Uniqueness::Unlimited).max_frontier(ROOM)
}

fn seen(outcome: &Outcome<Count>) -> (&[String], Ended, u64, u64) {
    let stats = &outcome.stats;
    (&outcome.reports, outcome.ended, stats.visited, stats.chunks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_workers_began_of_a_chunk_that_has_no_turn_does_not_count() {
    let world = circle().await;
    let sequential = walk(&world).run().await.unwrap();
    assert_eq!(sequential.ended, Ended::Limit(Limit::Frontier(ROOM)));
    let visited = sequential.stats.visited;

    let mut in_vain = [0, 0];
    for _ in 0..ATTEMPTS {
        let shared = walk(&world).parallel(2).run().await.unwrap();
        let forked = walk(&world).parallel_forked(2).run().await.unwrap();
        assert_eq!(forked.walker.counted, visited);
        for (in_vain, outcome) in in_vain.iter_mut().zip([shared, forked]) {
            assert_eq!(seen(&outcome), seen(&sequential));
            let Count { hooks, .. } = outcome.walker;
            *in_vain += hooks.load(Ordering::Relaxed) - visited;
            assert!(Arc::into_inner(hooks).is_some(), "nobody visits anything after the end");
        }
        if in_vain.iter().all(|hooks| *hooks > 0) {
            return;
        }
    }
    panic!("in {ATTEMPTS} walks no worker began early: {in_vain:?} hooks");
}

/// Follows the roads of a star whose chunks are of 16 cities, and deletes one city while the workers have the next chunk.
#[derive(Debug)]
struct Delete {
    victim: Id,
}

impl Delete {
    async fn act(&self, here: &Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        let name = here.decode::<City>()?.name.clone();
        match name.as_str() {
            // Until the next chunk is loaded, and until it is begun.
            "12" => tokio::time::sleep(Duration::from_millis(10)).await,
            "16" => {
                tokio::time::sleep(Duration::from_millis(30)).await;
                walk.delete(&self.victim);
            }
            _ => {}
        }
        walk.report(name);
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

impl Walker for Delete {
    type Report = String;
    const NAME: &'static str = "Delete";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.act(here, walk).await
    }
}

impl ParallelWalker for Delete {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.act(here, walk).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_deleted_at_the_end_of_a_chunk_is_missing_in_the_next_though_that_was_begun() {
    for victim in [17, 18, 26, 32] {
        let mut seen = Vec::new();
        for workers in 0..4 {
            let world = World::star(&Graph::open("memory:").await.unwrap(), 65).await;
            let walk = world.walk(Delete { victim: world.id(victim) }).chunk_size(16);
            let walk = if workers == 0 { walk } else { walk.parallel(workers) };
            let outcome = walk.run().await.unwrap();
            let stats = outcome.stats;
            seen.push((outcome.reports, outcome.ended, stats.visited, stats.missing));
        }
        let (reports, ended, visited, missing) = &seen[0];
        assert_eq!((*ended, *visited, *missing), (Ended::Finished, 64, 1));
        assert!(!reports.contains(&victim.to_string()));
        for (workers, parallel) in seen.iter().enumerate().skip(1) {
            assert_eq!(*parallel, seen[0], "{workers} workers, without {victim}");
        }
    }
}
