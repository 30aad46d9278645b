//! Hooks that nodes and edges have themselves.

use std::sync::atomic::{AtomicU32, Ordering};

use jvspatial::prelude::*;
use jvspatial::{Error, ErrorKind, OnError, Outcome};

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct City {
    name: String,
    visits: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct Harbour {}

#[derive(Debug, Clone, Serialize, Deserialize, Edge)]
struct Road {
    km: u32,
}

/// A city, a harbour, and the road between.
async fn world() -> Result<(Graph, Stored<City>, Id, Stored<Harbour>)> {
    let graph = Graph::open("memory:").await?;
    let city = graph.create(City { name: "a".into(), visits: 0 }).await?;
    let harbour = graph.create(Harbour {}).await?;
    let road = graph.connect(&city, &harbour, Road { km: 7 }).await?;
    let road = road.id().clone();
    Ok((graph, city, road, harbour))
}

/// Walks over the city, the road from it, and the harbour behind it.
async fn walk<W: Walker>(walker: W) -> Outcome<W> {
    let (graph, city, road, harbour) = world().await.unwrap();
    graph.walk(walker).from(&city).from(road).from(&harbour).run().await.unwrap()
}

#[derive(Debug, Default)]
struct Surveyor {
    ran: Vec<&'static str>,
}

#[walker(meets(Harbour, Road))]
impl Surveyor {
    #[on_visit]
    fn any(&mut self, _: &Here) {
        self.ran.push("any");
    }

    #[on_visit]
    fn city(&mut self, here: &mut Stored<City>) {
        here.visits += 1;
        self.ran.push("city");
    }

    #[on_leave]
    fn leave_city(&mut self, _: &Stored<City>) {
        self.ran.push("leave city");
    }

    #[on_leave]
    fn leave_any(&mut self, _: &Here) {
        self.ran.push("leave any");
    }
}

#[visited]
impl City {
    #[visited_by(any)]
    async fn count<W: Walker>(here: &mut Stored<Self>, walk: &mut Walk<W>) {
        here.visits += 100;
        walk.save(here);
    }

    #[visited_by(Surveyor)]
    fn first(here: &mut Stored<City>, surveyor: &mut Surveyor) {
        here.visits += 10;
        surveyor.ran.push("City::first");
    }

    #[visited_by(Surveyor)]
    async fn second(&self, surveyor: &mut Surveyor, _: &mut Walk<Surveyor>) -> Result<()> {
        assert_eq!(self.visits, 11, "what the hooks before have changed is seen");
        surveyor.ran.push("City::second");
        Ok(())
    }

    #[left_by(any)]
    fn wave<W: Walker>(here: &mut Stored<Self>, walk: &mut Walk<W>) {
        here.visits *= 2;
        walk.save(here);
    }

    #[left_by(Surveyor)]
    fn leave(&self, surveyor: &mut Surveyor) {
        assert_eq!(self.visits, 222, "the hook for any walker has run, and is seen");
        surveyor.ran.push("City::leave");
    }
}

#[visited]
impl Harbour {
    #[visited_by(Surveyor)]
    fn greet(surveyor: &mut Surveyor) {
        surveyor.ran.push("Harbour::greet");
    }

    #[visited_by(Census, Fails)]
    fn count<W: Counts>(walker: &W) {
        walker.count();
    }
}

#[visited]
impl Road {
    #[visited_by(Surveyor)]
    fn greet(&self, surveyor: &mut Surveyor) {
        assert_eq!(self.km, 7);
        surveyor.ran.push("Road::greet");
    }
}

#[tokio::test]
async fn a_walkers_hooks_run_before_those_of_the_node_and_the_other_way_round_when_leaving() {
    let outcome = walk(Surveyor::default()).await;
    assert_eq!(
        outcome.walker.ran,
        [
            "city",
            "any",
            "City::first",
            "City::second", // the city
            "any",
            "Road::greet", // the road
            "any",
            "Harbour::greet", // the harbour
            "City::leave",
            "leave any",
            "leave city", // the city
            "leave any",
            "leave any", // the road and the harbour
        ]
    );
}

#[tokio::test]
async fn what_a_hook_of_a_node_saves_is_stored() {
    let (graph, city, ..) = world().await.unwrap();
    let _ = graph.walk(Surveyor::default()).from(&city).run().await.unwrap();
    assert_eq!(graph.get::<City>(&city).await.unwrap().unwrap().visits, 222);
}

/// A walker that can be shared.
#[derive(Debug, Default)]
struct Census {
    harbours: AtomicU32,
}

trait Counts: Walker {
    fn count(&self);
}

impl Counts for Census {
    fn count(&self) {
        self.harbours.fetch_add(1, Ordering::Relaxed);
    }
}

#[walker(meets(Harbour), report = String)]
impl Census {
    #[on_visit(City)]
    fn city(&self, here: &AnyNode, walk: &mut Walk<Self>) {
        walk.report(format!("{} {:?}", here.entity(), here.get("visits").unwrap()));
    }
}

#[tokio::test]
async fn a_hook_is_for_each_walker_that_it_lists_and_for_any_walker_that_names_the_type() {
    let outcome = walk(Census::default()).await;
    assert_eq!(outcome.walker.harbours.into_inner(), 1);
    // The hook for any walker has saved the city, and waves at it.
    assert_eq!(outcome.stats.written, 1);
    assert_eq!(outcome.reports.len(), 1);
}

#[tokio::test]
async fn hooks_of_nodes_run_in_parallel_walks() {
    let graph = Graph::open("memory:").await.unwrap();
    let harbours = graph.create_many((0..50).map(|_| Harbour {})).await.unwrap();
    let walk = graph.walk(Census::default()).from_many(&harbours).parallel(3);
    assert_eq!(walk.run().await.unwrap().walker.harbours.into_inner(), 50);
}

/// A walker that names none of the types.
#[derive(Debug)]
struct Stranger;

#[walker]
impl Stranger {
    #[on_visit]
    fn any(&mut self, _: &Here) {}
}

#[tokio::test]
async fn a_walker_that_does_not_name_a_type_does_not_run_its_hooks() {
    assert_eq!(walk(Stranger).await.stats.written, 0);
}

/// A walker whose hooks, and those for it, do what `how` says.
#[derive(Debug, Default)]
struct Fails {
    how: Vec<How>,
    ran: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Own,
    OwnAny,
    Theirs,
    TheirsLater,
    Leaving,
    TheirsLeaving,
    Exit,
}

impl Fails {
    fn pass(&mut self, name: &'static str, here: How) -> Result<()> {
        self.ran.push(name);
        assert!(!(self.how.contains(&here) && self.how.len() == 1), "told to panic");
        match self.how.contains(&here) {
            true => Err(Error::application("told to fail")),
            false => Ok(()),
        }
    }
}

impl Counts for Fails {
    fn count(&self) {}
}

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct Trap {}

#[walker(meets(Harbour))]
impl Fails {
    #[on_visit]
    async fn own(&mut self, _: &Stored<Trap>) -> Result<()> {
        self.pass("own", How::Own)
    }

    #[on_visit(Trap)]
    fn own_any(&mut self, _: &AnyNode) -> Result<()> {
        self.pass("own_any", How::OwnAny)
    }

    #[on_leave]
    fn leaving(&mut self, _: &Here) -> Result<()> {
        self.pass("leaving", How::Leaving)
    }

    #[on_exit]
    async fn exit(&mut self) -> Result<()> {
        self.pass("exit", How::Exit)
    }
}

#[visited]
impl Trap {
    #[visited_by(Fails)]
    fn theirs(fails: &mut Fails) -> Result<()> {
        fails.pass("theirs", How::Theirs)
    }

    #[visited_by(Fails)]
    async fn r#later(&self, fails: &mut Fails) -> Result<()> {
        fails.pass("later", How::TheirsLater)
    }

    #[left_by(Fails)]
    async fn left(&self, fails: &mut Fails) -> Result<()> {
        fails.pass("left", How::TheirsLeaving)
    }
}

