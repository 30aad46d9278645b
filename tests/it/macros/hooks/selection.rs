//! What hooks run for: edges, several types, everything; when nodes are left and at the end.

use jvspatial::prelude::*;
use jvspatial::{Limit, Outcome, ParallelWalker};

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct City {
    number: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct Town {}

#[derive(Debug, Clone, Serialize, Deserialize, Edge)]
struct Road {
    km: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, Edge)]
struct Ferry {}

/// City 0, a road to city 1, and from there a ferry to a town.
async fn world() -> Result<(Graph, Stored<City>)> {
    let graph = Graph::open("memory:").await?;
    let first = graph.create(City { number: 0 }).await?;
    let second = graph.create(City { number: 1 }).await?;
    let town = graph.create(Town {}).await?;
    graph.connect(&first, &second, Road { km: 7 }).await?;
    graph.connect(&second, &town, Ferry {}).await?;
    Ok((graph, first))
}

async fn walk<W: Walker>(walker: W) -> Outcome<W> {
    let (graph, first) = world().await.unwrap();
    graph.walk(walker).from(&first).run().await.unwrap()
}

/// Notes which hooks run, along all edges.
struct Selects;

#[walker(report = &'static str)]
impl Selects {
    #[on_visit]
    fn follow(&self, _: &AnyNode, walk: &mut Walk<Self>) {
        walk.follow_edges(out::<AnyEdge>());
    }

    #[on_visit]
    fn road(&self, here: &mut Stored<Road>, walk: &mut Walk<Self>) {
        assert_eq!((here.source().entity(), here.target().entity()), ("City", "City"));
        here.km += 1;
        walk.save(here);
        walk.report("road");
    }

    #[on_visit(City, Town)]
    fn settlement(&self, here: &AnyNode, walk: &mut Walk<Self>) {
        assert_eq!(here.is::<City>(), !here.is::<Town>());
        walk.report("settlement");
    }

    #[on_visit(Road, Ferry)]
    async fn way(&self, here: &AnyEdge, walk: &mut Walk<Self>) -> Result<()> {
        if let Some(road) = here.to::<Road>()? {
            assert_eq!(road.km, 8, "what the hook before has saved is seen");
        }
        walk.report("way");
        Ok(())
    }

    #[on_visit]
    fn city(&self, _: &Stored<City>, walk: &mut Walk<Self>) {
        walk.report("city");
    }

    #[on_visit(Ferry, City)]
    fn mixed(&self, here: &Here, walk: &mut Walk<Self>) {
        walk.report(if here.is_edge() { "mixed edge" } else { "mixed node" });
    }

    #[on_visit(any)]
    fn any(&self, _: &Here, walk: &mut Walk<Self>) {
        walk.report("any");
    }

    #[on_visit]
    fn edge(&self, _: &AnyEdge, walk: &mut Walk<Self>) {
        walk.report("any edge");
    }

    #[on_visit]
    fn node(&self, _: &AnyNode, walk: &mut Walk<Self>) {
        walk.report("any node");
    }
}

const SELECTED: [&str; 21] = [
    "settlement",
    "city",
    "mixed node",
    "any",
    "any node", // city 0
    "road",
    "way",
    "any",
    "any edge", // the road
    "settlement",
    "city",
    "mixed node",
    "any",
    "any node", // city 1
    "way",
    "mixed edge",
    "any",
    "any edge", // the ferry
    "settlement",
    "any",
    "any node", // the town
];

#[tokio::test]
async fn hooks_that_name_the_type_run_first_each_once_and_all_in_the_order_of_declaration() {
    assert_eq!(walk(Selects).await.reports, SELECTED);
}

#[tokio::test]
async fn a_walker_whose_hooks_only_look_walks_the_same_in_parallel() {
    let (graph, first) = world().await.unwrap();
    let outcome = graph.walk(Selects).from(&first).parallel(2).run().await.unwrap();
    assert_eq!(outcome.reports, SELECTED);
}

/// Leaves cities, and says so.
struct Leaves {
    left: Vec<String>,
}

#[walker]
impl Leaves {
    #[on_visit]
    fn any(&mut self, here: &Here, walk: &mut Walk<Self>) {
        self.left.push(format!("visit {}", here.id().entity()));
        if here.is_node() {
            walk.follow_edges(out::<AnyEdge>());
        }
    }

    #[on_leave]
    fn city(&mut self, here: &mut Stored<City>) {
        here.number += 10;
        self.left.push("city".into());
    }

    #[on_leave(any)]
    fn leave_any(&mut self, here: &Here) {
        self.left.push(format!("leave {}", here.id().entity()));
    }

    #[on_leave]
    async fn city_again(&mut self, here: &Stored<City>) -> Result<()> {
        self.left.push(format!("city {}", here.number));
        Ok(())
    }

    #[on_leave(City, Road)]
    fn listed(&mut self, _: &Here) {
        self.left.push("listed".into());
    }
}

#[tokio::test]
async fn what_was_visited_is_left_in_post_order_hooks_for_all_before_those_for_the_type() {
    let outcome = walk(Leaves { left: Vec::new() }).await;
    assert_eq!(
        outcome.walker.left,
        [
            "visit City",
            "visit Road",
            "visit City",
            "visit Ferry",
            "visit Town",
            "leave Town",
            "leave Ferry",
            "leave City",
            "city",
            "city 11",
            "listed",
            "leave Road",
            "listed",
            "leave City",
            "city",
            "city 10",
            "listed",
        ]
    );
}

#[test]
fn only_a_walker_that_leaves_has_its_leaving_kept_count_of() {
    const { assert!(Leaves::LEAVES) };
    const { assert!(!Selects::LEAVES) };
}

/// Tells how it ended.
struct Ends;

#[walker(report = String)]
impl Ends {
    #[on_visit]
    fn follow(&self, _: &AnyNode, walk: &mut Walk<Self>) {
        walk.follow(out::<AnyEdge>());
    }

    #[on_exit]
    fn by_value(&mut self, walk: &mut Walk<Self>, ended: Ended) {
        walk.report(format!("{ended}"));
    }

    #[on_exit]
    async fn by_reference(&self, ended: &Ended, walk: &mut Walk<Self>) {
        walk.report(format!("{ended:?}"));
    }
}

#[tokio::test]
async fn exit_hooks_are_told_how_the_walk_ended() {
    assert_eq!(walk(Ends).await.reports, ["finished", "Finished"]);
    let (graph, first) = world().await.unwrap();
    let outcome = graph.walk(Ends).from(&first).max_steps(1).run().await.unwrap();
    assert_eq!(outcome.ended, Ended::Limit(Limit::Steps(1)));
    assert_eq!(outcome.reports[1], "Limit(Steps(1))");
}

#[test]
fn exit_hooks_may_change_a_walker_that_walks_in_parallel() {
    const fn is_parallel<W: ParallelWalker>() {}
    is_parallel::<Ends>();
    is_parallel::<Selects>();
}
