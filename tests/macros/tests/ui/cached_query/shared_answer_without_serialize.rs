use jvspatial::prelude::*;

#[derive(Clone)]
struct Answer(u32);

struct Towns {
    graph: Graph,
}

impl Towns {
    #[cached_query(tier = all)]
    async fn count(&self) -> Result<Answer> {
        Ok(Answer(7))
    }
}

fn main() {}
