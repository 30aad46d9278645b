use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
#[node(index)]
#[node(index())]
#[node(index = "state")]
#[node(index(sate))]
#[node(index(seen))]
#[node(index(lat))]
#[node(index("latitude"))]
#[node(index("tags.0"))]
#[node(index("address..city"))]
#[node(index(state, -state))]
#[node(index(state, unique))]
#[node(index(state, name = "by_state"))]
#[node(index(state, iata, spares = true))]
#[node(index(latitude, sparse, partial = |a| a.iata.exists()))]
#[node(index(latitude, sparse, sparse))]
#[node(index(state iata))]
#[node(index(3))]
#[node(index(state, partial = ))]
#[node(unique(iata), index(iata))]
#[node(index(-iata), unique(-iata))]
struct Airport {
    iata: String,
    state: String,
    #[serde(rename = "lat")]
    latitude: f64,
    tags: Vec<String>,
    #[serde(skip)]
    seen: bool,
}

fn main() {}
