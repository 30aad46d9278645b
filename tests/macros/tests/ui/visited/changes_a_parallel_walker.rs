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

#[walker]
impl Surveyor {
    #[on_visit]
    fn city(&self, _: &Stored<City>) {}
}

#[visited]
impl City {
    #[visited_by(Surveyor)]
    fn greet(walker: &mut Surveyor) {
        walker.met += 1;
    }
}

fn main() {}
