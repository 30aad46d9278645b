use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(alias = "title")]
    name: String,
    title: String,
}

fn main() {}
