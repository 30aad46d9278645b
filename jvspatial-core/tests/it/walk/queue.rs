//! The queue in the hands of hooks, against a plain list that does the same by the book.

use std::collections::{HashSet, VecDeque};

use jvspatial_core::{Control, Ended, Enqueued, ErrorKind, Graph, Limit, Queue, Walk, WalkBuilder};
use jvspatial_db::Id;
use proptest::prelude::*;

use super::support::*;

on_every_backend!(
    the_queue_is_what_waits_the_next_first,
    what_is_added_goes_where_the_order_says,
    each_place_of_the_queue_can_be_chosen,
    what_is_taken_out_may_be_met_again,
    a_revisit_is_made_whatever_was_visited,
    the_queue_counts_what_became_of_each,
    what_was_visited_is_known_by_its_id,
    nothing_is_queued_when_the_visits_are_over,
    the_queue_respects_depth_and_queries,
);

const CITIES: usize = 8;

fn ids(world: &World, cities: &[usize]) -> Vec<Id> {
    cities.iter().map(|city| world.id(*city)).collect()
}

/// A probe that follows every road, and holds the queue at city `at`.
fn holding(
    world: &World,
    at: u32,
    hold: impl for<'a> Fn(&World, &mut Queue<'a, Probe>) -> jvspatial_core::Result<()>
    + Clone
    + Send
    + Sync
    + 'static,
) -> Probe {
    let world = world.clone();
    Probe::roads().waits("holds", move |here, walk| {
        let (world, hold, is_due) = (world.clone(), hold.clone(), is(here, at));
        Box::pin(async move {
            if is_due {
                hold(&world, &mut walk.queue().await?)?;
            }
            Ok(Control::Continue)
        })
    })
}

async fn the_queue_is_what_waits_the_next_first(graph: Graph) {
    let world = World::new(&graph, 6, &[(0, 1), (0, 2), (0, 3), (1, 4), (1, 5)]).await;
    for (depth_first, waiting) in [(false, vec![2, 3, 4, 5]), (true, vec![4, 5, 2, 3])] {
        for chunk in [1, 1_000] {
            let waiting = waiting.clone();
            let probe = holding(&world, 1, move |world, queue| {
                let snapshot: Vec<_> = queue.iter().cloned().collect();
                assert_eq!(snapshot, ids(world, &waiting), "{depth_first} {chunk}");
                assert_eq!((queue.len(), queue.is_empty()), (4, false));
                assert!(queue.is_queued(world.id(4)) && !queue.is_queued(world.id(1)));
                Ok(())
            });
            let walk = world.walk(probe).chunk_size(chunk);
            let outcome = run(if depth_first { walk.depth_first() } else { walk }).await;
            assert_eq!(outcome.walker.visited.len(), 6);
        }
    }
}

async fn what_is_added_goes_where_the_order_says(graph: Graph) {
    let world = World::new(&graph, 6, &[(0, 1), (0, 2)]).await;
    for (order, visited) in [(0, [0, 1, 2, 4, 5]), (1, [0, 1, 4, 5, 2]), (2, [0, 1, 2, 4, 5])] {
        let probe = holding(&world, 1, |world, queue| {
            queue.visit(ids(world, &[4, 5]))?;
            Ok(())
        });
        let walk = world.walk(probe);
        let walk = match order {
            0 => walk,
            1 => walk.depth_first(),
            _ => walk.by_rank(),
        };
        assert_eq!(run(walk).await.walker.visited, visited);
    }
    let probe = Probe::new().hook("ranks", {
        let world = world.clone();
        move |here, walk| {
            if is(here, 0) {
                for (city, rank) in [(1, 3.5), (2, -1.0), (3, 3.0), (4, 3.0), (2, -2.0)] {
                    walk.visit_ranked(rank, world.id(city));
                }
            }
            Ok(Control::Continue)
        }
    });
    assert_eq!(run(world.walk(probe).by_rank()).await.walker.visited, [0, 2, 3, 4, 1]);
}

