use jvspatial::prelude::*;

#[derive(Projection)]
struct Name(String);

fn main() {}
