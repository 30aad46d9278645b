use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(rename = "na\0me")]
    name: String,
}

fn main() {}
