//! What is found in memory is handed out only if Redis says that it is true.

use super::proxy::Proxy;
use super::*;

fn options() -> CacheOptions {
    CacheOptions::new().entity_bytes(1 << 20)
}

/// What a process tells of towns, by every way on which something may be kept.
async fn told(towns: &Towns, ids: &[Id; 2]) -> [u32; 4] {
    let one = towns.graph.get::<Town>(&ids[0]).await.unwrap().unwrap().people;
    let many = towns.graph.get_many::<Town>(ids).await.unwrap();
    let many = many.into_iter().flatten().map(|town| town.people).max().unwrap();
    let near = towns.people(ids[0].clone()).await.unwrap().unwrap();
    let far = towns.strict_people(ids[0].clone()).await.unwrap().unwrap();
    [one, many, near, far]
}

impl Towns {
    #[cached_query(tier = all)]
    async fn strict_people(&self, id: Id) -> Result<Option<u32>> {
        self.ran();
        Ok(self.graph.get::<Town>(&id).await?.map(|town| town.people))
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn with_every_message_lost_nothing_old_is_told() {
    let shared = Shared::new("strict");
    let proxy = Proxy::to(&shared.url).await;
    let writer = shared.open().await;
    let strict = shared.open_with(&proxy.url(), options().strict(true)).await;
    let lax = shared.open_with(&proxy.url(), options()).await;
    let mut town = writer.town("Bergen", 1).await;
    let ids = [town.id().clone(), writer.town("Oslo", 0).await.id().clone()];
    for towns in [&strict, &lax] {
        until(async || {
            let hits = towns.graph.cache_statistics();
            towns.runs();
            told(towns, &ids).await;
            let now = towns.graph.cache_statistics();
            towns.runs() == 0 && now.entities.hits > hits.entities.hits + 2
        })
        .await;
    }
    proxy.set_deaf(true);
    let mut stale = 0;
    for people in 2..60 {
        town.people = people;
        writer.graph.save(&mut town).await.unwrap();
        assert_eq!(told(&strict, &ids).await, [people; 4]);
        // The control: who asks nobody tells what was before.
        stale += u32::from(told(&lax, &ids).await != [people; 4]);
    }
    assert_ne!(stale, 0, "the control did not fail");
    eprintln!("not strict: {stale} of 58 writes were not seen at once");
    let strict = strict.graph.cache_statistics();
    assert!(strict.entities.stale > 0 && strict.queries.stale > 0, "{strict:?}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn documents_are_compared_in_one_round_trip_for_all() {
    let shared = Shared::new("strict-many");
    let proxy = Proxy::to(&shared.url).await;
    let writer = shared.open().await;
    let strict = shared.open_with(&proxy.url(), options().strict(true)).await;
    let towns = (0..300).map(|people| Town { name: "one of many".into(), people });
    let made = writer.graph.create_many(towns).await.unwrap();
    let ids: Vec<Id> = made.iter().map(|town| town.id().clone()).collect();
    until(async || {
        let before = strict.graph.cache_statistics().entities.hits;
        strict.graph.get_many::<Town>(&ids).await.unwrap();
        strict.graph.cache_statistics().entities.hits == before + 300
    })
    .await;
    let asked = proxy.asked();
    strict.graph.get_many::<Town>(&ids).await.unwrap();
    // One, and a heartbeat at the most.
    assert!((1..=2).contains(&(proxy.asked() - asked)), "{}", proxy.asked() - asked);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn while_redis_is_away_the_database_is_asked() {
    let shared = Shared::new("strict-away");
    let proxy = Proxy::to(&shared.url).await;
    let writer = shared.open().await;
    let strict = shared.open_with(&proxy.url(), options().strict(true)).await;
    let mut town = writer.town("Bergen", 1).await;
    let ids = [town.id().clone(), town.id().clone()];
    until(async || {
        strict.runs();
        told(&strict, &ids).await == [1; 4] && strict.runs() == 0
    })
    .await;
    proxy.set_silent(true);
    town.people = 2;
    writer.graph.save(&mut town).await.unwrap();
    let before = strict.graph.cache_statistics();
    assert_eq!(told(&strict, &ids).await, [2; 4]);
    let after = strict.graph.cache_statistics();
    assert_eq!(after.entities.hits, before.entities.hits);
    assert_eq!(after.queries.hits, before.queries.hits);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_answer_is_not_looked_at_without_redis() {
    let shared = Shared::new("strict-peek");
    let strict = shared.open_with(&shared.url, options().strict(true)).await;
    let lax = shared.open().await;
    let id = lax.town("Bergen", 1).await.id().clone();
    for towns in [&strict, &lax] {
        assert_eq!(towns.people(id.clone()).await.unwrap(), Some(1));
    }
    assert_eq!(strict.people_kept(id.clone()).get(), None);
    assert_eq!(lax.people_kept(id).get(), Some(Some(1)));
}
