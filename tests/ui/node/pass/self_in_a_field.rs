use jvspatial::prelude::*;
use jvspatial::Field;

#[derive(Serialize, Deserialize, Node)]
struct Branch {
    parts: Vec<Self>,
    size: [u8; Self::SIZE],
}

impl Branch {
    const SIZE: usize = 2;
}

fn main() {
    let _: Field<Vec<Branch>> = Branch::fields().parts;
    let _: Field<[u8; 2]> = Branch::fields().size;
}
