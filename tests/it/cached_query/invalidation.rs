//! A kept answer is never older than a write: every kind of write beside every kind of read.

use super::*;

/// Every kind of read, answered from what is kept where that is true.
impl Towns {
    #[cached_query]
    async fn by_id(&self, id: Id) -> Result<Option<u32>> {
        self.ran();
        Ok(self.graph.get::<Town>(&id).await?.map(|town| town.people))
    }

    #[cached_query]
    async fn by_filter(&self) -> Result<u32> {
        self.ran();
        let towns = self.graph.nodes::<Town>().filter(|town| town.people.gt(0)).all().await?;
        Ok(towns.iter().map(|town| town.people).sum())
    }

    #[cached_query]
    async fn counted(&self) -> Result<u64> {
        self.ran();
        self.graph.nodes::<Town>().filter(|town| town.people.gte(50)).count().await
    }

    #[cached_query]
    async fn neighbors(&self, id: Id) -> Result<Vec<u32>> {
        self.ran();
        let Some(town) = self.graph.get::<Town>(&id).await? else { return Ok(Vec::new()) };
        let met = self.graph.out::<Road>(&town).to::<Town>().all().await?;
        let mut people: Vec<u32> = met.iter().map(|town| town.people).collect();
        people.sort_unstable();
        Ok(people)
    }

    #[cached_query]
    async fn projected(&self) -> Result<Vec<u32>> {
        self.ran();
        let mut people = self.graph.nodes::<Town>().distinct(|town| town.people).await?;
        people.sort_unstable();
        Ok(people)
    }

    #[cached_query]
    async fn nested(&self, id: Id) -> Result<(Option<u32>, u64)> {
        self.ran();
        Ok((self.by_id(id).await?, self.counted().await?))
    }

    #[cached_query]
    async fn unrelated(&self) -> Result<u64> {
        self.ran();
        self.graph.nodes::<Lake>().count().await
    }
}

/// Reads, then lets others write before it answers.
#[cached_query(cache = graph)]
async fn slow(graph: &Graph, id: Id) -> Result<u32> {
    let people = graph.get::<Town>(&id).await?.map_or(0, |town| town.people);
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(people)
}

/// The town that every write is about, one that is left alone, and two beside them.
pub(super) struct World {
    pub(super) towns: Towns,
    pub(super) own: Stored<Town>,
    other: Stored<Town>,
    near: Stored<Town>,
    far: Stored<Town>,
    road: Stored<Road>,
}

/// Raises the number of people in each town that it visits.
#[derive(Debug)]
struct Growth;

#[walker]
impl Growth {
    #[on_visit]
    fn grow(&mut self, here: &mut Stored<Town>, walk: &mut Walk<Self>) {
        here.people += 1_000;
        walk.save(here);
    }
}

/// Every kind of write.
pub(super) const WRITES: [&str; 15] = [
    "save",
    "bulk save",
    "modify",
    "walker",
    "atomic walker",
    "update many",
    "upsert",
    "create",
    "create many",
    "delete",
    "delete of a neighbour",
    "delete many",
    "connect",
    "disconnect",
    "transaction",
];

impl World {
    async fn new() -> Self {
        Self::of(Towns::open().await).await
    }

    pub(super) async fn of(towns: Towns) -> Self {
        let own = towns.town("own", 10).await;
        let other = towns.town("other", 20).await;
        let near = towns.town("near", 30).await;
        let far = towns.town("far", 40).await;
        let road = towns.graph.connect(&own, &near, Road { km: 7 }).await.unwrap();
        Self { towns, own, other, near, far, road }
    }

    /// The answers of all reads on `towns`.
    async fn answers(&self, towns: &Towns) -> String {
        let (own, other) = (self.own.id(), self.other.id());
        let near = self.near.id();
        let by_id = towns.by_id(own.clone()).await.unwrap();
        let by_filter = towns.by_filter().await.unwrap();
        let counted = towns.counted().await.unwrap();
        let near = towns.neighbors(near.clone()).await.unwrap();
        let neighbors = (towns.neighbors(own.clone()).await.unwrap(), near);
        let projected = towns.projected().await.unwrap();
        let nested = towns.nested(own.clone()).await.unwrap();
        let others = (towns.by_id(other.clone()).await.unwrap(), towns.unrelated().await.unwrap());
        format!("{by_id:?} {by_filter} {counted} {neighbors:?} {projected:?} {nested:?} {others:?}")
    }