async fn failed(how: &[How], policy: OnError) -> Outcome<Fails> {
    let graph = Graph::open("memory:").await.unwrap();
    let trap = graph.create(Trap {}).await.unwrap();
    let fails = Fails { how: how.to_vec(), ran: Vec::new() };
    graph.walk(fails).from(&trap).on_error(policy).outcome().await.unwrap()
}

const HOOKS: [(How, &str); 7] = [
    (How::Own, "own"),
    (How::OwnAny, "own_any"),
    (How::Theirs, "Trap::theirs"),
    (How::TheirsLater, "Trap::later"),
    (How::TheirsLeaving, "Trap::left"),
    (How::Leaving, "leaving"),
    (How::Exit, "exit"),
];

#[tokio::test]
async fn an_error_or_a_panic_in_any_hook_ends_the_walk_and_names_walker_and_hook() {
    for (how, name) in HOOKS {
        for (told, message) in [(vec![how], "told to panic"), (vec![how, how], "told to fail")] {
            let outcome = failed(&told, OnError::Fail).await;
            let error = outcome.error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Application, "{name}: {error}");
            assert!(error.to_string().contains(message), "{error}");
            let place = error.place().unwrap();
            assert_eq!((place.walker, place.hook), ("Fails", Some(name)));
            assert_eq!(place.at.is_some(), how != How::Exit, "{error}");
        }
    }
}

