use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[jvspatial(crate = "no path")]
struct City {
    name: String,
}

fn main() {}
