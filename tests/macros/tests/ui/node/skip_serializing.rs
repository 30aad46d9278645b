use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(skip_serializing, default)]
    name: String,
}

fn main() {}
