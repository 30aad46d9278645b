//! What `#[cached_query(..)]` can say.

use super::*;

impl Towns {
    #[cached_query(ttl = "40ms")]
    async fn aging(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::SeqCst)
    }

    #[cached_query(ttl = "40ms", stale_while_revalidate = "10s")]
    async fn revalidated(&self, base: &str) -> Result<String> {
        Ok(format!("{base} {}", self.runs.fetch_add(1, Ordering::SeqCst)))
    }

    #[cached_query(ttl = "10s", refresh_ahead = "9960ms")]
    async fn ahead(&self, base: &str) -> String {
        format!("{base} {}", self.runs.fetch_add(1, Ordering::SeqCst))
    }

    #[cached_query(skip(trace))]
    async fn traced(&self, country: &str, trace: &mut Vec<String>) -> usize {
        self.ran();
        trace.push(country.into());
        country.len()
    }

    #[cached_query(key = country.to_lowercase())]
    async fn keyed(&self, country: &str) -> usize {
        self.ran();
        country.len()
    }

    #[cached_query(condition = country != "Norway", unless = |length: &usize| *length > 5)]
    async fn picky(&self, country: &str) -> usize {
        self.ran();
        country.len()
    }

    #[cached_query(cache_empty = false)]
    async fn found(&self, name: String) -> Result<Option<Stored<Town>>> {
        self.ran();
        self.graph.nodes::<Town>().filter(|town| town.name.eq(name)).first().await
    }

    #[cached_query(tags("towns", country))]
    async fn tagged(&self, country: &str) -> usize {
        self.ran();
        country.len()
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(60)).await;
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_no_longer() {
    let towns = Towns::open().await;
    assert_eq!((towns.aging().await, towns.aging().await), (0, 0));
    pause().await;
    assert_eq!(towns.aging().await, 1);
}

#[tokio::test]
async fn an_old_answer_is_handed_out_while_a_new_one_is_computed() {
    let towns = Towns::open().await;
    assert_eq!(towns.revalidated("a").await.unwrap(), "a 0");
    pause().await;
    assert_eq!(towns.revalidated("a").await.unwrap(), "a 0");
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(towns.revalidated("a").await.unwrap(), "a 1");
}

#[tokio::test]
async fn an_answer_that_will_soon_be_old_is_computed_ahead() {
    let towns = Towns::open().await;
    assert_eq!(towns.ahead("a").await, "a 0");
    assert_eq!(towns.ahead("a").await, "a 0");
    pause().await;
    assert_eq!(towns.ahead("a").await, "a 0");
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(towns.ahead("a").await, "a 1");
    assert_eq!(towns.runs(), 2);
}

#[tokio::test]
async fn a_skipped_parameter_does_not_count() {
    let towns = Towns::open().await;
    let mut trace = Vec::new();
    assert_eq!(towns.traced("Peru", &mut trace).await, 4);
    assert_eq!(towns.traced("Peru", &mut trace).await, 4);
    assert_eq!((towns.runs(), trace.len()), (1, 1));
}

#[tokio::test]
async fn a_key_counts_instead_of_the_arguments() {
    let towns = Towns::open().await;
    towns.keyed("Peru").await;
    towns.keyed("PERU").await;
    assert_eq!(towns.runs(), 1);
    towns.keyed("Chile").await;
    assert_eq!(towns.runs(), 1);
}

#[tokio::test]
async fn only_what_fits_the_conditions_is_kept() {
    let towns = Towns::open().await;
    for (country, runs) in [("Peru", 1), ("Norway", 2), ("Ecuador", 2)] {
        towns.picky(country).await;
        towns.picky(country).await;
        assert_eq!(towns.runs(), runs, "{country}");
    }
}

#[tokio::test]
async fn an_empty_answer_is_not_kept_where_that_was_said() {
    let towns = Towns::open().await;
    for _ in 0..2 {
        assert!(towns.found("Bergen".into()).await.unwrap().is_none());
    }
    assert_eq!(towns.runs(), 2);
    towns.town("Bergen", 290_000).await;
    for _ in 0..2 {
        assert!(towns.found("Bergen".into()).await.unwrap().is_some());
    }
    assert_eq!(towns.runs(), 1);
}

#[tokio::test]
async fn answers_are_found_by_their_tags() {
    let towns = Towns::open().await;
    towns.tagged("Peru").await;
    towns.tagged("Chile").await;
    towns.graph.invalidate_tags(&["Peru"]).await;
    towns.tagged("Peru").await;
    towns.tagged("Chile").await;
    assert_eq!(towns.runs(), 3);
    towns.graph.invalidate_tags(&["towns", "lakes"]).await;
    towns.tagged("Peru").await;
    towns.tagged("Chile").await;
    assert_eq!(towns.runs(), 2);
}

#[tokio::test]
async fn all_answers_of_a_query_are_forgotten_at_once() {
    let towns = Towns::open().await;
    towns.tagged("Peru").await;
    towns.keyed("Peru").await;
    towns.tagged_cache().invalidate().await;
    towns.tagged("Peru").await;
    towns.keyed("Peru").await;
    assert_eq!(towns.runs(), 3);
}

#[tokio::test]
async fn without_room_nothing_is_kept() {
    let towns = Towns::with(CacheOptions::new().query_bytes(0)).await;
    towns.keyed("Peru").await;
    towns.keyed("Peru").await;
    assert_eq!(towns.runs(), 2);
}
