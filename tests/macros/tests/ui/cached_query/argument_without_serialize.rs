use jvspatial::prelude::*;

struct Country(u32);

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query]
    async fn count(&self, country: Country) -> u32 {
        country.0
    }
}

fn main() {}
