use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(collection = "cities")]
struct City {
    name: String,
}

fn main() {}