async fn each_place_of_the_queue_can_be_chosen(graph: Graph) {
    let world = World::new(&graph, 8, &[(0, 1), (0, 2), (0, 3)]).await;
    for depth_first in [false, true] {
        for chunk in [1, 2, 1_000] {
            let probe = holding(&world, 1, |world, queue| {
                queue.insert_after(world.id(2), ids(world, &[4, 5]))?;
                queue.insert_before(world.id(4), ids(world, &[6]))?;
                queue.visit_next(ids(world, &[7, 0]))?;
                let absent = queue.insert_after(world.id(1), ids(world, &[1])).unwrap_err();
                assert_eq!(absent.kind(), ErrorKind::NotFound);
                Ok(())
            });
            let walk = world.walk(probe).chunk_size(chunk);
            let outcome = run(if depth_first { walk.depth_first() } else { walk }).await;
            assert_eq!(outcome.walker.visited, [0, 1, 7, 2, 6, 4, 5, 3], "{chunk}");
        }
    }
    let probe = holding(&world, 1, |world, queue| {
        let error = queue.insert_after(world.id(2), ids(world, &[4])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        queue.visit_next(ids(world, &[7, 6]))?;
        Ok(())
    });
    assert_eq!(run(world.walk(probe).by_rank()).await.walker.visited, [0, 1, 7, 6, 2, 3]);
}

async fn what_is_taken_out_may_be_met_again(graph: Graph) {
    let world = World::new(&graph, 4, &[(0, 1), (0, 2), (0, 3), (1, 3)]).await;
    let probe = holding(&world, 1, |world, queue| {
        assert_eq!(queue.dequeue(world.id(2)), 1);
        assert_eq!(queue.dequeue(world.id(2)), 0);
        Ok(())
    });
    assert_eq!(run(world.walk(probe)).await.walker.visited, [0, 1, 3]);
    for chunk in [1, 1_000] {
        let probe = holding(&world, 0, |world, queue| {
            assert_eq!(queue.clear(), 3);
            assert!(queue.is_empty());
            queue.visit(ids(world, &[1]))?;
            Ok(())
        });
        let outcome = run(world.walk(probe).chunk_size(chunk)).await;
        assert_eq!((outcome.walker.visited, outcome.ended), (vec![0, 1, 3], Ended::Finished));
    }
}

async fn a_revisit_is_made_whatever_was_visited(graph: Graph) {
    let world = World::line(&graph, 3).await;
    for order in 0..3 {
        let first = world.id(0);
        let probe = Probe::roads().hook("again", move |here, walk| {
            walk.visit(&first);
            if is(here, 2) && walk.step() == 3 {
                walk.revisit(&first);
            }
            Ok(Control::Continue)
        });
        let walk = world.walk(probe);
        let walk = match order {
            0 => walk,
            1 => walk.depth_first(),
            _ => walk.by_rank(),
        };
        assert_eq!(run(walk).await.walker.visited, [0, 1, 2, 0]);
    }
}

async fn the_queue_counts_what_became_of_each(graph: Graph) {
    let world = World::new(&graph, 6, &[(0, 1)]).await;
    let probe = holding(&world, 0, |world, queue| {
        let counts = |found: Enqueued| [found.added, found.already_visited, found.dropped];
        assert_eq!(counts(queue.visit(ids(world, &[0, 1, 2, 2]))?), [1, 3, 0]);
        assert_eq!(counts(queue.visit_next(ids(world, &[3, 0]))?), [1, 1, 0]);
        assert_eq!(counts(queue.revisit(ids(world, &[0, 1]))?), [2, 0, 0]);
        assert_eq!(counts(queue.insert_before(world.id(1), ids(world, &[4, 4]))?), [1, 1, 0]);
        Ok(())
    });
    let outcome = run(world.walk(probe).max_steps(4)).await;
    assert_eq!(outcome.walker.visited, [0, 3, 4, 1]);
}

async fn nothing_is_queued_when_the_visits_are_over(graph: Graph) {
    let world = World::line(&graph, 1).await;
    let later = world.id(0);
    let probe = Probe::leaving().leave(move |here, walk| {
        walk.revisit(here.id());
        let held = futures_now(walk);
        assert_eq!(held, Some(ErrorKind::Invalid));
        Ok(Control::Continue)
    });
    let probe = probe.exit(move |_, walk| {
        walk.revisit(&later);
        assert_eq!(futures_now(walk), Some(ErrorKind::Invalid));
        Ok(())
    });
    let outcome = run(world.walk(probe)).await;
    assert_eq!((outcome.walker.visited, outcome.walker.left), (vec![0], vec![0]));
}

async fn what_was_visited_is_known_by_its_id(graph: Graph) {
    let world = World::line(&graph, 3).await;
    for order in 0..3 {
        let probe = Probe::roads().waits("names", |here, walk| {
            Box::pin(async move {
                walk.visit(here.id());
                let mut queue = walk.queue().await?;
                assert_eq!(queue.visit([here.id()])?.already_visited, 1);
                assert_eq!(queue.visit_next([here.id()])?.added, 0);
                Ok(Control::Continue)
            })
        });
        let walk = world.walk(probe).max_steps(9);
        let walk = match order {
            0 => walk,
            1 => walk.depth_first(),
            _ => walk.by_rank(),
        };
        assert_eq!(run(walk).await.walker.visited, [0, 1, 2]);
    }
}

/// Why the queue cannot be had, when that is known at once.
fn futures_now<const LEAVES: bool>(walk: &mut Walk<Probe<LEAVES>>) -> Option<ErrorKind> {
    let mut held = Box::pin(walk.queue());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match held.as_mut().poll(&mut context) {
        std::task::Poll::Ready(held) => held.err().map(|error| error.kind()),
        std::task::Poll::Pending => None,
    }
}

async fn the_queue_respects_depth_and_queries(graph: Graph) {
    let world = World::new(&graph, 3, &[(0, 1)]).await;
    let probe = holding(&world, 1, |world, queue| {
        assert_eq!(queue.visit(ids(world, &[2]))?, Enqueued::default(), "that would be too deep");
        Ok(())
    });
    let outcome = run(world.walk(probe).max_depth(1)).await;
    assert_eq!(outcome.walker.visited, [0, 1]);
    assert_eq!(outcome.ended, Ended::Limit(Limit::Depth(1)));
    let probe = Probe::roads().waits("holds", |_, walk| {
        Box::pin(async move {
            let refused = walk.queue().await.err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::Limit);
            Ok(Control::Continue)
        })
    });
    let outcome = run(world.walk(probe).max_queries(1)).await;
    assert_eq!(outcome.ended, Ended::Limit(Limit::Queries(1)));
    assert_eq!(outcome.stats.visited, 1);
}

