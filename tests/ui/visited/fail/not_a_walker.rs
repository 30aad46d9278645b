use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Surveyor;

#[visited]
impl City {
    #[visited_by(Surveyor)]
    fn greet(&self) {}
}

fn main() {}
