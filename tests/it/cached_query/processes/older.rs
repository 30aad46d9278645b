//! Nobody is told something older than it was told before, while another process has written and not told yet.

use std::sync::atomic::AtomicBool;

use tokio::sync::Notify;

use super::*;

/// A place at which calls wait while it is shut.
#[derive(Debug, Default)]
struct Gate {
    is_shut: AtomicBool,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    fn open(&self) {
        self.is_shut.store(false, Ordering::SeqCst);
        self.opened.notify_one();
    }

    async fn pass(&self) {
        if self.is_shut.load(Ordering::SeqCst) {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }
}

/// A process whose reads wait before they begin, and whose writes wait before they are answered.
#[derive(Debug)]
struct Gated {
    process: Process,
    reads: Gate,
    writes: Gate,
}

#[async_trait]
impl Database for Gated {
    fn capabilities(&self) -> &Capabilities {
        self.process.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> DbResult<Vec<Option<Document>>> {
        self.reads.pass().await;
        self.process.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> DbResult<WriteReport> {
        let report = self.process.write(batch).await;
        self.writes.pass().await;
        report
    }

    async fn find(&self, query: Query) -> DbResult<Cursor> {
        self.process.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> DbResult<u64> {
        self.process.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> DbResult<Vec<Bson>> {
        self.process.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> DbResult<Vec<Adjacent>> {
        self.process.neighbors(from, expansion).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.process.pin_ordinals()
    }

    async fn close(&self) -> DbResult<()> {
        self.process.close().await
    }
}

async fn open(database: &Arc<MemoryDb>) -> (Graph, Arc<Gated>) {
    let url = std::env::var("JVSPATIAL_TEST_REDIS_URL").unwrap();
    let namespace = format!("older-{}", std::process::id());
    let redis = RedisOptions::new(&url).unwrap().namespace(namespace);
    let process = Process(Arc::clone(database));
    let gated = Arc::new(Gated { process, reads: Gate::default(), writes: Gate::default() });
    let options = CacheOptions::new().entity_bytes(1 << 20).redis(redis);
    let graph = Graph::builder().database(gated.clone()).cache(options).open().await.unwrap();
    (graph, gated)
}

async fn people(graph: &Graph, id: &Id) -> u32 {
    graph.get::<Town>(id).await.unwrap().unwrap().people
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_was_read_past_redis_is_not_followed_by_what_redis_still_has() {
    let database = Arc::new(MemoryDb::new());
    let (mine, my_gates) = open(&database).await;
    let (theirs, their_gates) = open(&database).await;
    let town = |people| Town { name: "Bergen".into(), people };
    let (one, other) = (mine.create(town(1)).await.unwrap(), mine.create(town(1)).await.unwrap());
    let (id, ids) = (one.id().clone(), [one.id().clone(), other.id().clone()]);
    until(async || {
        assert_eq!(people(&mine, &id).await, 1);
        mine.cache_statistics().entities.hits > 0
    })
    .await;

    // They write, and are held before they tell anybody.
    their_gates.writes.shut();
    let writing = tokio::spawn({
        let (theirs, id) = (theirs.clone(), id.clone());
        async move { theirs.modify::<Town>(&id, |town| town.people = 2).await }
    });
    their_gates.writes.reached.notified().await;

    // One is kept in memory, the other is read; what is kept becomes untrue meanwhile, so both are read at once.
    my_gates.reads.shut();
    let reading = tokio::spawn({
        let mine = mine.clone();
        async move { mine.get_many::<Town>(&ids).await }
    });
    my_gates.reads.reached.notified().await;
    mine.invalidate_all();
    my_gates.reads.open();
    let read = reading.await.unwrap().unwrap();
    assert_eq!(read[0].as_ref().unwrap().people, 2);

    assert_eq!(people(&mine, &id).await, 2, "what was kept before came back");
    mine.invalidate_all();
    assert_eq!(people(&mine, &id).await, 2, "Redis told something older");

    their_gates.writes.open();
    writing.await.unwrap().unwrap();
    for graph in [mine, theirs] {
        graph.close().await.unwrap();
    }
}
