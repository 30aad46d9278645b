use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

struct Reach;

trait Visits {
    fn airport(&mut self, _here: &AnyNode);
}

#[walker]
impl Visits for Reach {
    #[on_visit]
    fn airport(&mut self, _here: &AnyNode) {}
}

fn main() {}
