use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(rename(serialize = "called"))]
    name: String,
}

fn main() {}
