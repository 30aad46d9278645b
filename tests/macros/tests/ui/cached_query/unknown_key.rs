use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query(tll = "1m")]
    async fn count(&self) -> u32 {
        7
    }
}

fn main() {}
