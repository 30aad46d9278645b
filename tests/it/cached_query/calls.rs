//! What a call is answered with, and how often the body runs.

use super::*;

impl Towns {
    #[cached_query]
    async fn large(&self, people: u32) -> Result<Vec<Stored<Town>>> {
        self.ran();
        self.graph.nodes::<Town>().filter(|town| town.people.gte(people)).all().await
    }

    #[cached_query]
    async fn slow(&self, name: &str) -> Result<u64> {
        self.ran();
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.graph.nodes::<Town>().filter(|town| town.name.eq(name)).count().await
    }

    #[cached_query]
    async fn failing(&self, fails: bool) -> Result<u32, String> {
        self.ran();
        if fails { Err("the body's own".into()) } else { Ok(7) }
    }

    #[cached_query]
    async fn panicking(&self) -> u32 {
        self.ran();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(self.runs.load(Ordering::SeqCst) > 1, "the first body panics");
        7
    }

    #[cached_query]
    async fn shared(&self) -> Arc<[u32]> {
        self.ran();
        [1, 2, 3].into()
    }
}

#[cached_query(cache = towns.graph)]
async fn count(towns: &Towns, kind: String) -> Result<u64> {
    towns.ran();
    let towns = towns.graph.nodes::<Town>();
    let all = towns.count().await?;
    Ok(if kind == "all" { all } else { 0 })
}

#[tokio::test]
async fn a_second_call_is_answered_without_the_body() {
    let towns = Towns::open().await;
    towns.town("Bergen", 290_000).await;
    let first = towns.large(1_000).await.unwrap();
    let second = towns.large(1_000).await.unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].id(), second[0].id());
    assert_eq!(towns.runs(), 1);
    assert_eq!(towns.large_cache().statistics().hits, 1);
}

#[tokio::test]
async fn other_arguments_have_another_answer() {
    let towns = Towns::open().await;
    towns.town("Bergen", 290_000).await;
    assert_eq!(towns.large(1_000).await.unwrap().len(), 1);
    assert_eq!(towns.large(1_000_000).await.unwrap().len(), 0);
    assert_eq!(towns.runs(), 2);
}

#[tokio::test]
async fn what_a_caller_does_with_an_answer_is_seen_by_nobody_else() {
    let towns = Towns::open().await;
    towns.town("Bergen", 290_000).await;
    let mut mine = towns.large(1_000).await.unwrap();
    mine[0].people = 1;
    mine.clear();
    let theirs = towns.large(1_000).await.unwrap();
    assert_eq!(theirs[0].people, 290_000);
    assert_eq!(towns.runs(), 1);
}

#[tokio::test]
async fn two_hundred_calls_at_once_run_the_body_once() {
    let towns = Towns::open().await;
    towns.town("Bergen", 290_000).await;
    let calls = (0..200).map(|_| {
        let towns = towns.clone();
        tokio::spawn(async move { towns.slow("Bergen").await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert_eq!(towns.runs(), 1);
    assert_eq!(towns.slow_cache().statistics().coalesced, 199);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_body_to_one_that_waits() {
    let towns = Towns::open().await;
    let first = towns.clone();
    let first = tokio::spawn(async move { first.slow("Bergen").await });
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = towns.clone();
    let second = tokio::spawn(async move { second.slow("Bergen").await });
    tokio::time::sleep(Duration::from_millis(5)).await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), 0);
    assert_eq!(towns.runs(), 2);
}

#[tokio::test]
async fn an_error_is_told_and_not_kept() {
    let towns = Towns::open().await;
    for _ in 0..2 {
        assert_eq!(towns.failing(true).await.unwrap_err(), "the body's own");
    }
    assert_eq!(towns.failing(false).await.unwrap(), 7);
    assert_eq!(towns.failing(false).await.unwrap(), 7);
    assert_eq!(towns.runs(), 3);
    assert_eq!(towns.failing_cache().statistics().failed, 2);
}

#[tokio::test]
async fn after_a_panic_those_who_wait_run_the_body_themselves() {
    let towns = Towns::open().await;
    let call = |towns: Towns| tokio::spawn(async move { towns.panicking().await });
    let (first, second) = (call(towns.clone()), call(towns.clone()));
    assert!(first.await.unwrap_err().is_panic());
    assert_eq!(second.await.unwrap(), 7);
    assert_eq!(towns.panicking().await, 7);
    assert_eq!(towns.runs(), 2);
}

#[tokio::test]
async fn an_arc_is_handed_out_as_it_is() {
    let towns = Towns::open().await;
    assert!(Arc::ptr_eq(&towns.shared().await, &towns.shared().await));
}

#[tokio::test]
async fn a_function_has_its_cache_in_a_module_of_its_name() {
    let towns = Towns::open().await;
    assert_eq!(count::kept(&towns, "all".into()).get(), None);
    assert_eq!(count(&towns, "all".into()).await.unwrap(), 0);
    assert_eq!(count::kept(&towns, "all".into()).get(), Some(0));
    assert_eq!(count::kept(&towns, "none".into()).get(), None);
    assert_eq!(count::refresh(&towns, "all".into()).await.unwrap(), 0);
    assert_eq!(towns.runs(), 2);
    count::kept(&towns, "all".into()).invalidate();
    assert_eq!(count::kept(&towns, "all".into()).get(), None);
    assert_eq!(count::cache(&towns).statistics().loads, 2);
}

#[tokio::test]
async fn inside_of_a_transaction_nothing_is_kept_and_nothing_kept_is_seen() {
    let towns = Towns::open().await;
    assert_eq!(towns.large(1).await.unwrap().len(), 0);
    let outer = towns.clone();
    let inside = towns.graph.transaction(|tx| {
        let inside = Towns { graph: (*tx).clone(), runs: Arc::clone(&outer.runs) };
        async move {
            inside.town("Bergen", 290_000).await;
            let found = inside.large(1).await?.len();
            inside.town("Oslo", 700_000).await;
            Ok::<_, Error>((found, inside.large(1).await?.len()))
        }
    });
    assert_eq!(inside.await.unwrap(), (1, 2));
    assert_eq!(towns.large(1).await.unwrap().len(), 2);
}
