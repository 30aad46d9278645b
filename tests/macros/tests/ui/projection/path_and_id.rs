use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[projection(id, path = "name")]
    name: Id,
}

fn main() {}
