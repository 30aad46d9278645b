use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(name = "Town")]
#[node(name = "City")]
struct City {
    name: String,
}

fn main() {}
