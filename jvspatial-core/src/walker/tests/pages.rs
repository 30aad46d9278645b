use proptest::prelude::*;

use super::support::*;
use crate::out;
use crate::walker::{Control, Ended, Limit, OnFull, Outcome, Uniqueness, WalkBuilder};

fn in_pages(mut walk: WalkBuilder<Probe>, page: usize) -> WalkBuilder<Probe> {
    walk.limits.page = page;
    walk
}

/// Follows roads, ferries and roads again, so that expansions take turns.
fn both() -> Probe {
    Probe::new(|town, walk| {
        walk.follow(roads());
        if town.number.is_multiple_of(2) {
            walk.follow(out::<Ferry>());
            walk.visit(super::support::town(town.number + 1));
        }
        walk.follow_edges(roads());
        Ok(Control::Continue)
    })
}

#[tokio::test]
async fn a_hub_is_asked_for_page_by_page() {
    let world = World::star(101).await;
    let outcome = run(in_pages(world.walk(Probe::roads()), 40)).await;
    assert_eq!(outcome.reports, (0..101).collect::<Vec<_>>());
    // Three pages of the hub, and one query for all that it leads to.
    assert_eq!(world.calls().expansions, [1, 1, 1, 100]);
    assert_eq!(outcome.stats.queries, 2 + 4);
}

#[tokio::test]
async fn a_walk_that_has_no_room_asks_for_no_further_page() {
    let world = World::star(101).await;
    let walk = in_pages(world.walk(Probe::roads()), 10).max_frontier(15);
    let outcome = run(walk).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Frontier(15)));
    assert_eq!(world.calls().expansions, [1, 1]);
    let walk = in_pages(world.walk(Probe::roads()), 10).max_frontier(15).on_full(OnFull::Drop);
    let outcome = run(walk).await;
    assert_eq!((outcome.stats.visited, outcome.stats.dropped), (16, 85));
}

#[tokio::test]
async fn every_page_counts_as_a_query() {
    let world = World::star(101).await;
    let outcome = run(in_pages(world.walk(Probe::roads()), 10).max_queries(5)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Queries(5)));
    assert_eq!(outcome.stats.queries, 5);
    assert_eq!((world.calls().loads.len(), world.calls().expansions.len()), (1, 4));
}

#[tokio::test]
async fn a_queue_that_is_not_waited_for_goes_on_where_it_was() {
    use futures_util::FutureExt as _;
    for depth_first in [false, true] {
        let world = World::star(20).await;
        let mut expected = None;
        for polls in [usize::MAX, 0, 1, 3] {
            let mut walk = world.graph().walk(Whole { polls }).from(town(0));
            walk.limits.page = 3;
            walk = walk.uniqueness(Uniqueness::Unlimited);
            let walk = if depth_first { walk.depth_first() } else { walk };
            let reports = walk.run().boxed().await.unwrap().reports;
            assert_eq!(reports.len(), 20, "{polls} polls");
            assert_eq!(reports, *expected.get_or_insert(reports.clone()), "{polls} polls");
        }
    }
}

/// Follows roads, and takes hold of the queue but lets go of it after some polls.
#[derive(Clone, Copy)]
struct Whole {
    polls: usize,
}

impl crate::walker::Walker for Whole {
    type Report = u32;
    const NAME: &'static str = "Whole";

    async fn visit(
        &mut self,
        here: &mut crate::Here,
        walk: &mut crate::Walk<Self>,
    ) -> Result<Control, crate::HookError> {
        let town = here.decode::<Town>()?;
        walk.report(town.number);
        walk.follow(roads());
        if self.polls < usize::MAX {
            let mut polls = self.polls;
            let mut queue = std::pin::pin!(walk.queue());
            std::future::poll_fn(|context| {
                let is_over = polls == 0 || queue.as_mut().poll(context).is_ready();
                polls = polls.saturating_sub(1);
                if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        }
        Ok(Control::Continue)
    }
}

proptest! {
    #[test]
    fn the_size_of_a_page_makes_no_difference(
        roads in prop::collection::vec((0_u32..12, 0_u32..12), 1..60),
        ferries in prop::collection::vec((0_u32..12, 0_u32..12), 0..30),
        page in 1_usize..12,
        order in 0..3,
        uniqueness in prop::sample::select(
            vec![Uniqueness::NodeOnce, Uniqueness::EdgeOnce, Uniqueness::Unlimited],
        ),
        chunk in 1_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let seen = runtime.block_on(async {
            let mut world = World::new(14, &roads).await;
            world.join::<Ferry>(&ferries).await;
            let mut seen = Vec::new();
            for page in [usize::MAX, page] {
                let walk = in_pages(world.walk(both()), page).chunk_size(chunk).max_steps(300);
                let walk = walk.uniqueness(uniqueness).trail(400);
                let walk = match order {
                    0 => walk,
                    1 => walk.depth_first(),
                    _ => walk.by_rank(),
                };
                seen.push(shown(run(walk).await));
            }
            seen
        });
        prop_assert_eq!(&seen[0], &seen[1]);
    }
}

fn shown(outcome: Outcome<Probe>) -> Vec<String> {
    let steps = outcome.trail.steps().map(|step| {
        format!("{:?}", (step.sequence, &step.entity, step.parent, &step.edge, step.depth))
    });
    steps.chain([format!("{:?} {:?}", outcome.ended, outcome.reports)]).collect()
}
