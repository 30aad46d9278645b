//! Walks that run at the same time tell each other events.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jvspatial_core::__private::guard;
use jvspatial_core::{
    Control, Emitted, Ended, Error, ErrorKind, Events, Graph, Here, HookError, Limit, NestedWalk,
    ParallelWalker, Result, Stored, Walk, WalkBuilder, Walker, out,
};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::backends::graphs;
use crate::model::{City, Road};

/// Somebody has met a city.
#[derive(Clone, Debug, PartialEq)]
struct Met {
    by: u32,
    city: String,
}

/// What a walker does at each city.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Tells,
    /// Waits for an event and reports it.
    Hears,
    /// Reports what it was told so far.
    Looks,
    /// Tells those who have room.
    Tries,
    /// Tells, and waits for an answer.
    Asks,
    /// Tells by a walk of its own.
    Sends,
}

#[derive(Debug)]
struct Speaker {
    number: u32,
    manner: Manner,
    told: AtomicUsize,
    /// Where another is to listen before anything is told.
    gate: Mutex<Option<Events<Met>>>,
}

impl Speaker {
    fn new(number: u32, manner: Manner) -> Self {
        Self { number, manner, told: AtomicUsize::new(0), gate: Mutex::default() }
    }

    fn after(self, events: &Events<Met>) -> Self {
        Self { gate: Mutex::new(Some(events.clone())), ..self }
    }

    async fn pass_gate(&self) {
        let gate = self.gate.lock().unwrap().take();
        while gate.as_ref().is_some_and(|events| events.listeners() < 2) {
            yield_now().await;
        }
    }

    fn event(&self, city: &City) -> Met {
        Met { by: self.number, city: city.name.clone() }
    }

    async fn city(&self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        let city = here.decode::<City>()?;
        let answer = guard(async {
            walk.follow(out::<Road>());
            self.pass_gate().await;
            match self.manner {
                Manner::Tells => {
                    let told = walk.emit(self.event(&city)).await?;
                    self.told.fetch_add(told, Ordering::Relaxed);
                }
                Manner::Hears => match walk.next_event::<Met>().await? {
                    Some(event) => walk.report(event),
                    None => return Ok(Control::Disengage),
                },
                Manner::Looks => {
                    while let Some(event) = walk.try_next_event()? {
                        walk.report(event);
                    }
                }
                Manner::Tries => {
                    let Emitted { told, full, .. } = walk.try_emit(&self.event(&city))?;
                    self.told.fetch_add(told, Ordering::Relaxed);
                    assert_eq!(told + full, 1);
                }
                Manner::Asks => {
                    walk.emit(self.event(&city)).await?;
                    let answer = walk.next_event::<Met>().await?;
                    answer.into_iter().for_each(|event| walk.report(event));
                }
                Manner::Sends => {
                    let inner = Self::new(self.number + 100, Manner::Tells);
                    let events = walk.spawn(inner).max_depth(0);
                    let events: NestedWalk<'_, Self, Self> = events;
                    drop(Box::pin(events.run()).await);
                }
            }
            Result::<_, Error>::Ok(Control::Continue)
        });
        let answer = answer.await;
        walk.answered("city", answer)
    }
}

impl Walker for Speaker {
    type Report = Met;
    const NAME: &'static str = "Speaker";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.city(here, walk).await
    }
}

impl ParallelWalker for Speaker {
    async fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.city(here, walk).await
    }
}

