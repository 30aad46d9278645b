use jvspatial::prelude::*;

struct Reach;

#[walker(version = "two")]
impl Reach {}

struct Tour;

#[walker(version = 5_000_000_000)]
impl Tour {}

fn main() {}
