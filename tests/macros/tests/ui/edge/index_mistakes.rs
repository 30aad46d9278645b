use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Edge)]
#[edge(parallel, index(count, day))]
struct Flight {
    #[edge(parallel)]
    count: u32,
    #[node(index)]
    days: u32,
}

fn main() {}
