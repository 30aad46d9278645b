//! Two graphs on one database that keep apart what they have read, as two processes do, and share it in Redis.

mod older;
#[cfg(feature = "mongodb")]
mod round_trips;

use std::time::Instant;

use async_trait::async_trait;
use jvspatial::RedisOptions;
use jvspatial::db::{
    Adjacent, Bson, Capabilities, Collection, Cursor, Database, Document, Expansion, FieldPath,
    Filter, Handle, MemoryDb, OrdinalPin, Query, Transaction, WriteBatch, WriteReport,
};

use super::*;

mod far;
mod lease;
mod proxy;
mod strict;

type DbResult<T> = jvspatial::db::Result<T>;

/// What another process has told is heard within this.
const BOUND: Duration = Duration::from_millis(100);

/// The database as one process has it, apart from how others have it.
#[derive(Debug)]
struct Process(Arc<MemoryDb>);

#[async_trait]
impl Database for Process {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> DbResult<Vec<Option<Document>>> {
        self.0.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> DbResult<WriteReport> {
        self.0.write(batch).await
    }

    async fn find(&self, query: Query) -> DbResult<Cursor> {
        self.0.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> DbResult<u64> {
        self.0.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> DbResult<Vec<Bson>> {
        self.0.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> DbResult<Vec<Adjacent>> {
        self.0.neighbors(from, expansion).await
    }

    async fn begin(&self) -> DbResult<Arc<dyn Transaction>> {
        self.0.begin().await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.0.pin_ordinals()
    }

    async fn close(&self) -> DbResult<()> {
        self.0.close().await
    }
}

impl Towns {
    #[cached_query]
    async fn people(&self, id: Id) -> Result<Option<u32>> {
        self.ran();
        Ok(self.graph.get::<Town>(&id).await?.map(|town| town.people))
    }

    #[cached_query]
    async fn roads(&self, id: Id) -> Result<u64> {
        self.ran();
        self.graph.out::<Road>(&id).count().await
    }
}

/// A database, and a namespace of its own in Redis.
struct Shared {
    database: Arc<MemoryDb>,
    url: String,
    namespace: String,
}

impl Shared {
    fn new(namespace: &str) -> Self {
        let namespace = format!("{namespace}-{}", std::process::id());
        Self { database: Arc::new(MemoryDb::new()), url: redis_url(), namespace }
    }

    /// A process that shares what it keeps, and knows what others change.
    async fn open(&self) -> Towns {
        self.open_with(&self.url, CacheOptions::new().entity_bytes(1 << 20)).await
    }

    async fn open_with(&self, url: &str, options: CacheOptions) -> Towns {
        let redis = RedisOptions::new(url).unwrap().namespace(self.namespace.clone());
        let database = Arc::new(Process(Arc::clone(&self.database)));
        let graph = Graph::builder().database(database).cache(options.redis(redis));
        let towns = Towns { graph: graph.open().await.unwrap(), runs: Arc::default() };
        // Until messages are heard nothing is trusted.
        until(async || {
            towns.people("n.Town.none".parse().unwrap()).await.unwrap();
            towns.runs() == 0
        })
        .await;
        towns
    }
}

fn redis_url() -> String {
    std::env::var("JVSPATIAL_TEST_REDIS_URL").expect("JVSPATIAL_TEST_REDIS_URL names a Redis")
}

/// Graphs on one database that share a namespace of their own.
async fn two(namespace: &str) -> [Towns; 2] {
    let shared = Shared::new(namespace);
    [shared.open().await, shared.open().await]
}

/// Waits until `holds`, and returns how long that took.
async fn until(mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not come");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    start.elapsed()
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_one_writes_the_other_reads_within_a_tenth_of_a_second() {
    let [mine, theirs] = two("writes").await;
    let mut town = mine.town("Bergen", 1).await;
    let id = town.id().clone();
    for people in 2..200 {
        assert_eq!(theirs.people(id.clone()).await.unwrap(), Some(people - 1));
        town.people = people;
        mine.graph.save(&mut town).await.unwrap();
        assert_eq!(mine.people(id.clone()).await.unwrap(), Some(people));
        let known = async || theirs.people(id.clone()).await.unwrap() == Some(people);
        let taken = until(known).await;
        assert!(taken < BOUND, "{taken:?}");
    }
    assert!(mine.graph.delete(&id).await.unwrap());
    let taken = until(async || theirs.people(id.clone()).await.unwrap().is_none()).await;
    assert!(taken < BOUND, "{taken:?}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_is_unrelated_is_still_kept_when_another_writes() {
    let [mine, theirs] = two("unrelated").await;
    let (a, b) = (mine.town("a", 1).await, mine.town("b", 2).await);
    let road = mine.graph.connect(&a, &b, Road { km: 1 }).await.unwrap();
    until(async || {
        theirs.people(b.id().clone()).await.unwrap();
        theirs.roads(a.id().clone()).await.unwrap();
        theirs.runs() == 0
    })
    .await;
    mine.graph.modify::<Town>(a.id(), |town| town.people = 3).await.unwrap();
    until(async || theirs.people(a.id().clone()).await.unwrap() == Some(3)).await;
    theirs.runs();
    theirs.people(b.id().clone()).await.unwrap();
    assert_eq!(theirs.roads(a.id().clone()).await.unwrap(), 1);
    assert_eq!(theirs.runs(), 0);
    mine.graph.delete(road.id()).await.unwrap();
    until(async || theirs.roads(a.id().clone()).await.unwrap() == 0).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_invalidated_tag_and_query_are_invalid_everywhere() {
    let [mine, theirs] = two("tags").await;
    let id = mine.town("Bergen", 1).await.id().clone();
    until(async || {
        theirs.people(id.clone()).await.unwrap();
        theirs.runs() == 0
    })
    .await;
    mine.people_cache().invalidate().await;
    until(async || {
        theirs.people(id.clone()).await.unwrap();
        theirs.runs() == 1
    })
    .await;
}