/// What a hook does to the queue.
#[derive(Clone, Debug)]
enum Act {
    Follow,
    Visit(usize),
    Revisit(usize),
    Add(Vec<usize>),
    Next(Vec<usize>),
    Before(usize, Vec<usize>),
    After(usize, Vec<usize>),
    Dequeue(usize),
    Clear,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let city = 0..CITIES;
    let some = prop::collection::vec(0..CITIES, 0..3);
    let act = prop_oneof![
        4 => Just(Act::Follow),
        2 => city.clone().prop_map(Act::Visit),
        1 => city.clone().prop_map(Act::Revisit),
        1 => some.clone().prop_map(Act::Add),
        1 => some.clone().prop_map(Act::Next),
        1 => (city.clone(), some.clone()).prop_map(|(anchor, some)| Act::Before(anchor, some)),
        1 => (city.clone(), some).prop_map(|(anchor, some)| Act::After(anchor, some)),
        1 => city.prop_map(Act::Dequeue),
        1 => Just(Act::Clear),
    ];
    prop::collection::vec(act, 0..5)
}

/// A walk breadth first as a plain list: what waits, and what need not wait again.
struct Book<'a> {
    roads: &'a [(usize, usize)],
    /// What waits, and whether it was met before.
    line: VecDeque<(usize, bool)>,
    met: HashSet<usize>,
}

