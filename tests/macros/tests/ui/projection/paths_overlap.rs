use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    address: String,
    #[projection(path = "address.city")]
    city: String,
}

fn main() {}
