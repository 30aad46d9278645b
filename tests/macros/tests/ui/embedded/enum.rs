use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Embedded)]
enum Surface {
    Asphalt,
}

fn main() {}
