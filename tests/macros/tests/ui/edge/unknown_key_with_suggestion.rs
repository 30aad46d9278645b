use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Edge)]
#[edge(paralell)]
struct Road {}

fn main() {}
