use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Embedded)]
struct Pair<T> {
    left: T,
}

fn main() {}
