use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Edge)]
#[edge(parallel = true)]
struct Road {}

fn main() {}
