use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Robot {
    met: u32,
}

#[walker]
#[visited]
impl Robot {
    #[on_visit]
    fn robot(&mut self, _: &Stored<Self>) {
        self.met += 1;
    }

    #[visited_by(Self)]
    fn met_by(here: &mut Stored<Self>, other: &mut Self, _: &mut Walk<Self>) {
        here.met = other.met;
    }
}
