use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
struct City {
    name: String,
    head_count: u64,
}

fn main() {}
