use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
enum City {
    Capital { name: String },
}

fn main() {}
