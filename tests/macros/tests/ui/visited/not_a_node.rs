use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


#[derive(Default)]
struct Surveyor {
    met: u32,
}

#[walker(meets(City))]
impl Surveyor {}

struct Plain;

#[visited]
impl Plain {
    #[visited_by(any)]
    fn greet(&self) {}
}

fn main() {}
