//! Functions whose answers are kept, on graphs that warm them or acknowledge writes ahead.

use futures_util::{StreamExt as _, stream};
use jvspatial::{Strategy, WriteBehind};

use super::*;

impl Towns {
    #[cached_query]
    async fn larger(&self, people: u32) -> Result<u64> {
        self.ran();
        self.graph.nodes::<Town>().filter(|town| town.people.gte(people)).count().await
    }

    #[cached_query]
    async fn people_of(&self, id: &Id) -> Result<u32> {
        self.ran();
        Ok(self.graph.get::<Town>(id).await?.map_or(0, |town| town.people))
    }

    #[cached_query]
    async fn refusing(&self, n: u32) -> Result<u32, String> {
        if n == 3 { Err("no".to_owned()) } else { Ok(n) }
    }
}

#[tokio::test]
async fn calls_are_warmed_once_and_failures_counted() {
    let towns = Towns::open().await;
    towns.larger(1).await.unwrap();
    let warming = {
        let towns = towns.clone();
        tokio::spawn(async move {
            let calls = stream::iter(0..10).map(|people| towns.larger(people));
            towns.graph.warm_calls(calls).per_second(10_000).run().await
        })
    };
    let report = warming.await.unwrap().unwrap();
    assert_eq!((report.loaded, report.kept, report.failed), (9, 1, 0));
    assert_eq!(towns.runs(), 10);
    for people in 0..10 {
        towns.larger(people).await.unwrap();
    }
    assert_eq!(towns.runs(), 0);
    let calls = stream::iter(0..10).map(|n| towns.refusing(n));
    let report = towns.graph.warm_calls(calls).per_second(10_000).run().await.unwrap();
    assert_eq!((report.loaded, report.kept, report.failed), (9, 0, 1));
}

#[tokio::test]
async fn an_answer_is_as_new_as_what_was_acknowledged() {
    for strategy in [Strategy::WriteThrough, Strategy::WriteBehind(WriteBehind::new())] {
        let options = CacheOptions::new().entity_bytes(1 << 20).strategy(strategy);
        let towns = Towns::with(options).await;
        let mut bergen = towns.town("Bergen", 0).await;
        for people in 1..20 {
            assert_eq!(towns.people_of(bergen.id()).await.unwrap(), people - 1);
            assert_eq!(towns.larger(people).await.unwrap(), 0);
            bergen.people = people;
            towns.graph.save(&mut bergen).await.unwrap();
            assert_eq!(towns.people_of(bergen.id()).await.unwrap(), people);
            assert_eq!(towns.larger(people).await.unwrap(), 1);
        }
        towns.graph.close().await.unwrap();
    }
}
