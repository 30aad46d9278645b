use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[jvspatial(crates = "graphs")]
struct City {
    name: String,
}

fn main() {}
