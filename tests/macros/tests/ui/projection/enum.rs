use jvspatial::prelude::*;

#[derive(Projection)]
enum Name {
    Short,
}

fn main() {}
