use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(rename(serialize = "called", deserialize = "named"))]
    name: String,
}

fn main() {}
