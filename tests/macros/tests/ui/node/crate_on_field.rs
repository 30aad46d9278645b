use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[jvspatial(crate = "graphs")]
    name: String,
}

fn main() {}
