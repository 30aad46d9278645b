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
    #[on_visit]
    fn place(&mut self, _here: &AnyNode, _ended: Ended) {}
}

fn main() {}
