use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(name)]
struct City {
    name: String,
}

fn main() {}
