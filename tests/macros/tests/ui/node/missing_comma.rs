use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(name = "Town" schema = 2)]
struct City {
    name: String,
}

fn main() {}
