use jvspatial::prelude::*;

#[derive(Projection)]
#[projection(path = "address")]
struct Name {
    city: String,
}

fn main() {}
