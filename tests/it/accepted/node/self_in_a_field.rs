use jvspatial::Field;
use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Branch {
    parts: Vec<Self>,
    size: [u8; Self::SIZE],
}

impl Branch {
    const SIZE: usize = 2;
}

#[test]
fn is_accepted() {
    let _: Field<Vec<Branch>> = Branch::fields().parts;
    let _: Field<[u8; 2]> = Branch::fields().size;
}
