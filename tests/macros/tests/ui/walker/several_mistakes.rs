use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
}

struct Reach;

#[walker(reprot = String)]
impl Reach {
    #[on_visit]
    fn first(_here: &mut Stored<Airport>) {}

    #[on_visit]
    fn second(&mut self, _hops: u32) {}

    #[on_exit]
    fn third(self) {}
}

fn uses_bring_no_errors_of_their_own<W: Walker>(_: W) {}
fn main() {
    uses_bring_no_errors_of_their_own(Reach);
}