    /// The answers as a graph tells them that has kept none.
    async fn truth(&self) -> String {
        let graph = Graph::with_database(Arc::clone(self.towns.graph.database()));
        self.answers(&Towns { graph, runs: Arc::default() }).await
    }

    pub(super) async fn write(&mut self, kind: &str) {
        let Self { towns, own, near, far, road, .. } = self;
        let graph = &towns.graph;
        match kind {
            "save" => {
                own.people = 60;
                graph.save(own).await.unwrap();
            }
            "bulk save" => {
                (own.people, near.people) = (61, 62);
                let mut both = [own.clone(), near.clone()];
                assert_eq!(graph.save_many(&mut both).await.unwrap().written(), 2);
            }
            "modify" => {
                graph.modify::<Town>(own.id(), |town| town.people = 63).await.unwrap();
            }
            "walker" => {
                let _ = graph.walk(Growth).from(own.id()).run().await.unwrap();
            }
            "atomic walker" => {
                let walk = graph.walk(Growth).from(own.id());
                let _ = walk.write_mode(jvspatial::WriteMode::Atomic).run().await.unwrap();
            }
            "update many" => {
                let all = graph.nodes::<Town>().filter(|town| town.name.eq("own"));
                assert_eq!(
                    all.update(|town| town.people.inc(500)).many().await.unwrap().modified,
                    1
                );
            }
            "upsert" => {
                let none = graph.nodes::<Town>().filter(|town| town.name.eq("new"));
                none.update(|town| town.people.set(70_u32)).upsert().one().await.unwrap();
            }
            "create" => drop(towns.town("new", 80).await),
            "create many" => {
                let new = ["a", "b"].map(|name| Town { name: name.into(), people: 90 });
                graph.create_many(new).await.unwrap();
            }
            "delete" => assert!(graph.delete(own.id()).await.unwrap()),
            "delete of a neighbour" => assert!(graph.delete(near.id()).await.unwrap()),
            "delete many" => {
                let all = graph.nodes::<Town>().filter(|town| town.people.gte(30_u32));
                all.delete().await.unwrap();
            }
            "connect" => drop(graph.connect(own, far, Road { km: 1 }).await.unwrap()),
            "disconnect" => assert!(graph.delete(road.id()).await.unwrap()),
            "transaction" => {
                let (id, far) = (own.id().clone(), far.clone());
                let own = own.clone();
                let done = graph.transaction(|tx| {
                    let (id, own, far) = (id.clone(), own.clone(), far.clone());
                    async move {
                        tx.modify::<Town>(&id, |town| town.people = 71).await?;
                        tx.connect(&own, &far, Road { km: 2 }).await?;
                        Ok::<_, Error>(())
                    }
                });
                done.await.unwrap();
            }
            other => panic!("no such write: {other}"),
        }
    }
}

#[tokio::test]
async fn after_every_kind_of_write_every_kind_of_read_tells_what_is_stored_now() {
    for kind in WRITES {
        let mut world = World::new().await;
        let before = world.answers(&world.towns).await;
        assert_eq!(before, world.truth().await);
        world.towns.runs();
        assert_eq!(world.answers(&world.towns).await, before);
        assert_eq!(world.towns.runs(), 0, "{kind}: all is kept before");
        world.write(kind).await;
        let truth = world.truth().await;
        assert_eq!(world.answers(&world.towns).await, truth, "{kind}");
        assert_ne!(truth, before, "{kind}: the write shows");
    }
}

