use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[serde(rename_all = "camelCase")]
struct City {
    head_count: u32,
    #[serde(rename = "headCount")]
    population: u32,
}

fn main() {}
