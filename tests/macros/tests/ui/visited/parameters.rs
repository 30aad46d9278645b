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

#[walker(meets(City), sequential)]
impl Surveyor {}

#[visited]
impl City {
    #[visited_by(Surveyor)]
    fn by_value(self) {}

    #[visited_by(Surveyor)]
    fn here_twice(&self, _here: &Stored<City>) {}

    #[visited_by(Surveyor)]
    fn walker_twice(_: &Surveyor, _: &mut Surveyor) {}

    #[visited_by(Surveyor)]
    fn walk_twice(_: &Walk<Surveyor>, _: &mut Walk<Surveyor>) {}

    #[visited_by(Surveyor)]
    fn unknown(_: u32) {}

    #[visited_by(Surveyor)]
    fn another_walker(_: &mut Town) {}

    #[visited_by(any)]
    fn any_unknown(_: &AnyNode) {}

    #[visited_by(Surveyor)]
    unsafe fn not_safe(&self) {}

    #[left_by(Surveyor)]
    fn control(&self) -> Control {
        Control::Skip
    }
}

fn main() {}
