use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[projection(path = "address..city")]
    city: String,
}

fn main() {}
