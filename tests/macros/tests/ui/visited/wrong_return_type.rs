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

#[visited]
impl City {
    #[visited_by(Surveyor)]
    fn greet(&self) -> u32 {
        1
    }

    #[visited_by(any)]
    async fn greet_anyone(&self) -> Option<u32> {
        None
    }
}

fn main() {}
