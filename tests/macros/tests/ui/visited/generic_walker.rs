use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Finder<N>(Vec<N>);

#[walker]
impl<N: Node> Finder<N> {
    #[on_visit]
    fn place(&mut self, _: &Stored<N>) {}
}

#[visited]
impl City {
    #[visited_by(Finder<City>)]
    fn greet(&self) {}
}

fn main() {}
