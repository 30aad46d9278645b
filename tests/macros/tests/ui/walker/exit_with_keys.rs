use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

struct Reach;

#[walker]
impl Reach {
    #[on_exit(Airport)]
    async fn end(&mut self) {}
}

fn main() {}
