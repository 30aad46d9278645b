use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

#[derive(Serialize, Deserialize, Object)]
struct Settings {}

struct Reach;

#[walker]
impl Reach {
    #[on_visit]
    async fn settings(&mut self, _here: &Stored<Settings>) {}
}

fn main() {}
