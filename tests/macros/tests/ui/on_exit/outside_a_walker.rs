use jvspatial::prelude::*;

struct Reach;

impl Reach {
    #[on_exit]
    fn hook(&mut self) {}
}

fn main() {}
