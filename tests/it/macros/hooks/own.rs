//! Hooks that nodes and edges have themselves.

use jvspatial::Outcome;
use jvspatial::prelude::*;

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

fn city(name: &str) -> City {
    City { name: name.into(), visits: 0 }
}

/// Walks over a city, the road from it, and the harbour behind it.
async fn walk<W: Walker>(walker: W) -> Result<Outcome<W>> {
    let graph = Graph::open("memory:").await?;
    let city = graph.create(city("a")).await?;
    let harbour = graph.create(Harbour {}).await?;
    let road = graph.connect(&city, &harbour, Road { km: 7 }).await?;
    graph.walk(walker).from(&city).from(road).from(&harbour).run().await
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
    fn greet_anyone<W: Walker>(here: &mut Stored<Self>, walk: &mut Walk<W>) {
        assert_eq!(here.visits, 3, "what the hooks before have changed is seen");
        assert_eq!(walk.depth(), 0);
        here.visits += 1;
    }

    #[visited_by(Surveyor)]
    fn first(here: &mut Stored<City>, surveyor: &mut Surveyor) {
        here.visits += 1;
        surveyor.ran.push("City::first");
    }

    #[visited_by(Surveyor)]
    async fn second(&mut self, surveyor: &mut Surveyor, _: &mut Walk<Surveyor>) -> Result<()> {
        self.visits += 1;
        surveyor.ran.push("City::second");
        Ok(())
    }

    #[left_by(Surveyor)]
    fn leave(surveyor: &mut Surveyor) {
        surveyor.ran.push("City::leave");
    }
}

#[visited]
impl Harbour {
    #[visited_by(Surveyor)]
    fn greet(surveyor: &mut Surveyor) {
        surveyor.ran.push("Harbour::greet");
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
async fn a_walkers_hooks_run_before_those_of_the_node_and_leave_after_them() {
    let outcome = walk(Surveyor::default()).await.unwrap();
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
            "leave city",
            "leave any",
            "leave any",
        ]
    );
}
