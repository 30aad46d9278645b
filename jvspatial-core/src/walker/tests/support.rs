//! A small world of numbered towns, a database that counts, and a walker made of closures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jvspatial_db::{
    Adjacent, Bson, Capabilities, Collection, Cursor, Database, Document, EntityName, Expansion,
    FieldPath, Filter, Handle, Id, Link, MemoryDb, Query, WriteBatch, WriteReport,
};
use serde::{Deserialize, Serialize};

use crate::walker::hook::{IntoHookResult, guard_sync};
use crate::walker::{Control, Ended, Here, HookError, Outcome, Walk, WalkBuilder, Walker};
use crate::{Edge, Entity, Error, Graph, Node, Standalone, Stored, Visitable, out};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Town {
    pub(super) number: u32,
    #[serde(default)]
    pub(super) seen: u32,
    /// Makes every attempt to write the town fail.
    #[serde(default, serialize_with = "refuse")]
    pub(super) unfit: bool,
}

fn refuse<S: serde::Serializer>(unfit: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    if *unfit {
        return Err(serde::ser::Error::custom("this town cannot be written"));
    }
    serializer.serialize_bool(false)
}

/// A node type that no hook of the tests is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Island {}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Road {}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ferry {}

macro_rules! entity {
    ($type:ident, $collection:ident) => {
        impl Entity for $type {
            const COLLECTION: Collection = Collection::$collection;
            const NAME: &'static str = stringify!($type);
            type Fields = ();
            fn fields() -> Self::Fields {}
            fn entity_name() -> EntityName {
                crate::__private::entity_name!(stringify!($type))
            }
        }
    };
}

entity!(Town, Node);
entity!(Island, Node);
entity!(Road, Edge);
entity!(Ferry, Edge);
impl Node for Town {}
impl Visitable for Town {}
impl Visitable for Island {}
impl Visitable for Road {}
impl Visitable for Ferry {}
impl Standalone for Town {}
impl Node for Island {}
impl Edge for Road {}
impl Edge for Ferry {}

pub(super) fn town(number: u32) -> Id {
    Id::with_key(Collection::Node, Town::entity_name(), &number.to_string()).unwrap()
}

fn number(id: &Id) -> u32 {
    id.to_string().rsplit('.').next().and_then(|key| key.parse().ok()).unwrap_or_default()
}

pub(super) fn roads() -> crate::Expansion<Road> {
    out::<Road>()
}

/// What the database was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// The size of each read of nodes.
    pub(super) loads: Vec<usize>,
    /// How many nodes each expansion started from.
    pub(super) expansions: Vec<usize>,
    /// The size of each batch.
    pub(super) writes: Vec<usize>,
    /// Whether some expansion asked for edges.
    pub(super) with_edges: bool,
}

/// A reference database that counts its calls, and gives out ordinals when told so.
#[derive(Debug)]
pub(super) struct Counting {
    inner: MemoryDb,
    capabilities: Capabilities,
    calls: Mutex<Calls>,
    /// How often a write lets others run before it happens, and how often after.
    pub(super) pauses: [AtomicUsize; 2],
}

impl Counting {
    fn new(ordinals: bool) -> Self {
        let inner = MemoryDb::new();
        let mut capabilities = inner.capabilities().clone();
        capabilities.ordinals = ordinals;
        Self { inner, capabilities, calls: Mutex::default(), pauses: Default::default() }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap()
    }
}

#[async_trait]
impl Database for Counting {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> jvspatial_db::Result<Vec<Option<Document>>> {
        self.calls().loads.push(handles.len());
        self.inner.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> jvspatial_db::Result<WriteReport> {
        self.calls().writes.push(batch.len());
        let [before, after] = self.pauses.each_ref().map(|count| count.load(Ordering::Relaxed));
        for _ in 0..before {
            tokio::task::yield_now().await;
        }
        let report = self.inner.write(batch).await;
        for _ in 0..after {
            tokio::task::yield_now().await;
        }
        report
    }

