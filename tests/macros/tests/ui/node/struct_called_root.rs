use jvspatial::Node;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Root {}

fn main() {}
