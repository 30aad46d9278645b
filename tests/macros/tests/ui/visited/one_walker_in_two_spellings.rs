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

#[walker(meets(City, Town), sequential)]
impl Surveyor {}

#[visited]
impl City {
    #[visited_by(Surveyor)]
    fn greet(&self) {}

    #[visited_by(self::Surveyor)]
    fn greet_again(_: &mut Surveyor) {}
}

#[visited]
impl Town {
    #[visited_by(Surveyor)]
    fn greet(&self) {}

    #[visited_by(self::Surveyor)]
    fn greet_again(&self) {}
}

fn main() {}
