use jvspatial::prelude::*;

#[derive(Projection)]
struct Name<T> {
    name: T,
}

fn main() {}
