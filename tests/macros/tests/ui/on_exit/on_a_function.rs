use jvspatial::prelude::*;

#[on_exit]
fn hook() {}

fn main() {}
