use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Unit;

#[derive(Serialize, Deserialize, Node)]
struct Braces {}

#[test]
fn is_accepted() {
    let _: UnitFields = Unit::fields();
    let _: BracesFields = Braces::fields();
}
