use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Edge)]
#[edge(from = "City")]
struct Road {}

fn main() {}
