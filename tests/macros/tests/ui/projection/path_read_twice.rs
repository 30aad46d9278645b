use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    name: String,
    #[projection(path = "name")]
    title: String,
}

fn main() {}
