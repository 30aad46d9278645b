use jvspatial::EntityTypes;
use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

fn types<T: EntityTypes>() {}

fn main() {
    types::<(Airport, (Root, Airport))>();
    types::<(Airport, String)>();
}
