use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(rename = "$name")]
    name: String,
}

fn main() {}
