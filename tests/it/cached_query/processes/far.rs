//! Answers that processes share.

use std::sync::atomic::AtomicBool;

use super::super::invalidation::{WRITES, World};
use super::proxy::Proxy;
use super::*;

/// Every kind of read, answered from what any process has kept where that is true.
impl Towns {
    #[cached_query(tier = all)]
    async fn far_by_id(&self, id: Id) -> Result<Option<u32>> {
        self.ran();
        Ok(self.graph.get::<Town>(&id).await?.map(|town| town.people))
    }

    #[cached_query(tier = all)]
    async fn far_by_filter(&self) -> Result<u32> {
        self.ran();
        let towns = self.graph.nodes::<Town>().filter(|town| town.people.gt(0)).all().await?;
        Ok(towns.iter().map(|town| town.people).sum())
    }

    #[cached_query(tier = all)]
    async fn far_counted(&self) -> Result<u64> {
        self.ran();
        self.graph.nodes::<Town>().filter(|town| town.people.gte(50)).count().await
    }

    #[cached_query(tier = all)]
    async fn far_neighbors(&self, id: Id) -> Result<Vec<u32>> {
        self.ran();
        let Some(town) = self.graph.get::<Town>(&id).await? else { return Ok(Vec::new()) };
        let met = self.graph.out::<Road>(&town).to::<Town>().all().await?;
        let mut people: Vec<u32> = met.iter().map(|town| town.people).collect();
        people.sort_unstable();
        Ok(people)
    }

    #[cached_query(tier = all)]
    async fn far_projected(&self) -> Result<Vec<u32>> {
        self.ran();
        let mut people = self.graph.nodes::<Town>().distinct(|town| town.people).await?;
        people.sort_unstable();
        Ok(people)
    }

    #[cached_query(tier = all)]
    async fn far_nested(&self, id: Id) -> Result<(Option<u32>, u64)> {
        self.ran();
        Ok((self.people(id).await?, self.far_counted().await?))
    }

    #[cached_query(tier = all, tags("marked"))]
    async fn far_marked(&self, name: String) -> (String, u32) {
        (name, self.runs.fetch_add(1, Ordering::SeqCst))
    }

    #[cached_query(tier = all, ttl = "300ms")]
    async fn far_aging(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::SeqCst)
    }

    #[cached_query(tier = all, ttl = "10s", refresh_ahead = "9900ms")]
    async fn far_ahead(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::SeqCst)
    }

    #[cached_query(tier = all, unless = |length: &String| length.len() > 100_000)]
    async fn far_long(&self, length: usize) -> String {
        self.ran();
        "x".repeat(length)
    }
}

/// The answers of all reads about the town `own` on `towns`.
async fn answers(towns: &Towns, own: &Id) -> String {
    let by_id = towns.far_by_id(own.clone()).await.unwrap();
    let by_filter = towns.far_by_filter().await.unwrap();
    let counted = towns.far_counted().await.unwrap();
    let neighbors = towns.far_neighbors(own.clone()).await.unwrap();
    let projected = towns.far_projected().await.unwrap();
    let nested = towns.far_nested(own.clone()).await.unwrap();
    format!("{by_id:?} {by_filter} {counted} {neighbors:?} {projected:?} {nested:?}")
}

