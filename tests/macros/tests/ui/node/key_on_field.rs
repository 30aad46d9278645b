use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[node(schema = 2)]
    name: String,
}

fn main() {}
