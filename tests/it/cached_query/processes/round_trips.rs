//! How often Redis is asked.

use super::*;
use crate::coherence::server::Redis;

const TOWNS: u32 = 1_000;

/// A graph on a database of its own, which keeps as much in memory as is said.
async fn open(redis: &Redis, bytes: u64) -> Graph {
    let redis = RedisOptions::new(&redis.url()).unwrap();
    let options = CacheOptions::new().entity_bytes(bytes).redis(redis);
    Graph::builder().url("memory:").cache(options).open().await.unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_thousand_documents_are_read_in_one_round_trip() {
    let redis = Redis::start();
    let writer = open(&redis, 1).await;
    let towns = (0..TOWNS).map(|people| Town { name: format!("town {people}"), people });
    let towns = writer.create_many(towns).await.unwrap();
    let ids: Vec<Id> = towns.iter().map(|town| town.id().clone()).collect();

    // It finds documents in Redis and nowhere else, and keeps none in memory.
    let reader = open(&redis, 1).await;
    until(async || {
        // Nothing goes to Redis or comes from there before its messages are heard.
        writer.get_many::<Town>(&ids).await.unwrap();
        reader.get::<Town>(&ids[0]).await.unwrap().is_some()
    })
    .await;
    let asked = || redis.calls("mget") + redis.calls("get");
    let before = asked();
    let found = reader.get_many::<Town>(&ids).await.unwrap();
    let people = found.into_iter().map(|town| town.unwrap().people);
    assert!(people.eq(0..TOWNS));
    assert_eq!(asked() - before, 1);

    // The control: one by one each is a round trip of its own.
    let before = asked();
    for id in &ids[..10] {
        assert!(reader.get::<Town>(id).await.unwrap().is_some());
    }
    assert_eq!(asked() - before, 10);
}