impl Book<'_> {
    fn insert(&mut self, mut at: usize, cities: &[usize], again: bool) {
        for &city in cities {
            let is_new = self.met.insert(city);
            if is_new || again {
                self.line.insert(at, (city, !is_new));
                at += 1;
            }
        }
    }

    /// What is taken out may be met again, unless it was met before it began to wait.
    fn take_out(&mut self, which: impl Fn(usize) -> bool) {
        let Self { line, met, .. } = self;
        line.retain(|(city, is_known)| {
            if which(*city) && !is_known {
                met.remove(city);
            }
            !which(*city)
        });
    }

    fn wish(&mut self, wishes: &mut Vec<(usize, bool)>) {
        for (city, again) in wishes.drain(..) {
            self.insert(self.line.len(), &[city], again);
        }
    }

    fn visit(&mut self, here: usize, acts: &[Act]) {
        let mut wishes = Vec::new();
        for act in acts {
            match act {
                Act::Follow => {
                    let next = self.roads.iter().filter(|road| road.0 == here);
                    wishes.extend(next.map(|road| (road.1, false)));
                    continue;
                }
                Act::Visit(city) => {
                    wishes.push((*city, false));
                    continue;
                }
                Act::Revisit(city) => {
                    wishes.push((*city, true));
                    continue;
                }
                _ => self.wish(&mut wishes),
            }
            let place = |anchor: &usize| self.line.iter().position(|(city, _)| city == anchor);
            match act {
                Act::Add(cities) => self.insert(self.line.len(), cities, false),
                Act::Next(cities) => self.insert(0, cities, false),
                Act::Before(anchor, cities) => {
                    if let Some(place) = place(anchor) {
                        self.insert(place, cities, false);
                    }
                }
                Act::After(anchor, cities) => {
                    if let Some(place) = place(anchor) {
                        self.insert(place + 1, cities, false);
                    }
                }
                Act::Dequeue(city) => self.take_out(|waiting| waiting == *city),
                _ => self.take_out(|_| true),
            }
        }
        self.wish(&mut wishes);
    }
}

const STEPS: usize = 40;

/// What the book says is visited. The script of a city is what its hook does at each visit.
fn by_the_book(roads: &[(usize, usize)], scripts: &[Vec<Act>]) -> Vec<u32> {
    let mut book = Book { roads, line: VecDeque::from([(0, false)]), met: HashSet::from([0]) };
    let mut visited = Vec::new();
    while let Some((here, _)) = book.line.pop_front().filter(|_| visited.len() < STEPS) {
        visited.push(u32::try_from(here).unwrap());
        book.visit(here, &scripts[here]);
    }
    visited
}

async fn act(world: &World, act: &Act, walk: &mut Walk<Probe>) -> jvspatial_core::Result<()> {
    let some = |cities: &[usize]| ids(world, cities);
    match act {
        Act::Follow => walk.follow(roads()),
        Act::Visit(city) => walk.visit(world.id(*city)),
        Act::Revisit(city) => walk.revisit(world.id(*city)),
        Act::Add(cities) => drop(walk.queue().await?.visit(some(cities))?),
        Act::Next(cities) => drop(walk.queue().await?.visit_next(some(cities))?),
        // A city that does not wait is no place, and nothing happens.
        Act::Before(anchor, cities) => {
            drop(walk.queue().await?.insert_before(world.id(*anchor), some(cities)));
        }
        Act::After(anchor, cities) => {
            drop(walk.queue().await?.insert_after(world.id(*anchor), some(cities)));
        }
        Act::Dequeue(city) => drop(walk.queue().await?.dequeue(world.id(*city))),
        Act::Clear => drop(walk.queue().await?.clear()),
    }
    Ok(())
}

fn scripted(world: &World, scripts: &[Vec<Act>]) -> WalkBuilder<Probe> {
    let (scripts, held) = (scripts.to_vec(), world.clone());
    let probe = Probe::new().waits("acts", move |here, walk| {
        let (world, acts) = (held.clone(), scripts[number(here) as usize].clone());
        Box::pin(async move {
            for one in &acts {
                act(&world, one, walk).await?;
            }
            Ok(Control::Continue)
        })
    });
    world.walk(probe).max_steps(STEPS as u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chunks_of_any_size_go_by_the_book(
        roads in prop::collection::hash_set((0..CITIES, 0..CITIES), 0..20),
        scripts in prop::collection::vec(acts(), CITIES),
        other in 2..6_usize,
    ) {
        let roads: Vec<_> = roads.into_iter().collect();
        let expected = by_the_book(&roads, &scripts);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let visited = runtime.block_on(async {
            let graph = Graph::open("memory:").await.unwrap();
            let world = World::new(&graph, CITIES as u32, &roads).await;
            let mut visited = Vec::new();
            for chunk in [1, other, 1_000] {
                visited.push(run(scripted(&world, &scripts).chunk_size(chunk)).await.walker.visited);
            }
            visited
        });
        for visited in visited {
            prop_assert_eq!(&visited, &expected);
        }
    }
}
