use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(schema = 1)]
#[node(name = "Town", name = "City")]
struct City {
    name: String,
}

fn main() {}
