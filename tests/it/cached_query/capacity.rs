//! How much is kept of the methods of each type, and what is counted of each.

use std::any::type_name;

use super::*;

struct Small {
    graph: Graph,
}

impl Small {
    #[cached_query]
    async fn answer(&self, n: u32) -> Vec<u8> {
        vec![n as u8; 100]
    }
}

struct Greedy {
    graph: Graph,
}

impl Greedy {
    #[cached_query]
    async fn answer(&self, n: u32) -> Vec<u8> {
        vec![n as u8; 100]
    }
}

const ANSWER: &str = concat!(module_path!(), "::answer");

async fn open(options: CacheOptions) -> (Small, Greedy) {
    let graph = Graph::builder().url("memory:").cache(options).open().await.unwrap();
    (Small { graph: graph.clone() }, Greedy { graph })
}

/// How many of ten answers of one repository are still kept after another has asked for a thousand of its own.
async fn left(options: CacheOptions) -> usize {
    let (small, greedy) = open(options).await;
    for n in 0..10 {
        small.answer(n).await;
    }
    for n in 0..1_000 {
        // Often, or the cache would rather keep what is there.
        for _ in 0..4 {
            greedy.answer(n).await;
        }
        greedy.graph.cache_statistics();
    }
    (0..10).filter(|n| small.answer_kept(*n).get().is_some()).count()
}

#[tokio::test]
async fn a_repository_with_room_of_its_own_is_not_pushed_out() {
    let options = || CacheOptions::new().query_bytes(200_000);
    assert_eq!(left(options().repository_bytes(200_000)).await, 10);
    assert_eq!(left(options().repository::<Small>(200_000)).await, 10);
    // The control: with one room for all, it is.
    assert!(left(options()).await < 10, "the control did not fail");
}

#[tokio::test]
async fn a_repository_takes_no_more_than_its_room() {
    let options = CacheOptions::new().repository_bytes(64 << 20).repository::<Greedy>(5_000);
    let (small, greedy) = open(options).await;
    for n in 0..100 {
        small.answer(n).await;
        greedy.answer(n).await;
    }
    let statistics = greedy.graph.cache_statistics();
    let (greedy, small) = (
        statistics.prefix(ANSWER, type_name::<Greedy>()),
        statistics.prefix(ANSWER, type_name::<Small>()),
    );
    assert!(greedy.bytes <= 5_000, "{} bytes", greedy.bytes);
    assert!(greedy.evictions > 90, "{} evictions", greedy.evictions);
    assert_eq!(small.evictions, 0);
    assert_eq!(statistics.queries.bytes, greedy.bytes + small.bytes);
}

#[tokio::test]
async fn without_room_the_answers_of_one_repository_are_not_kept() {
    let (small, greedy) = open(CacheOptions::new().repository::<Small>(0)).await;
    small.answer(1).await;
    greedy.answer(1).await;
    assert_eq!(small.answer_kept(1).get(), None);
    assert!(greedy.answer_kept(1).get().is_some());
}

#[tokio::test]
async fn calls_count_by_path_and_owner() {
    let (small, greedy) = open(CacheOptions::new()).await;
    for n in [1, 1, 2] {
        small.answer(n).await;
    }
    greedy.answer(1).await;
    let statistics = small.graph.cache_statistics();
    let row = statistics.prefix(ANSWER, type_name::<Small>());
    assert_eq!((row.hits, row.misses, row.loads), (1, 2, 2));
    let row = statistics.prefix(ANSWER, type_name::<Greedy>());
    assert_eq!((row.hits, row.misses, row.loads), (0, 1, 1));
    assert!(row.bytes > 100);
    assert_eq!((statistics.queries.hits, statistics.queries.loads), (1, 3));
}
