use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query]
    async fn count<T: Node>(&self) -> Result<u64> {
        self.graph.nodes::<T>().count().await
    }
}

fn main() {}
