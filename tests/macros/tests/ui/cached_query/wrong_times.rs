use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query(ttl = "1 minute")]
    async fn count(&self) -> u32 {
        7
    }

    #[cached_query(stale_while_revalidate = "1m")]
    async fn without_ttl(&self) -> u32 {
        7
    }

    #[cached_query(ttl = "1m", refresh_ahead = "2m")]
    async fn ahead(&self) -> u32 {
        7
    }
}

fn main() {}
