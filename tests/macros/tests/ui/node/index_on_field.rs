use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
#[node(index(state))]
struct Airport {
    #[node(index, unique)]
    iata: String,
    #[node(index)]
    state: String,
    #[node(index(iata))]
    name: String,
    #[node(index(sprase))]
    owner: Option<String>,
    #[node(unique = true)]
    code: u32,
    #[node(indexed)]
    latitude: f64,
    #[node(index)]
    #[serde(skip)]
    seen: bool,
    #[node(index)]
    #[serde(flatten)]
    address: Address,
}

#[derive(Serialize, Deserialize)]
struct Address {
    city: String,
}

fn main() {}
