use jvspatial::prelude::*;

struct Name;

async fn names(graph: &Graph) {
    let _ = graph.nodes::<Root>().project::<Name>();
}

fn main() {}
