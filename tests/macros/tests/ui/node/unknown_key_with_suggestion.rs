use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(shcema = 2)]
struct City {
    name: String,
}

fn main() {}
