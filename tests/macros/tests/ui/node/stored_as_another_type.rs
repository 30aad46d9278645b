use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Node)]
#[serde(into = "Wire")]
struct City {
    name: String,
}

#[derive(Serialize)]
struct Wire {
    called: String,
}

impl From<City> for Wire {
    fn from(city: City) -> Self {
        Self { called: city.name }
    }
}

fn main() {}
