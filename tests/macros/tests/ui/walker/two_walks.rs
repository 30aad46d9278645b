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
    async fn airport(&mut self, _here: &AnyNode, _walk: &mut Walk<Self>, _again: &mut Walk<Self>) {}
}

fn main() {}
