use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Unit;

#[derive(Serialize, Deserialize, Node)]
struct Braces {}

fn main() {
    let _: UnitFields = Unit::fields();
    let _: BracesFields = Braces::fields();
}