/// Cities on a line.
async fn line(graph: &Graph, count: usize) -> Vec<Stored<City>> {
    let cities = (0..count).map(|number| City::new(&number.to_string()));
    let cities: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
    let roads = cities.windows(2).map(|pair| (&pair[0], &pair[1], Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    cities
}

fn walk(graph: &Graph, start: &Stored<City>, number: u32, manner: Manner) -> WalkBuilder<Speaker> {
    graph.walk(Speaker::new(number, manner)).from(start)
}

/// What must not take long, whatever waits for whatever.
fn soon<'a, T: 'a>(future: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(async move { timeout(Duration::from_secs(20), future).await.expect("it hangs") })
}

#[tokio::test]
async fn a_walk_hears_what_the_others_tell_in_order_and_not_itself() {
    for graph in graphs().await {
        let cities = line(&graph, 8).await;
        let events = Events::<Met>::new(2);
        let teller = walk(&graph, &cities[0], 1, Manner::Tells).events(&events);
        let hearer = walk(&graph, &cities[0], 2, Manner::Hears).events(&events);
        drop(events);
        let (hearer, teller) = soon(async { tokio::join!(hearer.run(), teller.run()) }).await;
        let (hearer, teller) = (hearer.unwrap(), teller.unwrap());
        let expected: Vec<Met> =
            cities.iter().map(|city| Met { by: 1, city: city.name.clone() }).collect();
        assert_eq!(hearer.reports, expected);
        assert_eq!(teller.walker.told.into_inner(), 8);
    }
}

#[tokio::test]
async fn who_listens_hears_the_end_when_nobody_is_left_to_tell() {
    for graph in graphs().await {
        let cities = line(&graph, 9).await;
        let events = Events::<Met>::new(16);
        let teller = walk(&graph, &cities[6], 1, Manner::Tells).events(&events);
        let hearer = walk(&graph, &cities[0], 2, Manner::Hears).events(&events);
        let mut listener = events.listen();
        drop(events);
        let (hearer, _) = soon(async { tokio::join!(hearer.run(), teller.run()) }).await;
        let hearer = hearer.unwrap();
        assert_eq!((hearer.reports.len(), hearer.ended), (3, Ended::Disengaged));
        for _ in 0..3 {
            assert_eq!(soon(listener.next()).await.unwrap().by, 1);
        }
        // The outcome keeps nobody waiting.
        assert_eq!(soon(listener.next()).await, None);
        // A walk alone hears that it is.
        let events = Events::<Met>::new(1);
        let alone = walk(&graph, &cities[0], 3, Manner::Hears).events(&events);
        drop(events);
        assert_eq!(soon(alone.run()).await.unwrap().ended, Ended::Disengaged);
    }
}

#[tokio::test]
async fn who_tells_waits_for_room() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = line(&graph, 6).await;
    let events = Events::<Met>::new(2);
    let mut listener = events.listen();
    let teller = walk(&graph, &cities[0], 1, Manner::Tells).events(&events);
    let teller = tokio::spawn(teller.run());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!teller.is_finished(), "two of six events fit");
    for city in 0..6 {
        assert_eq!(soon(listener.next()).await.unwrap().city, city.to_string());
    }
    assert_eq!(soon(teller).await.unwrap().unwrap().stats.visited, 6);
    // Who does not wait is told how many have no room.
    let trier = walk(&graph, &cities[0], 2, Manner::Tries).events(&events);
    let outcome = soon(trier.run()).await.unwrap();
    assert_eq!(outcome.walker.told.into_inner(), 2);
    assert_eq!(events.try_emit(&Met { by: 0, city: String::new() }).full, 1);
}

#[tokio::test]
async fn a_listener_that_goes_lets_a_waiting_walk_go_on() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = line(&graph, 6).await;
    let events = Events::<Met>::new(1);
    let listener = events.listen();
    let teller = walk(&graph, &cities[0], 1, Manner::Tells).events(&events);
    let teller = tokio::spawn(teller.run());
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!teller.is_finished());
    drop(listener);
    let outcome = soon(teller).await.unwrap().unwrap();
    assert_eq!((outcome.stats.visited, outcome.walker.told.into_inner()), (6, 1));
}

#[tokio::test]
async fn a_walk_that_has_ended_paused_or_was_dropped_is_not_waited_for() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = line(&graph, 30).await;
    let events = Events::<Met>::new(1);
    // None of them takes any event.
    let ended = walk(&graph, &cities[28], 1, Manner::Tells).events(&events).run().await.unwrap();
    let mut paused = walk(&graph, &cities[0], 2, Manner::Tells).events(&events).stepper();
    assert!(soon(paused.step()).await.unwrap());
    let dropped = walk(&graph, &cities[0], 3, Manner::Hears).events(&events);
    assert!(timeout(Duration::from_millis(10), dropped.run()).await.is_err());
    let failed = walk(&graph, &cities[0], 4, Manner::Hears).events(&events);
    let failed = failed.hook_timeout(Duration::from_millis(5)).outcome().await.unwrap();
    assert_eq!(failed.ended, Ended::Failed);
    let teller = walk(&graph, &cities[0], 5, Manner::Tells).events(&events);
    let outcome = soon(teller.run()).await.unwrap();
    assert_eq!((outcome.stats.visited, outcome.walker.told.into_inner()), (30, 0));
    // The paused one goes on, and hears again what is told from then on.
    let hearing = events.listen();
    let resumed = soon(async {
        let next = paused.step();
        next.await
    });
    assert!(resumed.await.unwrap());
    drop((ended, hearing));
}

