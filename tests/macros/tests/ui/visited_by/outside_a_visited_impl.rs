use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


impl City {
    #[visited_by(any)]
    fn greet(&self) {}

    #[left_by(any)]
    fn wave(&self) {}
}

fn main() {}
