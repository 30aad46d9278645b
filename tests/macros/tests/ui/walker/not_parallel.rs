use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Reach {
    met: u32,
}

#[walker]
impl Reach {
    #[on_visit]
    fn place(&mut self, _here: &Stored<City>) {
        self.met += 1;
    }
}

fn walk(graph: &Graph) {
    let _ = graph.walk(Reach { met: 0 }).parallel(2);
}

fn main() {}
