use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(schema = 0)]
struct City {
    name: String,
}

fn main() {}
