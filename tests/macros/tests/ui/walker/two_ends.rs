use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Reach;

#[walker]
impl Reach {
    #[on_exit]
    fn end(&mut self, _ended: Ended, _again: &Ended) {}
}

fn main() {}
