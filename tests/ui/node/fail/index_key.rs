use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(index(name, -population))]
struct City {
    name: String,
    population: u64,
}

fn main() {}
