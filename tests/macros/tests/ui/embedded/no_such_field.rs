use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Embedded)]
struct Address {
    city: String,
}

#[derive(Serialize, Deserialize)]
struct Position {
    latitude: f64,
}

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    address: Address,
    position: Position,
}

fn main() {
    let airport = Airport::fields();
    let _ = airport.address.town.eq("Oslo");
    let _ = airport.position.latitude.gte(65.0);
}
