use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[projection(path = "address.city")]
    city: City,
}

struct City;

fn main() {}
