use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query(tier = disk)]
    async fn count(&self) -> Result<u64> {
        Ok(1)
    }
}

fn main() {}
