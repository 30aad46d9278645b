use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    name: String,
    latitude: f64,
    tags: Vec<String>,
}

fn main() {
    let airport = Airport::fields();
    let _ = airport.latitude.matches("^6");
    let _ = airport.tags.matches("^hub");
    let _ = airport.latitude.modulo(2, 0);
    let _ = airport.name.contains("Oslo");
    let _ = airport.name.size(3);
    let _ = airport.name.any(|letter| letter.eq("O"));
    let _ = airport.tags.any(|tag| tag.size(3));
}
