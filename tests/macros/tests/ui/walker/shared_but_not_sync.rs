use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Reach {
    met: std::cell::Cell<u32>,
}

#[walker]
impl Reach {
    #[on_visit]
    fn place(&self, _here: &Stored<City>) {
        self.met.set(1);
    }
}


fn walk_alone(graph: &Graph) {
    let _ = graph.walk(Reach { met: Default::default() });
}

fn walk_in_parallel(graph: &Graph) {
    let _ = graph.walk(Reach { met: Default::default() }).parallel(2);
}

fn main() {}