#[tokio::test]
async fn walks_that_wait_for_each_other_end_at_their_deadline() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = line(&graph, 6).await;
    let events = Events::<Met>::new(1);
    let end = Instant::now() + Duration::from_millis(100);
    let teller = |number| {
        let walker = Speaker::new(number, Manner::Tells).after(&events);
        graph.walk(walker).from(&cities[0]).events(&events).deadline(end)
    };
    let (one, other) = (teller(1), teller(2));
    let (one, other) = soon(async { tokio::join!(one.run(), other.run()) }).await;
    let ended = [one.unwrap().ended, other.unwrap().ended];
    assert_eq!(ended[0], Ended::Limit(Limit::Deadline));
    assert_eq!(ended[1], Ended::Limit(Limit::Deadline));
}

#[tokio::test]
async fn walks_ask_and_answer() {
    for graph in graphs().await {
        let cities = line(&graph, 10).await;
        let events = Events::<Met>::new(1);
        let asker = |number| {
            let walker = Speaker::new(number, Manner::Asks).after(&events);
            graph.walk(walker).from(&cities[0]).events(&events)
        };
        let (asker, other) = (asker(1), asker(2));
        drop(events);
        let (asker, other) = soon(async { tokio::join!(asker.run(), other.run()) }).await;
        for (outcome, by) in [(asker.unwrap(), 2), (other.unwrap(), 1)] {
            let heard: Vec<Met> =
                cities.iter().map(|city| Met { by, city: city.name.clone() }).collect();
            assert_eq!(outcome.reports, heard);
        }
    }
}

#[tokio::test]
async fn hooks_in_parallel_tell_and_hear() {
    let graph = Graph::open("memory:").await.unwrap();
    let hub = graph.create(City::new("hub")).await.unwrap();
    let cities = (0..50).map(|number| City::new(&number.to_string()));
    let cities: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
    let roads = cities.iter().map(|city| (&hub, city, Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    let events = Events::<Met>::new(4);
    let teller = walk(&graph, &hub, 1, Manner::Tells).events(&events).parallel(3).concurrency(9);
    let hearer = walk(&graph, &hub, 2, Manner::Hears).events(&events).parallel(3).concurrency(9);
    drop(events);
    let (hearer, teller) = soon(async { tokio::join!(hearer.run(), teller.run()) }).await;
    let mut heard: Vec<String> =
        hearer.unwrap().reports.into_iter().map(|event| event.city).collect();
    heard.sort();
    heard.dedup();
    assert_eq!((heard.len(), teller.unwrap().stats.visited), (51, 51));
}

#[tokio::test]
async fn an_event_of_a_type_without_a_channel_is_refused() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = line(&graph, 1).await;
    let other = Events::<u32>::new(1);
    for manner in [Manner::Tells, Manner::Hears, Manner::Looks, Manner::Tries] {
        let walk = walk(&graph, &cities[0], 1, manner).events(&other);
        let error = walk.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.context("events").unwrap().contains("Met"), "{error}");
    }
    // A walk inside of another takes part only in what it is told to.
    let events = Events::<Met>::new(4);
    let mut listener = events.listen();
    drop(walk(&graph, &cities[0], 1, Manner::Sends).events(&events).run().await.unwrap());
    assert_eq!(listener.try_next(), None);
    assert_eq!(events.emit(Met { by: 9, city: "Oslo".to_owned() }).await, 1);
    assert_eq!(listener.try_next().map(|event| event.by), Some(9));
}

#[tokio::test]
async fn what_waits_can_be_taken_without_waiting() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = line(&graph, 3).await;
    let events = Events::<Met>::new(8);
    // It begins when the event is there, or goes on without.
    let looker = Speaker::new(1, Manner::Looks).after(&events);
    let looker = graph.walk(looker).from(&cities[0]).events(&events);
    let (outcome, told) = soon(async {
        tokio::join!(looker.run(), async {
            while events.listeners() < 1 {
                yield_now().await;
            }
            let told = events.emit(Met { by: 7, city: "Rome".into() }).await;
            (told, events.listen())
        })
    })
    .await;
    assert_eq!(told.0, 1);
    assert_eq!(outcome.unwrap().reports, [Met { by: 7, city: "Rome".into() }]);
}
