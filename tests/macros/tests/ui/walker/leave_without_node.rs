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
    #[on_leave]
    fn place(&mut self, _walk: &mut Walk<Self>) {}
}

fn main() {}
