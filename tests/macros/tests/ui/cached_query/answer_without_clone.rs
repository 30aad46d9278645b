use jvspatial::prelude::*;

struct Answer(u32);

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query]
    async fn count(&self) -> Answer {
        Answer(7)
    }
}

fn main() {}
