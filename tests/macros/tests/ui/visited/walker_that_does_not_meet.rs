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
    fn town(&mut self, _: &Stored<Town>) {}
}

#[visited]
impl City {
    #[visited_by(Surveyor)]
    fn greet(&self, _walker: &mut Surveyor) {}

    #[left_by(Surveyor)]
    fn wave(&self, _walker: &mut Surveyor, _walk: &mut Walk<Surveyor>) {}
}

fn main() {}
