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

struct Census;

#[walker(meets(City))]
impl Surveyor {}

#[walker(meets(City))]
impl Census {}

#[visited]
impl City {
    #[visited_by(Surveyor, Census)]
    fn one_walker(_: &Surveyor) {}

    #[visited_by(Surveyor, Census)]
    fn one_walk(_: &mut Walk<Surveyor>) {}

    #[visited_by(any)]
    fn any_walk(_: &mut Walk<Surveyor>) {}

    #[visited_by(any)]
    fn any_walker<W: Walker>(_: &W) {}

    #[visited_by(any)]
    fn unused<W: Walker>(&self) {}

    #[visited_by(any)]
    fn two<V: Walker, W: Walker>(_: &mut Walk<V>, _: &mut Walk<W>) {}
}

fn main() {}
