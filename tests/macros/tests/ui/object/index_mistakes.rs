use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Object)]
#[object(unique(key))]
struct Settings {
    #[object(unique)]
    key: String,
}

fn main() {}
