use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Object)]
#[object(undirected)]
struct Settings {}

fn main() {}