    async fn find(&self, query: Query) -> jvspatial_db::Result<Cursor> {
        self.inner.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> jvspatial_db::Result<u64> {
        self.inner.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> jvspatial_db::Result<Vec<Bson>> {
        self.inner.distinct(collection, field, filter).await
    }

    async fn neighbors(
        &self,
        from: &[Handle],
        expansion: &Expansion,
    ) -> jvspatial_db::Result<Vec<Adjacent>> {
        {
            let mut calls = self.calls();
            calls.expansions.push(from.len());
            calls.with_edges |= expansion.with_edges;
        }
        let mut adjacent = self.inner.neighbors(from, expansion).await?;
        if self.capabilities.ordinals {
            for node in adjacent.iter_mut().map(|adjacent| &mut adjacent.node) {
                *node = Handle::with_ordinal(node.id().clone(), number(node.id()));
            }
        }
        Ok(adjacent)
    }

    fn pin_ordinals(&self) -> jvspatial_db::OrdinalPin {
        self.inner.pin_ordinals()
    }

    async fn close(&self) -> jvspatial_db::Result<()> {
        self.inner.close().await
    }
}

/// Towns 0 to `towns - 1` joined by roads, in the order of their creation.
pub(super) struct World {
    pub(super) database: Arc<Counting>,
    edges: u32,
}

impl World {
    pub(super) async fn new(towns: u32, roads: &[(u32, u32)]) -> Self {
        Self::with_ordinals(false, towns, roads).await
    }

    pub(super) async fn with_ordinals(ordinals: bool, towns: u32, roads: &[(u32, u32)]) -> Self {
        let mut world = Self { database: Arc::new(Counting::new(ordinals)), edges: 0 };
        let mut batch = world.batch();
        for number in 0..towns {
            let fields = Town { number, seen: 0, unfit: false };
            batch.insert(town(number), &fields).unwrap();
        }
        world.write(batch).await;
        world.join::<Road>(roads).await;
        world.database.calls().writes.clear();
        world
    }

    /// A line of towns: 0 to 1 to 2 and so on.
    pub(super) async fn line(towns: u32) -> Self {
        let roads: Vec<_> = (1..towns).map(|to| (to - 1, to)).collect();
        Self::new(towns, &roads).await
    }

    /// Town 0 with a road to each other town.
    pub(super) async fn star(towns: u32) -> Self {
        let roads: Vec<_> = (1..towns).map(|to| (0, to)).collect();
        Self::new(towns, &roads).await
    }

    pub(super) async fn join<E: Edge>(&mut self, pairs: &[(u32, u32)]) {
        let mut batch = self.batch();
        for &(from, to) in pairs {
            self.edges += 1;
            let mut key = [0; 12];
            key[8..].copy_from_slice(&self.edges.to_be_bytes());
            let ends =
                jvspatial_db::Ends { source: town(from), target: town(to), bidirectional: false };
            let link = Link { ends, unique: false };
            let id = Id::generated(Collection::Edge, E::entity_name(), key);
            batch.insert_edge(id, &Road {}, link).unwrap();
        }
        self.write(batch).await;
    }

    pub(super) fn batch(&self) -> WriteBatch {
        WriteBatch::new(self.database.capabilities().encoding)
    }

    pub(super) async fn write(&self, batch: WriteBatch) {
        let report = self.database.inner.write(batch).await.unwrap();
        assert!(report.is_complete(), "{report:?}");
    }

    /// Removes a town and leaves the roads to it.
    pub(super) async fn remove(&self, number: u32) {
        let mut batch = self.batch();
        batch.delete(town(number), None, false).unwrap();
        self.write(batch).await;
    }

    pub(super) async fn get(&self, number: u32) -> Stored<Town> {
        let found = self.database.inner.get_many(&[town(number).into()]).await;
        Stored::from_document(found.unwrap().remove(0).unwrap()).unwrap()
    }

    /// Changes a town behind the walk's back.
    pub(super) async fn change(&self, number: u32) {
        let stored = self.get(number).await;
        let mut batch = self.batch();
        batch.update(town(number), stored.version(), &*stored).unwrap();
        self.write(batch).await;
    }

    pub(super) fn graph(&self) -> Graph {
        Graph::with_database(self.database.clone())
    }

    pub(super) fn walk(&self, probe: Probe) -> WalkBuilder<Probe> {
        self.graph().walk(probe).from(town(0))
    }

    pub(super) fn calls(&self) -> Calls {
        self.database.calls().clone()
    }
}

type Farewell = Box<dyn FnMut(&mut Walk<Probe>) -> Result<(), Error> + Send>;
type Hook = Box<dyn FnMut(&mut Stored<Town>, &mut Walk<Probe>) -> Result<Control, Error> + Send>;

/// A walker that reports the number of each town, and then does what its hooks say.
pub(super) struct Probe {
    town: Hook,
    /// What the hook for every node answers.
    pub(super) any: Control,
    /// How many times each kind of hook ran.
    pub(super) towns: u32,
    pub(super) anys: u32,
    pub(super) exits: u32,
    /// How long the hook for towns takes.
    pub(super) delay: Duration,
    /// What the exit hook does.
    pub(super) farewell: Option<Farewell>,
}

impl Probe {
    pub(super) fn new(
        town: impl FnMut(&mut Stored<Town>, &mut Walk<Self>) -> Result<Control, Error> + Send + 'static,
    ) -> Self {
        Self {
            town: Box::new(town),
            any: Control::Continue,
            towns: 0,
            anys: 0,
            exits: 0,
            delay: Duration::ZERO,
            farewell: None,
        }
    }

    /// One that follows every road.
    pub(super) fn roads() -> Self {
        Self::new(|_, walk| {
            walk.follow(roads());
            Ok(Control::Continue)
        })
    }

    /// One that follows every road and answers `control` at town `number`.
    pub(super) fn stops(number: u32, control: Control) -> Self {
        Self::new(move |town, walk| {
            walk.follow(roads());
            Ok(if town.number == number { control } else { Control::Continue })
        })
    }
}

impl Walker for Probe {
    type Report = u32;
    const NAME: &'static str = "Probe";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        if here.is::<Town>() {
            let mut town = here.decode::<Town>()?;
            self.towns += 1;
            walk.report(town.number);
            if self.delay > Duration::ZERO {
                tokio::time::sleep(self.delay).await;
            }
            let answer = guard_sync(|| (self.town)(&mut town, walk));
            let control = walk.answered("town", answer)?;
            if control != Control::Continue {
                return Ok(control);
            }
        }
        self.anys += 1;
        let node = here.any_node().map(|node| node.id().clone());
        assert_eq!(node.as_ref(), Some(here.id()).filter(|id| !id.is_entity(Road::entity_name())));
        walk.answered("any", self.any.into_hook_result())
    }

    async fn exit(&mut self, _: Ended, walk: &mut Walk<Self>) -> Result<(), HookError> {
        self.exits += 1;
        if let Some(farewell) = &mut self.farewell {
            let answer = guard_sync(|| farewell(walk));
            walk.answered("farewell", answer)?;
        }
        Ok(())
    }
}

/// Runs a walk that must succeed.
pub(super) async fn run(walk: WalkBuilder<Probe>) -> Outcome<Probe> {
    walk.run().await.unwrap_or_else(|error| panic!("{error}"))
}
