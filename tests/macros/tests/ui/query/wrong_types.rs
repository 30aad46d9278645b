use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    name: String,
    latitude: f64,
    count: u32,
    tags: Vec<String>,
    address: Address,
}

#[derive(Serialize, Deserialize, Embedded)]
struct Address {
    zip: u32,
}

fn main() {
    let airport = Airport::fields();
    let _ = airport.latitude.gte("65.0");
    let _ = airport.count.eq(3_i64);
    let _ = airport.name.one_of([1, 2]);
    let _ = airport.address.zip.eq("0150");
    let _ = airport.tags.contains(3);
    let _ = airport.tags.all([3]);
    let _ = airport.tags.size("3");
    let _ = airport.tags.any(|tag| tag.eq(3));
}
