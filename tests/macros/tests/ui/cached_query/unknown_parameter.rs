use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query(skip(trace))]
    async fn count(&self, country: &str) -> usize {
        country.len()
    }
}

fn main() {}
