use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

struct Reach;

#[walker]
impl Reach {
    #[on_exit]
    async fn summary(&mut self) -> Result<Control> {
        Ok(Control::Continue)
    }
}

fn main() {}
