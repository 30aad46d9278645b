use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

struct Reach;

#[walker]
impl Reach {
    #[cfg_attr(all(), on_visit)]
    fn airport(&mut self, _here: &AnyNode) {}
}

fn main() {}
