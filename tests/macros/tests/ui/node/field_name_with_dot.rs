use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(rename = "name.de")]
    name: String,
}

fn main() {}
