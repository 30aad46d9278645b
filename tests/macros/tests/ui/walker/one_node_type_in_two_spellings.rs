use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

struct Reach;

#[walker]
impl Reach {
    #[on_visit]
    fn first(&mut self, _here: &mut Stored<Airport>) {}

    #[on_visit]
    fn second(&mut self, _here: &mut Stored<self::Airport>) {}
}

fn main() {}
