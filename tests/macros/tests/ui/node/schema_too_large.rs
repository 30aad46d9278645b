use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(schema = 4294967296)]
struct City {
    name: String,
}

fn main() {}
