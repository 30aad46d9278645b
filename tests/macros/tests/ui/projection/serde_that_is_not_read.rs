use jvspatial::prelude::*;

#[derive(Projection)]
struct Name {
    #[serde(flatten)]
    address: String,
    #[serde(alias = "title")]
    name: String,
    #[serde(skip)]
    skipped: String,
    #[serde(with = "text")]
    text: String,
}

fn main() {}
