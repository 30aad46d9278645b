use jvspatial::prelude::*;

#[on_visit]
fn hook() {}

fn main() {}
