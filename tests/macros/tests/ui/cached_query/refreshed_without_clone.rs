use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query(ttl = "1m", stale_while_revalidate = "1m")]
    async fn count(&self) -> u32 {
        7
    }
}

fn main() {}
