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
    #[on_visit(City)]
    fn place(&mut self, _here: &Stored<City>) {}

    #[on_visit(any)]
    fn any(&mut self, _here: &Stored<City>) {}
}

fn main() {}
