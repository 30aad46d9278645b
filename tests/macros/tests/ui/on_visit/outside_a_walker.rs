use jvspatial::prelude::*;

struct Reach;

impl Reach {
    #[on_visit]
    fn hook(&mut self) {}
}

fn main() {}