/// The answers as a graph tells them that has kept none.
async fn truth(shared: &Shared, own: &Id) -> String {
    let database = Arc::new(Process(Arc::clone(&shared.database)));
    let graph = Graph::builder().database(database).cache(CacheOptions::new().query_bytes(0));
    answers(&Towns { graph: graph.open().await.unwrap(), runs: Arc::default() }, own).await
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn after_every_kind_of_write_another_process_finds_no_answer_from_before_it() {
    let proxy = Proxy::to(&redis_url()).await;
    for (round, kind) in WRITES.into_iter().enumerate() {
        let shared = Shared::new(&format!("far-writes-{round}"));
        let mut world = World::of(shared.open().await).await;
        let writer = world.towns.clone();
        let own = world.own.id().clone();
        let near = shared.open().await;
        let deaf = shared.open_with(&proxy.url(), CacheOptions::new().entity_bytes(1 << 20)).await;
        let before = answers(&writer, &own).await;
        writer.runs();
        until(async || answers(&writer, &own).await == before && writer.runs() == 0).await;
        // What one has computed the other finds, though it has read nothing itself.
        assert_eq!(answers(&near, &own).await, before, "{kind}");
        assert_eq!(near.runs(), 0, "{kind}: all is found in Redis");
        writer.far_marked("unrelated".into()).await;
        proxy.set_deaf(true);
        world.write(kind).await;
        let truth = truth(&shared, &own).await;
        assert_ne!(truth, before, "{kind}: the write shows");
        // At once, and by one who has heard nothing of the write.
        assert_eq!(answers(&deaf, &own).await, truth, "{kind}");
        assert_ne!(deaf.runs(), 0, "{kind}");
        // It does look in Redis, where it finds what is still true.
        deaf.far_marked("unrelated".into()).await;
        assert_eq!(deaf.far_marked_cache().statistics().far_hits, 1, "{kind}");
        assert_eq!(answers(&writer, &own).await, truth, "{kind}");
        let taken = until(async || answers(&near, &own).await == truth).await;
        assert!(taken < BOUND, "{kind}: {taken:?}");
        proxy.set_deaf(false);
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_answer_from_redis_is_kept_in_memory_and_ages_from_its_computation() {
    let shared = Shared::new("far-aging");
    let (mine, theirs) = (shared.open().await, shared.open().await);
    assert_eq!(mine.far_aging().await, 0);
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..3 {
        assert_eq!(theirs.far_aging().await, 0);
    }
    let told = theirs.far_aging_cache().statistics();
    assert_eq!((told.far_hits, told.hits, told.loads, theirs.runs()), (1, 3, 0, 0));
    // Its time was up here had it begun with the computation, and not if with the copy.
    tokio::time::sleep(Duration::from_millis(220)).await;
    assert_eq!(theirs.far_aging_kept().get(), None);
    theirs.far_aging().await;
    assert_eq!(theirs.far_aging_cache().statistics().loads, 1);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn the_bound_of_the_cache_counts_from_the_computation_too() {
    let shared = Shared::new("far-bound");
    let options = CacheOptions::new().time_to_live(Duration::from_millis(300));
    let mine = shared.open_with(&shared.url, options.clone()).await;
    let theirs = shared.open_with(&shared.url, options).await;
    assert_eq!(mine.far_marked("a".into()).await.1, 0);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(theirs.far_marked("a".into()).await.1, 0);
    assert_eq!(theirs.far_marked_cache().statistics().far_hits, 1);
    tokio::time::sleep(Duration::from_millis(170)).await;
    assert_eq!(theirs.far_marked_kept("a".into()).get(), None);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_an_application_forgets_is_forgotten_for_all() {
    let shared = Shared::new("far-tags");
    let (mine, theirs) = (shared.open().await, shared.open().await);
    let call = async |towns: &Towns| towns.far_marked("a".into()).await.1;
    mine.runs.store(10, Ordering::SeqCst);
    assert_eq!((call(&mine).await, call(&theirs).await), (10, 10));
    mine.graph.invalidate_tags(&["marked"]).await;
    assert_eq!(call(&mine).await, 11);
    until(async || call(&theirs).await == 11).await;
    mine.far_marked_cache().invalidate().await;
    assert_eq!(call(&mine).await, 12);
    until(async || call(&theirs).await == 12).await;
    // One answer, which others may still have in memory.
    mine.far_marked_kept("a".into()).invalidate();
    assert_eq!(call(&mine).await, 13);
    // An answer that is computed now, though Redis has one.
    assert_eq!(mine.far_marked_refresh("a".into()).await.1, 14);
    assert_eq!(call(&mine).await, 14);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_answer_that_will_soon_be_old_is_computed_ahead_by_one_process() {
    let shared = Shared::new("far-ahead");
    let (mine, theirs) = (shared.open().await, shared.open().await);
    mine.runs.store(1, Ordering::SeqCst);
    assert_eq!((mine.far_ahead().await, theirs.far_ahead().await), (1, 1));
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(mine.far_ahead().await, 1);
    until(async || mine.far_ahead_kept().get() == Some(2)).await;
    // It is there already.
    assert_eq!(theirs.far_ahead().await, 1);
    until(async || theirs.far_ahead_kept().get() == Some(2)).await;
    assert_eq!(theirs.runs(), 0);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_is_too_long_for_redis_or_not_to_be_kept_is_kept_by_each_process_alone() {
    let shared = Shared::new("far-long");
    let redis = RedisOptions::new(&shared.url).unwrap();
    let redis = redis.namespace(shared.namespace.clone()).max_value(10_000);
    let open = async || {
        let database = Arc::new(Process(Arc::clone(&shared.database)));
        let options = CacheOptions::new().redis(redis.clone());
        let graph = Graph::builder().database(database).cache(options).open().await.unwrap();
        let towns = Towns { graph, runs: Arc::default() };
        until(async || {
            towns.people("n.Town.none".parse().unwrap()).await.unwrap();
            towns.runs() == 0
        })
        .await;
        towns
    };
    let (mine, theirs) = (open().await, open().await);
    for (length, runs) in [(9_000, (1, 0)), (11_000, (1, 1)), (100_001, (2, 2))] {
        for towns in [&mine, &theirs] {
            for _ in 0..2 {
                assert_eq!(towns.far_long(length).await.len(), length);
            }
        }
        assert_eq!((mine.runs(), theirs.runs()), runs, "{length}");
    }
}

/// A town's people, after a pause in which others may write.
#[cached_query(cache = towns.graph, tier = all, skip(pauses))]
async fn paused(towns: &Towns, id: Id, pauses: Arc<AtomicBool>) -> Result<u32> {
    towns.ran();
    let people = towns.graph.get::<Town>(&id).await?.map_or(0, |town| town.people);
    if pauses.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    Ok(people)
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_answer_that_another_process_overtook_is_found_by_nobody() {
    let shared = Shared::new("far-race");
    let (mine, theirs) = (shared.open().await, shared.open().await);
    let town = mine.town("Bergen", 1).await;
    let id = town.id().clone();
    let pauses = Arc::new(AtomicBool::new(true));
    let load = tokio::spawn({
        let (theirs, id, pauses) = (theirs.clone(), id.clone(), Arc::clone(&pauses));
        async move { paused(&theirs, id, pauses).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(15)).await;
    mine.graph.modify::<Town>(&id, |town| town.people = 2).await.unwrap();
    pauses.store(false, Ordering::SeqCst);
    assert_eq!(load.await.unwrap(), 1);
    assert_eq!(paused(&mine, id.clone(), Arc::clone(&pauses)).await.unwrap(), 2);
    let third = shared.open().await;
    assert_eq!(paused(&third, id, pauses).await.unwrap(), 2);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_graph_that_was_closed_finds_nothing() {
    let shared = Shared::new("far-closed");
    let (mine, theirs) = (shared.open().await, shared.open().await);
    mine.far_marked("a".into()).await;
    theirs.graph.close().await.unwrap();
    theirs.far_marked("a".into()).await;
    assert_eq!(theirs.far_marked_cache().statistics().loads, 1);
}
