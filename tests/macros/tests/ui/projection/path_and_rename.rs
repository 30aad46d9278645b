use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[projection(path = "address.city")]
    #[serde(rename = "town")]
    city: String,
}

fn main() {}
