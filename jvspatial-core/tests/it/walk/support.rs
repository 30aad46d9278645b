//! A walker whose hooks are closures, and graphs of numbered cities.

use std::pin::Pin;

use jvspatial_core::__private::{guard, guard_sync};
use jvspatial_core::{
    AnyEdge, Control, Ended, Error, ErrorKind, Expansion, Graph, Here, HookError, Outcome, Result,
    Stored, Walk, WalkBuilder, Walker, out,
};
use jvspatial_db::Id;

use crate::model::{City, Road};

/// The roads of a world are numbered from here on.
pub(crate) const FIRST_ROAD: u32 = 1_000;

/// A hook that waits for something.
pub(crate) type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Control>> + Send + 'a>>;

type Now<const LEAVES: bool> =
    Box<dyn FnMut(&mut Here, &mut Walk<Probe<LEAVES>>) -> Result<Control> + Send>;
type Later<const LEAVES: bool> =
    Box<dyn for<'a> FnMut(&'a mut Here, &'a mut Walk<Probe<LEAVES>>) -> Waiting<'a> + Send>;
type Farewell<const LEAVES: bool> =
    Box<dyn FnMut(Ended, &mut Walk<Probe<LEAVES>>) -> Result<()> + Send>;

enum Hook<const LEAVES: bool> {
    Now(Now<LEAVES>),
    Later(Later<LEAVES>),
}

/// A walker that notes what its hooks are called for, and does what they say.
pub(crate) struct Probe<const LEAVES: bool = false> {
    hooks: Vec<(&'static str, Hook<LEAVES>)>,
    leave: Option<Now<LEAVES>>,
    exit: Option<Farewell<LEAVES>>,
    /// The number of everything visited.
    pub(crate) visited: Vec<u32>,
    /// The number of everything left.
    pub(crate) left: Vec<u32>,
    /// Each time that the walk ended.
    pub(crate) exits: Vec<Ended>,
}

impl Probe {
    /// One that visits where it starts, and follows nothing.
    pub(crate) fn new() -> Self {
        Self::empty()
    }

    /// One that follows every road.
    pub(crate) fn roads() -> Self {
        Self::new().hook("follow", |_, walk| {
            walk.follow(roads());
            Ok(Control::Continue)
        })
    }

    /// One that follows every road, and does `control` at city `number`.
    pub(crate) fn stops(number: u32, control: Control) -> Self {
        Self::roads().hook("stop", move |here, _| {
            Ok(if is(here, number) { control } else { Control::Continue })
        })
    }
}

impl Probe<true> {
    /// One that follows every road, and notes what it leaves.
    pub(crate) fn leaving() -> Self {
        Self::empty().hook("follow", |_, walk| {
            walk.follow(roads());
            Ok(Control::Continue)
        })
    }

    /// One that follows every road by way of the edges, and notes what it leaves.
    pub(crate) fn leaving_edges() -> Self {
        Self::empty().hook("follow", |here, walk| {
            if here.is_node() {
                walk.follow_edges(roads());
            }
            Ok(Control::Continue)
        })
    }

    pub(crate) fn leave(
        mut self,
        hook: impl FnMut(&mut Here, &mut Walk<Self>) -> Result<Control> + Send + 'static,
    ) -> Self {
        self.leave = Some(Box::new(hook));
        self
    }
}

impl<const LEAVES: bool> Probe<LEAVES> {
    fn empty() -> Self {
        let (visited, left, exits) = (Vec::new(), Vec::new(), Vec::new());
        Self { hooks: Vec::new(), leave: None, exit: None, visited, left, exits }
    }

    /// Adds a hook for everything visited.
    pub(crate) fn hook(
        mut self,
        name: &'static str,
        hook: impl FnMut(&mut Here, &mut Walk<Self>) -> Result<Control> + Send + 'static,
    ) -> Self {
        self.hooks.push((name, Hook::Now(Box::new(hook))));
        self
    }

    /// Adds a hook that waits for something.
    pub(crate) fn waits(
        mut self,
        name: &'static str,
        hook: impl for<'a> FnMut(&'a mut Here, &'a mut Walk<Self>) -> Waiting<'a> + Send + 'static,
    ) -> Self {
        self.hooks.push((name, Hook::Later(Box::new(hook))));
        self
    }