#[tokio::test]
async fn collecting_errors_goes_on_with_the_next_hook_whoevers_it_is() {
    let all: Vec<_> = HOOKS.iter().map(|(how, _)| *how).collect();
    let outcome = failed(&all, OnError::Collect).await;
    let ran = ["own", "own_any", "theirs", "later", "left", "leaving", "exit"];
    assert_eq!(outcome.walker.ran, ran);
    let hooks: Vec<_> = outcome.errors.iter().map(|e| e.place().unwrap().hook.unwrap()).collect();
    assert_eq!(hooks, HOOKS.map(|(_, name)| name));
}

#[tokio::test]
async fn skipping_errors_leaves_out_the_other_hooks_of_the_node() {
    let outcome = failed(&[How::Theirs, How::TheirsLeaving], OnError::Skip).await;
    assert_eq!(outcome.walker.ran, ["own", "own_any", "theirs", "left", "exit"]);
    assert_eq!(outcome.errors.len(), 2);
}

/// A walker whose nodes steer it.
#[derive(Debug, Default)]
struct Led {
    ran: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct Guide {
    answer: String,
}

#[walker(sequential, meets(Guide))]
impl Led {
    #[on_exit]
    fn exit(&mut self) {
        self.ran.push("exit");
    }
}

#[visited]
impl Guide {
    #[visited_by(Led)]
    fn steer(&self, led: &mut Led) -> Control {
        led.ran.push("steer");
        match &*self.answer {
            "skip" => Control::Skip,
            "pause" => Control::Pause,
            "disengage" => Control::Disengage,
            _ => Control::Continue,
        }
    }

    #[visited_by(Led)]
    fn after(led: &mut Led) {
        led.ran.push("after");
    }
}

async fn led(answer: &str) -> Outcome<Led> {
    let graph = Graph::open("memory:").await.unwrap();
    let guides = [answer, "continue"].map(|answer| Guide { answer: answer.into() });
    let guides = graph.create_many(guides).await.unwrap();
    graph.walk(Led::default()).from_many(&guides).run().await.unwrap()
}

#[tokio::test]
async fn a_hook_of_a_node_steers_the_walk_as_a_walkers_own_does() {
    assert_eq!(led("continue").await.walker.ran, ["steer", "after", "steer", "after", "exit"]);
    assert_eq!(led("skip").await.walker.ran, ["steer", "steer", "after", "exit"]);
    assert_eq!(led("disengage").await.walker.ran, ["steer", "exit"]);
    let outcome = led("pause").await;
    assert_eq!((outcome.ended, outcome.walker.ran.clone()), (Ended::Paused, vec!["steer"]));
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.walker.ran, ["steer", "steer", "after", "exit"]);
}
