use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[projection(path = "runways.$")]
    runway: String,
}

fn main() {}
