//! `#[walker]`: which hooks run, in which order, and what their answers do.

mod own;
mod selection;

use std::sync::atomic::{AtomicUsize, Ordering};

use jvspatial::prelude::*;
use jvspatial::{Ended, Error, ErrorKind, Outcome};

#[derive(Debug, Clone, Default, Serialize, Deserialize, Node)]
struct City {
    name: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, Node)]
struct Country {
    name: String,
}

/// Walks over a country and the two cities `a` and `b`, in this order.
async fn walk<W: Walker>(walker: W) -> Result<Outcome<W>> {
    let graph = Graph::open("memory:").await?;
    let named = |name: &str| City { name: name.into() };
    let country = graph.create(Country::default()).await?;
    let cities = graph.create_many([named("a"), named("b")]).await?;
    graph.walk(walker).from(&country).from_many(&cities).run().await
}

#[derive(Debug, Default)]
struct Order;

#[walker(report = &'static str)]
impl Order {
    #[on_exit]
    fn end(&mut self, walk: &mut Walk<Self>) {
        walk.report("end");
    }

    #[on_visit]
    async fn any_first(&mut self, _: &AnyNode, walk: &mut Walk<Self>) {
        walk.report("any 1");
    }

    #[on_visit]
    async fn city_first(&mut self, _: &mut Stored<City>, walk: &mut Walk<Self>) -> Result<()> {
        walk.report("city 1");
        Ok(())
    }

    #[on_visit]
    fn country(&self, walk: &mut Walk<Self>, _: &Stored<Country>) -> Control {
        walk.report("country");
        Control::Continue
    }

    #[on_visit]
    fn any_second(&mut self, _: &mut AnyNode, walk: &mut Walk<Self>) -> Result<Control> {
        walk.report("any 2");
        Ok(Control::Continue)
    }

    #[on_visit]
    fn city_second(&mut self, _: &Stored<City>, walk: &mut Walk<Self>) {
        walk.report("city 2");
    }

    #[on_exit]
    async fn very_end(&self, walk: &mut Walk<Self>) -> Result<()> {
        walk.report("very end");
        Ok(())
    }
}

#[tokio::test]
async fn hooks_for_the_type_run_before_those_for_any_node_in_the_order_of_declaration() {
    let outcome = walk(Order).await.unwrap();
    assert_eq!(
        outcome.reports,
        [
            "country", "any 1", "any 2", // the country
            "city 1", "city 2", "any 1", "any 2", // a
            "city 1", "city 2", "any 1", "any 2", // b
            "end", "very end",
        ]
    );
}

#[derive(Debug, Default, Serialize, Deserialize, Node)]
struct Counted {
    #[serde(deserialize_with = "count_decoding")]
    value: u32,
}

static DECODED: AtomicUsize = AtomicUsize::new(0);

fn count_decoding<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    DECODED.fetch_add(1, Ordering::Relaxed);
    u32::deserialize(from)
}

#[derive(Debug)]
struct Add;

#[walker(report = u32)]
impl Add {
    #[on_visit]
    fn add(&mut self, here: &mut Stored<Counted>) {
        here.value += 1;
    }

    #[on_visit]
    async fn add_more(&mut self, here: &mut Stored<Counted>) {
        here.value += 10;
    }

    #[on_visit]
    fn tell(&mut self, here: &Stored<Counted>, walk: &mut Walk<Self>) {
        walk.report(here.value);
    }
}

#[tokio::test]
async fn hooks_of_one_type_share_a_node_that_is_decoded_once() {
    let graph = Graph::open("memory:").await.unwrap();
    let node = graph.create(Counted { value: 100 }).await.unwrap();
    let before = DECODED.load(Ordering::Relaxed);
    let outcome = graph.walk(Add).from(&node).run().await.unwrap();
    assert_eq!(outcome.reports, [111]);
    assert_eq!(DECODED.load(Ordering::Relaxed) - before, 1);
}

/// Answers `control` at the city `a`, and notes every hook that runs.
#[derive(Debug)]
struct Steer {
    control: Control,
    ran: Vec<String>,
}

#[walker]
impl Steer {
    #[on_visit]
    async fn steer(&mut self, here: &mut Stored<City>) -> Result<Control> {
        self.ran.push(format!("steer {}", here.name));
        Ok(if here.name == "a" { self.control } else { Control::Continue })
    }

    #[on_visit]
    fn after(&mut self, here: &Stored<City>) {
        self.ran.push(format!("after {}", here.name));
    }

    #[on_visit]
    fn any(&mut self, here: &AnyNode) {
        self.ran.push(format!("any {}", here.entity()));
    }

    #[on_exit]
    fn exit(&mut self) {
        self.ran.push("exit".into());
    }
}

async fn steered(control: Control) -> Outcome<Steer> {
    let ran = Vec::new();
    walk(Steer { control, ran }).await.unwrap()
}

#[tokio::test]
async fn skip_leaves_out_the_other_hooks_of_the_node() {
    let outcome = steered(Control::Skip).await;
    assert_eq!(
        outcome.walker.ran,
        ["any Country", "steer a", "steer b", "after b", "any City", "exit"]
    );
}

#[tokio::test]
async fn disengage_ends_the_walk_and_runs_the_exit_hooks() {
    let outcome = steered(Control::Disengage).await;
    assert_eq!(outcome.ended, Ended::Disengaged);
    assert_eq!(outcome.walker.ran, ["any Country", "steer a", "exit"]);
}

#[tokio::test]
async fn pause_stops_after_the_hook_and_resuming_goes_on_with_the_next_node() {
    let outcome = steered(Control::Pause).await;
    assert_eq!(outcome.ended, Ended::Paused);
    assert_eq!(outcome.walker.ran, ["any Country", "steer a"]);
    let outcome = outcome.resume().await.unwrap();
    assert_eq!(outcome.walker.ran[2..], ["steer b", "after b", "any City", "exit"]);
}

#[derive(Debug)]
struct Fail;

#[walker]
impl Fail {
    #[on_visit]
    async fn r#try(&mut self, _: &Stored<City>) -> Result<(), std::num::ParseIntError> {
        "x".parse::<u32>().map(drop)
    }
}

#[tokio::test]
async fn an_error_names_the_walker_and_the_hook() {
    let error: Error = walk(Fail).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Application);
    let place = error.place().unwrap();
    assert_eq!((place.walker, place.hook), ("Fail", Some("try")));
}

#[derive(Debug)]
struct Collect<N> {
    found: Vec<N>,
}

#[walker]
impl<N: Node + Clone> Collect<N> {
    #[on_visit]
    fn node(&mut self, here: &Stored<N>) {
        self.found.push((**here).clone());
    }
}

#[tokio::test]
async fn a_generic_walker_visits_the_nodes_of_its_type() {
    let outcome = walk(Collect::<City> { found: Vec::new() }).await.unwrap();
    let names: Vec<_> = outcome.walker.found.iter().map(|c| &*c.name).collect();
    assert_eq!(names, ["a", "b"]);
    let outcome = walk(Collect::<Country> { found: Vec::new() }).await.unwrap();
    assert_eq!(outcome.walker.found.len(), 1);
}

#[test]
fn a_walker_has_the_version_that_it_names() {
    struct First;
    #[walker]
    impl First {}
    struct Second;
    #[walker(version = 2)]
    impl Second {}
    assert_eq!([First::VERSION, Second::VERSION], [1, 2]);
}
