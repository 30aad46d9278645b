use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
#[node(nmae = "Town", schema = 0)]
struct City {
    #[serde(rename = "$name")]
    name: String,
    #[serde(skip_deserializing)]
    population: u64,
}

fn uses_bring_no_errors_of_their_own(city: &City) -> bool {
    let _ = City::fields().population;
    City::NAME.is_empty() && city.name.is_empty()
}

fn main() {}
