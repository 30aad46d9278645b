use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[projection(pth = "address.city")]
    city: String,
}

fn main() {}
