use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Robot {
    met: u32,
}

#[walker]
impl Robot {
    #[on_visit]
    fn city(&mut self, _: &Stored<City>) {}

    #[on_visit]
    fn robot(&mut self, _: &Stored<Self>) {
        self.met += 1;
    }
}
