use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Country {}

#[derive(Serialize, Deserialize, Edge)]
#[edge(from = City, to = Country)]
struct CapitalOf {}

fn joins<A: Node, B: Node, E: Connects<A, B>>() {}
fn main() {
    joins::<City, Country, CapitalOf>();
    joins::<Country, City, CapitalOf>();
}
