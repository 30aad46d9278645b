use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[serde(transparent)]
struct City {
    name: String,
}

fn main() {}
