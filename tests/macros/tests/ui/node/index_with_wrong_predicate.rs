use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
#[node(unique(iata, partial = |a| a.state.eq(3)))]
#[node(index(state, partial = |a| a.closed))]
#[node(index(closed, partial = "closed"))]
struct Airport {
    iata: String,
    state: String,
    closed: bool,
}

fn main() {}