#[tokio::test]
async fn what_a_write_does_not_touch_is_still_kept_after_it() {
    for kind in ["save", "modify", "walker", "delete", "connect", "transaction"] {
        let mut world = World::new().await;
        world.answers(&world.towns).await;
        world.towns.runs();
        world.write(kind).await;
        world.towns.unrelated().await.unwrap();
        world.towns.by_id(world.other.id().clone()).await.unwrap();
        assert_eq!(world.towns.runs(), 0, "{kind}");
    }
    // A new edge is no change of the nodes that it joins, nor of what is counted.
    let mut world = World::new().await;
    world.answers(&world.towns).await;
    world.towns.runs();
    world.write("connect").await;
    world.towns.by_id(world.own.id().clone()).await.unwrap();
    world.towns.counted().await.unwrap();
    assert_eq!(world.towns.runs(), 0);
}

#[tokio::test]
async fn a_write_of_another_handle_of_the_graph_counts_as_well() {
    let world = World::new().await;
    assert_eq!(world.towns.by_id(world.own.id().clone()).await.unwrap(), Some(10));
    let clone = world.towns.graph.clone();
    clone.modify::<Town>(world.own.id(), |town| town.people = 11).await.unwrap();
    assert_eq!(world.towns.by_id(world.own.id().clone()).await.unwrap(), Some(11));
}

#[tokio::test]
async fn a_write_of_another_graph_on_the_same_database_counts_as_well() {
    let world = World::new().await;
    let id = world.own.id().clone();
    let graph = Graph::with_database(Arc::clone(world.towns.graph.database()));
    let others = Towns { graph, runs: Arc::default() };
    for (writer, reader, people) in [(&world.towns, &others, 11), (&others, &world.towns, 12)] {
        reader.by_id(id.clone()).await.unwrap();
        writer.graph.modify::<Town>(&id, |town| town.people = people).await.unwrap();
        assert_eq!(reader.by_id(id.clone()).await.unwrap(), Some(people));
    }
}

#[tokio::test]
async fn an_answer_that_was_computed_during_a_write_is_not_kept() {
    let world = World::new().await;
    let (graph, id) = (world.towns.graph.clone(), world.own.id().clone());
    let load = tokio::spawn({
        let (graph, id) = (graph.clone(), id.clone());
        async move { slow(&graph, id).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    graph.modify::<Town>(&id, |town| town.people = 12).await.unwrap();
    // Who asks after the write does not wait for the answer of before.
    assert_eq!(slow(&graph, id.clone()).await.unwrap(), 12);
    assert_eq!(load.await.unwrap(), 10);
    assert_eq!(slow(&graph, id).await.unwrap(), 12);
}

/// The first two roads from `hub`: how many there are, how many are named, and whether there is a place to go on from.
#[cached_query(cache = graph)]
async fn page(graph: &Graph, hub: Id) -> Result<(usize, usize, bool)> {
    let mut expansion = jvspatial::db::Expansion::new(jvspatial::db::Direction::Out);
    expansion.limit = Some(2);
    let found = graph.database().neighbors(&[hub.into()], &expansion).await?;
    let named = found.iter().filter(|found| found.edge.is_some()).count();
    Ok((found.len(), named, expansion.place_after(&found).is_some()))
}

#[tokio::test]
async fn neighbors_that_are_noted_come_by_pages_as_others_do() {
    let world = World::new().await;
    let graph = &world.towns.graph;
    for other in [&world.far, &world.other] {
        graph.connect(&world.own, other, Road { km: 1 }).await.unwrap();
    }
    assert_eq!(page(graph, world.own.id().clone()).await.unwrap(), (2, 1, true));
}

#[tokio::test]
async fn an_edge_that_went_with_its_node_is_gone() {
    let towns = Towns::with(CacheOptions::new().entity_bytes(1 << 20)).await;
    let (a, b) = (towns.town("a", 1).await, towns.town("b", 2).await);
    let road = towns.graph.connect(&a, &b, Road { km: 1 }).await.unwrap();
    for _ in 0..2 {
        assert!(towns.graph.get::<Road>(road.id()).await.unwrap().is_some());
    }
    assert!(towns.graph.delete(a.id()).await.unwrap());
    assert!(towns.graph.get::<Road>(road.id()).await.unwrap().is_none());
}
