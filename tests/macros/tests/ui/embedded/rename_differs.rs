use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Embedded)]
struct Address {
    #[serde(rename(serialize = "town"))]
    city: String,
    #[serde(rename = "postal.code")]
    zip: String,
}

fn main() {}
