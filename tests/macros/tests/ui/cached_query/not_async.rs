use jvspatial::prelude::*;

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query]
    fn count(&self) -> u32 {
        7
    }
}

fn main() {}
