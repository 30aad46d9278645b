use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Object)]
struct Settings {}

fn in_the_graph<N: Node>() {}
fn main() {
    in_the_graph::<Settings>();
}