    /// Sets the hook for the end.
    pub(crate) fn exit(
        mut self,
        hook: impl FnMut(Ended, &mut Walk<Self>) -> Result<()> + Send + 'static,
    ) -> Self {
        self.exit = Some(Box::new(hook));
        self
    }
}

impl<const LEAVES: bool> Walker for Probe<LEAVES> {
    type Report = u32;
    const NAME: &'static str = "Probe";
    const LEAVES: bool = LEAVES;

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        self.visited.push(number(here));
        for (name, hook) in &mut self.hooks {
            let answer = match hook {
                Hook::Now(hook) => guard_sync(|| hook(here, walk)),
                Hook::Later(hook) => guard(hook(here, walk)).await,
            };
            let control = walk.answered(name, answer)?;
            if control != Control::Continue {
                return Ok(control);
            }
            walk.refresh(here);
        }
        Ok(Control::Continue)
    }

    async fn leave(&mut self, here: &mut Here, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.left.push(number(here));
        if let Some(leave) = &mut self.leave {
            let answer = guard_sync(|| leave(here, walk));
            walk.answered("leave", answer)?;
        }
        Ok(())
    }

    async fn exit(&mut self, ended: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.exits.push(ended);
        if let Some(exit) = &mut self.exit {
            let answer = guard_sync(|| exit(ended, walk));
            walk.answered("exit", answer)?;
        }
        Ok(())
    }
}

/// The number of a city or a road; that of anything else is 999.
pub(crate) fn number(here: &Here) -> u32 {
    if let Ok(Some(city)) = here.any_node().map(|node| node.to::<City>()).transpose() {
        return city.and_then(|city| city.name.parse().ok()).unwrap_or(999);
    }
    here.decode::<Road>().map_or(999, |road| road.km)
}

pub(crate) fn is(here: &Here, wanted: u32) -> bool {
    number(here) == wanted
}

pub(crate) fn roads() -> Expansion<Road> {
    out::<Road>()
}

pub(crate) fn every_edge() -> Expansion<AnyEdge> {
    out::<AnyEdge>()
}

pub(crate) fn refusal() -> Error {
    Error::new(ErrorKind::Application, "refused")
}

/// Cities 0 to `n - 1`, joined by roads in the order of their creation.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) graph: Graph,
    pub(crate) cities: Vec<Id>,
}

impl World {
    pub(crate) async fn new(graph: &Graph, cities: u32, roads: &[(usize, usize)]) -> Self {
        let named = (0..cities).map(|number| City::new(&number.to_string()));
        let created = graph.create_many(named).await.unwrap();
        let cities: Vec<Id> = created.iter().map(|city| city.id().clone()).collect();
        let world = Self { graph: graph.clone(), cities };
        let joined = (FIRST_ROAD..).zip(roads);
        world.join(joined.map(|(km, &(from, to))| (from, to, Road { km }))).await;
        world
    }

    pub(crate) async fn join(&self, roads: impl IntoIterator<Item = (usize, usize, Road)>) {
        let mut roads = roads
            .into_iter()
            .map(|(from, to, road)| (&self.cities[from], &self.cities[to], road))
            .peekable();
        // Many at once are one transaction on MongoDB, which has so long.
        while roads.peek().is_some() {
            let some: Vec<_> = roads.by_ref().take(500).collect();
            self.graph.connect_many_ids(some).await.unwrap().into_result().unwrap();
        }
    }

    /// A line of cities: 0 to 1 to 2 and so on.
    pub(crate) async fn line(graph: &Graph, cities: u32) -> Self {
        let roads: Vec<_> = (1..cities as usize).map(|to| (to - 1, to)).collect();
        Self::new(graph, cities, &roads).await
    }

    /// City 0 with a road to each other city.
    pub(crate) async fn star(graph: &Graph, cities: u32) -> Self {
        let roads: Vec<_> = (1..cities as usize).map(|to| (0, to)).collect();
        Self::new(graph, cities, &roads).await
    }

    pub(crate) fn id(&self, city: usize) -> Id {
        self.cities[city].clone()
    }

    /// A walk from city 0.
    pub(crate) fn walk<W: Walker>(&self, walker: W) -> WalkBuilder<W> {
        self.graph.walk(walker).from(&self.cities[0])
    }

    pub(crate) async fn city(&self, city: usize) -> Stored<City> {
        self.graph.get(&self.cities[city]).await.unwrap().unwrap()
    }

    /// How often each city that is left says it was visited.
    pub(crate) async fn visits(&self) -> Vec<Option<u64>> {
        let found = self.graph.get_many::<City>(&self.cities).await.unwrap();
        found.into_iter().map(|city| city.map(|city| city.visits)).collect()
    }
}

/// Runs a walk that must not fail.
pub(crate) async fn run<W: Walker>(walk: WalkBuilder<W>) -> Outcome<W> {
    walk.run().await.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a walk that may.
pub(crate) async fn end<W: Walker>(walk: WalkBuilder<W>) -> Outcome<W> {
    walk.outcome().await.unwrap_or_else(|error| panic!("{error}"))
}
