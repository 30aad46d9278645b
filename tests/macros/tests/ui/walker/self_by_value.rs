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
    async fn airport(self, _here: &mut Stored<Airport>) {}
}

fn main() {}
