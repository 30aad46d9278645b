use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


#[derive(Serialize, Deserialize, Object)]
struct Settings {}

struct Reach;

#[walker(meets(City, Settings))]
impl Reach {
    #[on_visit]
    fn place(&mut self, _here: &Stored<City>) {}

    #[on_leave]
    fn leave(&mut self, _here: &Stored<City>) {}
}

fn main() {}
