use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


#[derive(Default)]
struct Surveyor {
    met: u32,
}

#[walker(meets(City))]
impl Surveyor {}

#[visited]
impl City {
    #[visited_by]
    fn no_list(&self) {}

    #[visited_by()]
    fn empty(&self) {}

    #[visited_by(Surveyor, Surveyor)]
    fn twice(&self) {}

    #[left_by = "Surveyor"]
    fn value(&self) {}

    #[visited_by(Surveyor)]
    #[left_by(Surveyor)]
    fn two_attributes(&self) {}

    #[cfg_attr(all(), visited_by(Surveyor))]
    fn conditional(&self) {}
}

fn main() {}
